"""ESRGAN: dense blocks without norm, a relative critic, content told before rectification.

Wang et al., ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks, 2018; layers and
weights as in the authors' BasicSR. `--preset=paper` has their sizes and lengths, for which content
needs --perceptual=vgg and a file. Departures: gradients flow through the means of the relativistic
loss; the critic moves first, against fakes of the same generator; pixels alone are trained at a
constant rate, without restarts; the bicubic filter is SRGAN's here.
"""

from dataclasses import dataclass
from typing import Literal

from jaxgan.core.typing import Spec
from jaxgan.losses import objectives, super_resolution
from jaxgan.losses.super_resolution import Weights
from jaxgan.networks.esrgan import RRDBNet
from jaxgan.networks.srgan import Critic
from jaxgan.recipes import config, upscalers
from jaxgan.recipes.config import Preset
from jaxgan.recipes.types import Recipe


@dataclass(frozen=True)
class Config(upscalers.Config):
  """Options of ESRGAN."""

  growth: int = 16
  """Channels that each convolution of a dense block adds."""
  unshuffle: Literal[1, 2] = 1
  """2: the generator sees 2x2 pixels as one, as Real-ESRGAN's networks of scale 2 do."""
  blocks: int = 2
  pretrain_lr: float = 2e-4
  beta2: float = 0.99
  schedule: config.Schedule = 'halves'


PAPER: Preset = dict(
  image_size=128,
  crop=128,
  width=64,
  blocks=23,
  growth=32,
  pretrain=1_000_000,
  steps=1_400_000,
)


def build(config: Config, spec: Spec) -> Recipe:
  """RRDBNet by absolute differences, then against a relativistic critic.

  Raises:
    ValueError: crops that do not fit, or no labels for a classifier.
  """
  width = config.width
  widths = tuple(width * min(2**i, 8) for i in range(5))
  # The loss is of differences of logits: a last bias would have no gradient.
  critic = Critic(widths, down=4, hidden=100, bias=False)
  return upscalers.recipe_of(
    config,
    spec,
    generator=RRDBNet(
      spec.channels,
      width,
      config.blocks,
      config.growth,
      config.doublings + config.unshuffle // 2,
      config.unit,
      config.unshuffle,
    ),
    critic=critic,
    objective=objectives.relativistic_average(),
    distance=super_resolution.absolute,
    weights=Weights(pixel=1e-2, content=1.0, adversarial=5e-3),
    rectified=False,
    multiple=config.unshuffle,
  )
