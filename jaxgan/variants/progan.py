"""Progressive GAN: networks that grow from tiny images to large ones, a size at a time.

Karras et al., Progressive Growing of GANs for Improved Quality, Stability, and Variation, 2018.
Departures: one batch size and one learning rate for all sizes (the authors' batch shrinks from 128
to 4 as images grow); the weight of a size that fades in moves at every step; no labels.
`--preset=paper` has the authors' 600 000 images a stage, at 128 pixels.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from jaxgan.core import network
from jaxgan.core.game import Nets
from jaxgan.core.typing import Array, Spec
from jaxgan.losses import adversarial, gradient_penalties, objectives
from jaxgan.networks import progan, resnet
from jaxgan.nn.minibatch import group_size
from jaxgan.recipes import config, tricks
from jaxgan.recipes.progressive import Growth
from jaxgan.recipes.two_player import duel, latents, slopes
from jaxgan.recipes.types import Recipe, Stage, from_latents


@dataclass(frozen=True)
class Growing(config.TwoPlayer, config.Algorithm, config.TopK):
  """Options of the variants that grow."""

  stage_images: int = 0
  """Real images in each stage, be it that a size fades in or stands; 0: equal parts of the run."""
  width: int = 64
  """Channels at most."""
  base: int = 512
  """Channels are at most this, halved with every size from the second on."""
  latent_size: int = 64
  generator_lr: float = 1e-3
  critic_lr: float = 1e-3
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

  def warnings(self, spec: Spec) -> list[str]:
    """Add a run that never leaves the first size."""
    found, first = super().warnings(spec), self.stage_images // self.images_per_step
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


@dataclass(frozen=True)
class Config(Growing):
  """Options of Progressive GAN."""

  penalty_weight: float = 10.0
  """Weight of the gradient penalty."""
  drift: float = 1e-3
  """Weight of the squared logits of real images."""


PAPER: dict[str, Any] = dict(
  image_size=128,
  images=12_000_000,
  stage_images=600_000,
  batch_size=16,
  width=512,
  base=8192,
  latent_size=512,
  ema_images=11_085.0,  # 0.999 at each step of 16
  ema_rampup=1e6,
)


def growth(config: Growing, spec: Spec, first: int = 0) -> Growth:
  """Its sizes, from number `first` on, and the length of each stage.

  Raises ValueError for a size that does not halve to 4..7, or a batch that forms no groups whose
  std the critic sees.
  """
  group_size(config.batch_size, 4)  # refuses
  small, doublings = resnet.stem(spec.size)
  sizes = tuple(small * 2**i for i in range(first, doublings + 1))
  shared = config.length // (2 * len(sizes) - 1)
  steps = config.stage_images // config.images_per_step if config.stage_images else shared
  return Growth(sizes, max(steps, 1))


def build(config: Config, spec: Spec) -> Recipe:
  """A stage for each size that fades in or stands; WGAN-GP's losses, and drift."""
  grown, latent = growth(config, spec), latents(config)
  given = lambda nets, batch: (grown.weight(nets.step),)
  penalties = [
    gradient_penalties.gradient_penalty(config.penalty_weight),
    gradient_penalties.drift(config.drift),
    *slopes(config),
  ]
  pair = partial(
    tricks.losses_between,
    config,
    objectives.wasserstein(),
    penalties,
    generate=adversarial.generated(latent, given),
    given=given,
    latent=latent,
  )

  def generate(nets: Nets, latents: Array, labels: Array) -> Array:
    image = nets('generator', latents, *given(nets, {}))[0]
    return jnp.clip(grown.whole(image), -1, 1)

  def stage(i: int) -> Stage:
    sizes, fades = grown.sizes[: grown.level(i) + 1], grown.fades(i)
    widths = progan.widths(len(sizes), config.base, config.width)
    networks = {
      'generator': network.linen(progan.Generator(sizes, widths[1:], spec.channels, fades)),
      'critic': network.linen(progan.Critic(sizes, widths, fades)),
    }
    weight, image = jnp.ones(()), jnp.zeros((2, sizes[-1], sizes[-1], spec.channels))
    example = {'generator': (latent(jax.random.key(0), 2), weight), 'critic': (image, weight)}
    pairs = pair(real=partial(grown.real, stage=i))
    game = duel(config, networks, pairs, memory=tricks.memory(config))
    return Stage(game, example, grown.length(i), fresh=('opt',))

  return from_latents(tuple(map(stage, range(grown.stages))), latent, False, generate)
