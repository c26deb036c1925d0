"""The state of a run, in one tree."""

import flax

from jaxgan.core.typing import Array, Key, Logs, Memory, Tree


@flax.struct.dataclass
class TrainState:
  """The whole state of a run in one tree: dictionaries by network, but `opt` by player."""

  step: Array
  key: Key
  params: dict[str, Tree]
  variables: dict[str, Tree]
  memory: Memory
  opt: dict[str, Tree]
  ema: dict[str, Tree]
  skipped: Array  # int32 [4]: the counts of `guard.keep`


Played = tuple[TrainState, Logs]
"""The state after a step or a turn, and what it logs."""
