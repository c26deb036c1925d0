"""Growing: small images first, then each next size fades in and stands."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, NamedTuple

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.core.game import Loss
from jaxgan.core.nets import Nets
from jaxgan.core.network import linen
from jaxgan.core.typing import Array, Batch, Spec
from jaxgan.losses.adversarial import Real
from jaxgan.networks import progan, resnet
from jaxgan.nn.minibatch import group_size
from jaxgan.ops.resample import blend, pool, upsample
from jaxgan.recipes import config, tricks
from jaxgan.recipes.two_player import duel
from jaxgan.recipes.types import Stage


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

  def given(self, nets: Nets, batch: Batch) -> tuple[Array]:
    """Return what growing networks take besides latents or images: the newest size's weight."""
    return (self.weight(nets.step),)

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


@dataclass(frozen=True)
class Growing(config.TwoPlayer, config.Algorithm, config.TopK, config.Accumulated):
  """Options of the variants that grow."""

  stage_images: int = 0
  """Real images in each stage, be it that a size fades in or stands; 0: equal parts of the run."""
  width: int = 64
  """Channels at most."""
  base: int = 512
  """Channels are at most this, halved with every size from the second on."""
  latent_size: int = 64
  # Measured on a laptop: equalized kernels move slowly. The authors have 1e-3, and train for days.
  generator_lr: float = 5e-3
  critic_lr: float = 5e-3
  beta1: float = 0.0
  beta2: float = 0.99

  IDLE_BEFORE: ClassVar[tuple[str, ...]] = (
    'augment',
    'lecam',
    'cr',
    'cr_fake',
    'zcr',
    'zcr_generator',
    'top_k',
  )

  def problems(self) -> list[str]:
    """Add a length of stages below 0."""
    return super().problems() + config.zero_or_above(self, 'stage_images')

  def cautions(self, spec: Spec) -> list[str]:
    """Add a run that never leaves the first size."""
    found, first = super().cautions(spec), self.stage_images // self.images_per_step
    if self.stage_images and first >= self.length and resnet.stem(spec.size)[1] > 0:
      found.append(
        f'the run of {self.length} steps never leaves the first size, which takes {first}: '
        f'give a --stage-images below {self.stage_images}, or more --steps'
      )
    return found

  def bound_to_length(self) -> str:
    """Stages that share the run."""
    shared = '' if self.stage_images else 'the length of the stages is a share of it'
    return super().bound_to_length() or shared


class Level(NamedTuple):
  """Describe the networks of one stage, for a variant to build.

  `sizes` are those of the maps up to the stage's own, `widths` their channels with one more before
  them, `fades` says whether the last size is fading in. `image` is a batch of the stage's images
  and `weight` the newest size's weight, to initialize networks with. `real` makes images of the
  stage's size from the batch's.
  """

  sizes: tuple[int, ...]
  widths: tuple[int, ...]
  fades: bool
  image: Array
  weight: Array
  real: Real


Networks = Mapping[str, tuple[nn.Module, Sequence[Array]]]
"""Modules by name, each with the inputs to initialize it with."""


def growth(config: Growing, spec: Spec, first: int = 0) -> Growth:
  """Return the sizes of a run, from number `first` on, and the length of each stage.

  Raises:
    ValueError: a size that does not halve to 4..7, or a batch that forms no groups whose standard
      deviation the critic could see.
  """
  group_size(config.batch_size, 4)  # refuses
  sizes = resnet.sizes(spec.size)[first:]
  shared = config.length // (2 * len(sizes) - 1)
  images = config.stage_images
  return Growth(sizes, max(images // config.images_per_step if images else shared, 1))


def stages(
  config: Growing,
  spec: Spec,
  grown: Growth,
  build: Callable[[Level], tuple[Networks, tuple[Loss, Loss]]],
) -> tuple[Stage, ...]:
  """Return a stage for each size that fades in or stands.

  `build(level)` gives the networks of a stage and the losses of critic and generator. Networks have
  all sizes from the smallest on, also where the first stage is larger. Optimizers start afresh with
  each stage.
  """
  smaller = tuple(small for small in resnet.sizes(spec.size) if small < grown.sizes[0])

  def stage(i: int) -> Stage:
    sizes = (*smaller, *grown.sizes[: grown.level(i) + 1])
    widths = progan.widths(len(sizes), config.base, config.width)
    image = jnp.zeros((2, sizes[-1], sizes[-1], spec.channels))
    real = partial(grown.real, stage=i)
    networks, pair = build(Level(sizes, widths, grown.fades(i), image, jnp.ones(()), real))
    modules = {name: linen(module) for name, (module, _) in networks.items()}
    example = {name: inputs for name, (_, inputs) in networks.items()}
    game = duel(config, modules, pair, memory=tricks.memory(config))
    return Stage(game, example, grown.length(i), fresh=('opt',))

  return tuple(map(stage, range(grown.stages)))
