"""WGAN with gradient penalty: the critic's slope is drawn towards one.

Gulrajani et al., Improved Training of Wasserstein GANs, 2017; networks of the authors'
gan_mnist.py, but for maps of 7x7, which are made at that size instead of cropped from 8x8. The
laptop's form departs from the article: the generator has batch norm, as theirs for CIFAR-10, the
critic moves once for each step of the generator, not five times, the rates are 1e-3, not 1e-4, and
beta1 is 0, not 0.5. Its images are better in less time (measured: `experiments/defaults.md`).
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import flax.linen as nn

from jaxgan.core.typing import Spec
from jaxgan.losses import gradient_penalties, objectives
from jaxgan.networks import dcgan
from jaxgan.recipes import config
from jaxgan.recipes.accumulation import NORM
from jaxgan.recipes.config import Preset
from jaxgan.recipes.two_player import two_player
from jaxgan.recipes.types import Recipe


@dataclass(frozen=True)
class Config(config.Ordinary, config.Packs, config.Accumulated):
  """Options of WGAN-GP."""

  width: int = 64
  """Channels of the layers next to the image; they double with every halving of its size."""
  generator_norm: bool = True
  """Batch norm in the generator."""
  penalty: Literal['gradient_penalty', 'one_sided', 'dragan'] = 'gradient_penalty'
  """Slopes near one between real and fake; at most one there; near one around real images."""
  penalty_weight: float = 10.0
  """Weight of the penalty."""
  steps: int = 6000
  latent_size: int = 128
  generator_lr: float = 1e-3
  critic_lr: float = 1e-3
  beta1: float = 0.0
  beta2: float = 0.9

  BEFORE: ClassVar[Preset] = {'generator_norm': False}
  NEEDS: ClassVar[tuple[config.Needs, ...]] = (
    config.Needs(('penalty',), lambda c: c.penalty_weight, {'penalty_weight': 10.0}),
    config.Needs(
      ('accumulate',), lambda c: not c.generator_norm, {'generator_norm': False}, why=NORM
    ),
  )


PENALTIES = {
  'gradient_penalty': gradient_penalties.gradient_penalty,
  'one_sided': gradient_penalties.one_sided,
  'dragan': gradient_penalties.dragan,
}
PAPER: Preset = dict(
  image_size=28,
  batch_size=50,
  generator_norm=False,
  n_critic=5,
  generator_lr=1e-4,
  critic_lr=1e-4,
  beta1=0.5,
  ema_images=0.0,
)


def build(config: Config, spec: Spec) -> Recipe:
  """Convolutional networks, the critic without any normalization, and the penalty.

  Raises:
    ValueError: images of fewer than 8 pixels.
  """
  if spec.size < 8:
    raise ValueError(f'{config.variant} needs images of 8 pixels or more, these are {spec.size}')
  sizes = dcgan.ladder(spec.size, stem=4)
  widths = dcgan.widths(config.width, len(sizes) - 1)
  start = nn.initializers.he_normal()
  return two_player(
    config,
    spec,
    generator=dcgan.Generator(
      sizes, widths[::-1], spec.channels, kernel=5, norm=config.generator_norm, start=start
    ),
    critic=dcgan.Critic(widths, kernel=5, norm=False, start=start),
    objective=objectives.wasserstein(),
    penalty=[PENALTIES[config.penalty](config.penalty_weight)],
  )
