"""Types that all other modules share."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import chex
import jax

from jaxgan.core.columns import Column

Value = TypeVar('Value')
Array = jax.Array
Key = jax.Array
Tree = chex.ArrayTree
Variables = Mapping[str, Any]
"""All variables of a network by Flax's names: `{'params': ..., 'batch_stats': ...}`."""
Memory = Mapping[str, Any]
"""State that belongs to no network, by name: trees of arrays."""
Batch = Mapping[str, Array]
"""Images `[B, H, W, C]` in [-1, 1] as `'image'`; labels, if any, int32 `[B]` as `'label'`; for data
of two domains, images of the second domain as `'target'`."""
Logs = dict[str, Array]
Json = dict[str, Any]
"""An object of JSON, or values that are written as one, such as the options of a run."""
CriticFunction = Callable[[Array], Array]
"""A critic in which all but the images is fixed: images `[B, ...]` -> logits `[B]`."""
Latent = Callable[[Key, int], Array]
"""A function that draws n latents: `(key, n) -> [n, ...]`."""

Step = Array | int
"""The number of steps that were played before this one."""


class Spec(NamedTuple):
  """The properties of a data set's images: `size` in pixels of each side, channels, classes.

  `classes` is 0 where there are no labels. `names` are the names of the classes.

  A row of a table is an image of one pixel. `columns` then says what its channels mean, and the
  classes are the categories of all columns.
  """

  size: int
  channels: int
  classes: int = 0
  names: tuple[str, ...] = ()
  columns: tuple[Column, ...] = ()

  @property
  def shape(self) -> tuple[int, int, int]:
    """Return the shape of one image, (H, W, C)."""
    return self.size, self.size, self.channels

  @property
  def form(self) -> str:
    """Return the shape of one image in words, or the number of columns of a row."""
    if self.columns:
      return f'{len(self.columns)} columns'
    return f'{self.size} x {self.size} x {self.channels}'
