"""DCGAN: all-convolutional networks with batch norm.

Radford et al., Unsupervised Representation Learning with Deep Convolutional GANs, 2015. The preset
`paper` is the 64-pixel form of the PyTorch examples, with the article's batch of 128; it departs
from the article in the kernels (4x4 for 5x5) and in the width (64 for 128). The laptop's form
departs further: its critic has no batch norm, R1 penalizes the critic's gradients, the rates are
1e-3, beta1 is 0, and no update of an array is larger than the rate. Its images are better
(measured: `experiments/defaults.md`).
"""

from dataclasses import dataclass
from typing import ClassVar, TypedDict

import flax.linen as nn

from jaxgan.core.typing import Spec
from jaxgan.losses import objectives
from jaxgan.networks import dcgan
from jaxgan.recipes import config
from jaxgan.recipes.accumulation import NORM
from jaxgan.recipes.config import Preset
from jaxgan.recipes.two_player import two_player
from jaxgan.recipes.types import Recipe


@dataclass(frozen=True)
class Convolutional(config.Group):
  """Networks."""

  width: int = 64
  """Channels of the layers next to the image; they double with every halving of its size."""
  critic_norm: bool = True
  """Batch norm in the critic; to be off where gradients are penalized."""
  bias: bool = True
  """Biases in the layers that no batch norm follows."""

  NEEDS: ClassVar[tuple[config.Needs, ...]] = (
    config.Needs(
      ('accumulate',),
      lambda c: getattr(c, 'maxout', False) or (c.virtual_batch and not c.critic_norm),
      {'virtual_batch': 64, 'critic_norm': False},
      why=NORM,
    ),
  )

  def problems(self) -> list[str]:
    """Add a gradient penalty: it takes each image for itself, which batch norm forbids."""
    found, players = super().problems(), config.part(self, config.Players)
    if self.mixes and (players.r1 or players.r2):
      found.append(
        '--r1 and --r2 need --critic-norm=False, or must be 0: batch norm mixes the images'
      )
    return found

  @property
  def mixes(self) -> bool:
    """Whether the critic's batch norm mixes the images."""
    return self.critic_norm


@dataclass(frozen=True)
class Penalized(Convolutional):
  """Networks."""

  # Measured on a laptop: R1 in place of the critic's batch norm, and the rates that it bears.
  critic_norm: bool = False
  r1: float = 1.0
  generator_lr: float = 1e-3
  critic_lr: float = 1e-3
  beta1: float = 0.0
  beta2: float = 0.99


@dataclass(frozen=True)
class Bounded(Penalized):
  """Networks."""

  # Measured on a laptop: without the bound, bursts of the critic's gradients end runs on larger,
  # colored images.
  update_clip: float = 1.0

  BEFORE: ClassVar[Preset] = {'update_clip': 0.0}


@dataclass(frozen=True)
class Smoothed(config.Group):
  """Objective."""

  smoothing: float = 0.0
  """One-sided label smoothing: the critic's target for real images is 1 less this."""


@dataclass(frozen=True)
class Config(Bounded, Smoothed, config.Config):
  """Options of DCGAN."""

  steps: int = 6000


AS_PUBLISHED: Preset = dict(
  **dict(critic_norm=True, r1=0.0, generator_lr=2e-4, critic_lr=2e-4, beta1=0.5, beta2=0.999),
  update_clip=0.0,
)
"""What `Bounded` departs from: the article's critic and optimizer."""
PAPER: Preset = dict(
  image_size=64, batch_size=128, bias=False, ema_images=0.0, width=64, **AS_PUBLISHED
)


class Networks(TypedDict):
  """The two networks, as `two_player` takes them."""

  generator: nn.Module
  critic: nn.Module


def networks(config: Convolutional, spec: Spec, *, conditional: bool = False) -> Networks:
  """Generator and critic of DCGAN for images of any size from 8 pixels.

  Raises:
    ValueError: a smaller image.
  """
  if spec.size < 8:
    raise ValueError(f'these networks need images of 8 pixels or more, these are {spec.size}')
  sizes, classes = dcgan.ladder(spec.size), spec.classes if conditional else 0
  widths = dcgan.widths(config.width, len(sizes) - 1)
  generator = dcgan.Generator(sizes, widths[::-1], spec.channels, classes=classes, bias=config.bias)
  critic = dcgan.Critic(widths, classes=classes, bias=config.bias, norm=config.critic_norm)
  return Networks(generator=generator, critic=critic)


def build(config: Config, spec: Spec) -> Recipe:
  """DCGAN's networks and the non-saturating loss."""
  objective = objectives.nonsaturating(config.smoothing)
  return two_player(config, spec, objective=objective, **networks(config, spec))
