"""LSGAN: DCGAN's networks with least squares in place of cross-entropy.

Mao et al., Least Squares Generative Adversarial Networks, 2016. The networks are DCGAN's where the
article's have a few more layers. They take the class, if the images have classes, as those of the
article do for its many kinds of characters. The laptop's form departs from the article: its critic
has no batch norm, R1 penalizes the critic's gradients, beta1 is 0, and there are 16 latents. Its
images are better (measured: `experiments/defaults.md`). `--preset=paper` is the article's form for
scenes, which takes no classes.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from jaxgan.core.typing import Spec
from jaxgan.losses import objectives
from jaxgan.recipes import config
from jaxgan.recipes.config import Preset
from jaxgan.recipes.labels import chosen_classes
from jaxgan.recipes.two_player import two_player
from jaxgan.recipes.types import Recipe
from jaxgan.variants import dcgan


@dataclass(frozen=True)
class Config(dcgan.Penalized, config.Config, config.Labels):
  """Options of LSGAN."""

  coding: Literal['least_squares', 'least_squares_pearson'] = 'least_squares'
  """Targets 1 and 0, the generator's 1; or 1 and -1, the generator's 0 (Pearson's chi squared)."""
  # Measured on a laptop: few latents draw fewer digits between two kinds, and with the rates of
  # DCGAN's laptop form the critic's gradients burst on larger, colored images.
  latent_size: int = 16
  generator_lr: float = 3e-4
  critic_lr: float = 3e-4
  steps: int = 6000

  BEFORE: ClassVar[Preset] = {'conditional': False}


PAPER: Preset = {
  **dcgan.AS_PUBLISHED,
  **dict(image_size=64, latent_size=100, generator_lr=1e-3, critic_lr=1e-3, ema_images=0.0),
  **dict(conditional=False),
}


def build(config: Config, spec: Spec) -> Recipe:
  """DCGAN's networks and the least squares of the chosen coding.

  Raises:
    ValueError: as `chosen_classes` and `dcgan.networks`.
  """
  conditional = bool(chosen_classes(config, spec))
  return two_player(
    config,
    spec,
    objective=objectives.OBJECTIVES[config.coding](),
    conditional=conditional,
    **dcgan.networks(config, spec, conditional=conditional),
  )
