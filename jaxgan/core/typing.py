"""The words that every other module uses."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import chex
import jax

Array = jax.Array
Key = jax.Array
Tree = chex.ArrayTree
Variables = Mapping[str, Any]
"""Everything a network holds, as Flax names it: `{'params': ..., 'batch_stats': ...}`."""
Batch = Mapping[str, Array]
"""Images `[B, H, W, C]` in [-1, 1] as `'image'`; if labelled, int32 `[B]` as `'label'`; of data of
two domains, images of the second as `'target'`."""
Logs = dict[str, Array]
Score = Callable[[Array], Array]
"""A critic with everything but the images fixed: images `[B, ...]` -> logits `[B]`."""
Latent = Callable[[Key, int], Array]
"""Draws that many latents: `(key, n) -> [n, ...]`."""

Step = Array | int
"""How many steps were played before."""


class Spec(NamedTuple):
  """What there is to know of a data set's images: `size` pixels on a side, channels, classes.

  `classes` is 0 where there are no labels; `names` are those of the classes.
  """

  size: int
  channels: int
  classes: int = 0
  names: tuple[str, ...] = ()

  @property
  def shape(self) -> tuple[int, int, int]:
    """The shape of one image."""
    return self.size, self.size, self.channels
