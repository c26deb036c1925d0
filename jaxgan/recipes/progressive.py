"""Growing: small images first, then each next size fades in and stands."""

from typing import NamedTuple

import jax.numpy as jnp

from jaxgan.core.game import Nets
from jaxgan.core.typing import Array
from jaxgan.ops.resample import blend, pool, upsample


class Growth(NamedTuple):
  """`sizes` of images, each twice the one before, and the length of a stage in steps.

  Stage 0 plays the first size; then for each next one a stage fades it in, and one plays it.
  """

  sizes: tuple[int, ...]
  steps: int

  @property
  def stages(self) -> int:
    """How many there are."""
    return 2 * len(self.sizes) - 1

  def level(self, stage: int) -> int:
    """The size that a stage plays, as an index."""
    return (stage + 1) // 2

  def fades(self, stage: int) -> bool:
    """Whether the stage's size is still fading in."""
    return stage % 2 == 1

  def length(self, stage: int) -> int | None:
    """How many steps a stage takes; None: to the end of the run."""
    return None if stage == self.stages - 1 else self.steps

  def weight(self, step: Array | int) -> Array:
    """The share of the newest size at a step: from 0 up in a stage that fades, else 1."""
    stage = step // self.steps
    fading = (stage % 2 == 1) & (stage < self.stages - 1)
    return jnp.where(fading, step % self.steps / self.steps, 1.0)

  def real(self, nets: Nets, images: Array, stage: int) -> Array:
    """Full-size images as the stage's: boxes of pixels averaged, and blended as the networks are.

    weight x + (1 - weight) up(down(x))
    """
    while images.shape[1] > self.sizes[self.level(stage)]:
      images = pool(images)
    if not self.fades(stage):
      return images
    return blend(upsample(pool(images)), images, self.weight(nets.step))

  def whole(self, images: Array) -> Array:
    """A stage's images in full size, every pixel repeated."""
    while images.shape[1] < self.sizes[-1]:
      images = upsample(images)
    return images
