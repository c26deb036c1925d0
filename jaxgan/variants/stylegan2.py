"""StyleGAN2 with adaptive augmentation: styles that scale convolutions, lazy penalties.

Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2020, and Training Generative
Adversarial Networks with Limited Data, 2020; `--preset=paper` is the latter's CIFAR-10 setting.
Departures: the critic moves before the generator; the average style moves in the generator's turns
alone; p has a cap; augmentation is one bilinear interpolation (`jaxgan.ada`).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from jaxgan.core.game import Turn
from jaxgan.core.typing import Spec
from jaxgan.losses import adversarial, objectives
from jaxgan.losses.path_length import path_length
from jaxgan.losses.style_mixing import Drawing
from jaxgan.networks import resnet, stylegan2
from jaxgan.nn.minibatch import group_size
from jaxgan.recipes import style_based
from jaxgan.recipes.config import Labels, Needs, Preset, above_zero, zero_or_above
from jaxgan.recipes.labels import chosen_classes
from jaxgan.recipes.two_player import latents
from jaxgan.recipes.types import Recipe


@dataclass(frozen=True)
class Config(style_based.Options, Labels):
  """Options of StyleGAN2."""

  base: int = 1024
  """Channels of a size are this over it, at most `width`."""
  mapping_layers: int = 2
  """Layers from latents to styles."""
  residual: bool = True
  """Shortcuts in the critic."""
  group: int = 4
  """Images whose deviation the critic sees."""
  # As in the authors' setting for small images: neither mixing nor path lengths (measured).
  mixing: float = 0.0
  """Probability that a batch's images are each made of two latents."""
  path_weight: float = 0.0
  """Weight of the path length penalty, 2 in the authors' larger settings; 0 leaves its turn out."""
  path_every: int = 4
  """Steps from one path length penalty to the next."""
  kept_noise: bool = False
  """Keep the fixed noise of `generate` with the run, as the authors do; else all runs share it."""
  clamp: float = 0.0
  """Bound of the outputs of layers, 256 in the authors' networks with float16 layers; 0: none."""
  psi: float = 1.0
  """Truncation of samples: styles are drawn towards their mean by this; 1: not at all."""
  # Measured on a laptop: few small images need a flatter critic, and bear twice the authors' rate.
  r1: float = 10.0
  steps: int = 2000
  latent_size: int = 64
  generator_lr: float = 5e-3
  critic_lr: float = 5e-3
  beta1: float = 0.0
  beta2: float = 0.99

  NEEDS: ClassVar[tuple[Needs, ...]] = (
    Needs(('path_every',), lambda c: c.path_weight, {'path_weight': 2.0}),
    Needs(
      ('accumulate',),
      lambda c: not c.path_weight,
      {'path_weight': 0.0},
      why='would change the penalty of path lengths',
    ),
  )

  def problems(self) -> list[str]:
    """The rhythm of the path length penalty."""
    return super().problems() + above_zero(self, 'path_every') + zero_or_above(self, 'clamp')


PAPER: Preset = dict(
  image_size=32,
  base=32768,
  width=512,
  latent_size=512,
  residual=False,
  group=32,
  r1=0.01,
  generator_lr=2.5e-3,
  critic_lr=2.5e-3,
  ada_images=500_000.0,
  ema_images=500_000.0,
  images=100_000_000,
)


def build(config: Config, spec: Spec) -> Recipe:
  """Mapping, synthesis and critic; the logistic losses, lazy penalties and ADA.

  Raises:
    ValueError: a size that does not halve to 4..7, a batch that forms no groups; as
      `chosen_classes`.
  """
  group_size(config.batch_size, config.group)  # refuses
  sizes = resnet.sizes(spec.size)
  widths = stylegan2.widths(sizes, config.base, config.width)
  classes = chosen_classes(config, spec)
  given = adversarial.labels if classes else adversarial.nothing
  fakes = Drawing(latents(config), 2 * len(sizes), given, mixing=config.mixing)
  networks = {
    'mapping': stylegan2.Mapping(config.width, config.mapping_layers, classes),
    'synthesis': stylegan2.Synthesis(sizes, widths, spec.channels, config.kept_noise, config.clamp),
    'critic': stylegan2.Critic(
      sizes, widths, config.residual, config.group, classes, clamp=config.clamp
    ),
  }
  path = path_length(fakes, config.path_weight, config.path_every)
  lazy = (Turn('generator', path, 'path', every=config.path_every),)
  stage = style_based.stage(
    config,
    spec,
    networks,
    objectives.nonsaturating(),
    fakes,
    conditional=bool(classes),
    lazy=lazy if config.path_weight else (),
    memory={'path_mean': np.float32(0)} if config.path_weight else {},
  )
  noise = [size for size in sizes for _ in range(2)][1:]
  return style_based.recipe(
    (stage,), fakes, conditional=bool(classes), psi=config.psi, truncate=fakes.layers, noise=noise
  )
