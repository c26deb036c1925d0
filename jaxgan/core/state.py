"""The state of a run: all there is to it, in one tree."""

from typing import Any

import flax

from jaxgan.core.typing import Array, Key, Tree


@flax.struct.dataclass
class TrainState:
  """All there is to a run in one tree: by network, but `opt` by player."""

  step: Array
  key: Key
  params: dict[str, Tree]
  variables: dict[str, Tree]
  memory: dict[str, Any]
  opt: dict[str, Tree]
  ema: dict[str, Tree]
  skipped: Array  # int32 [4]: what the guard counts
