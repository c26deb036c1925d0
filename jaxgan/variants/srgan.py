"""SRGAN: four times as many pixels a side, by pixels first and then against a critic.

Ledig et al., Photo-Realistic Single Image Super-Resolution Using a GAN, 2017; layers and weights as
in the re-implementation of github.com/Lornatang/SRGAN-PyTorch. `--preset=paper` has their sizes and
lengths; their content loss needs --perceptual=vgg and a file. Departures: random flips, and a
bicubic filter that leaves out what lies outside of the image, as Pillow's, not as MATLAB's.
"""

from dataclasses import dataclass

from jaxgan.core.typing import Spec
from jaxgan.losses import objectives, super_resolution
from jaxgan.losses.super_resolution import Weights
from jaxgan.networks.srgan import Critic, PlainResNet, SRResNet
from jaxgan.recipes import config, upscalers
from jaxgan.recipes.config import Preset
from jaxgan.recipes.types import Recipe


@dataclass(frozen=True)
class Config(upscalers.Config):
  """Options of SRGAN."""

  schedule: config.Schedule = 'tenth'
  plain: bool = False
  """The generator without batch norm, as MSRResNet of the library BasicSR."""


PAPER: Preset = dict(image_size=96, width=64, blocks=16, pretrain=1_000_000, steps=1_200_000)


def build(config: Config, spec: Spec) -> Recipe:
  """SRResNet by squared differences, then against a critic, told content by rectified maps.

  Raises:
    ValueError: crops that do not fit, or no labels for a classifier.
  """
  width, network = config.width, PlainResNet if config.plain else SRResNet
  return upscalers.recipe_of(
    config,
    spec,
    generator=network(spec.channels, width, config.blocks, config.doublings, config.unit),
    critic=Critic(tuple(width * 2**i for i in range(4)), hidden=16 * width),
    objective=objectives.nonsaturating(),
    distance=super_resolution.squared,
    weights=Weights(pixel=0.0, content=1.0, adversarial=1e-3),
    rectified=True,
  )
