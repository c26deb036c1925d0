"""WGAN with clipped weights, a teaching baseline: clipping is known to work badly.

Arjovsky et al., Wasserstein GAN, 2017. Weights are clipped after each critic step, where the
authors' code clips before it, so that they are within bounds whenever one looks; the hundred critic
steps of the first 25 rounds and of every 500th are left out.
"""

from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp

from jaxgan.core.typing import Spec
from jaxgan.losses import objectives
from jaxgan.recipes import config
from jaxgan.recipes.config import Preset
from jaxgan.recipes.two_player import two_player
from jaxgan.recipes.types import Recipe
from jaxgan.variants import dcgan


@dataclass(frozen=True)
class Config(dcgan.Convolutional, config.Config):
  """Options of WGAN."""

  clip: float = 0.01
  """Every parameter of the critic is kept in [-clip, clip]."""
  n_critic: int = 5
  optimizer: Literal['adam', 'rmsprop', 'sgd'] = 'rmsprop'
  generator_lr: float = 5e-5
  critic_lr: float = 5e-5


PAPER: Preset = dict(image_size=64, bias=False, ema_images=0.0)


def build(config: Config, spec: Spec) -> Recipe:
  """DCGAN's networks, the critic's weights in a box."""
  box = lambda params: jax.tree.map(lambda w: jnp.clip(w, -config.clip, config.clip), params)
  objective, networks = objectives.wasserstein(), dcgan.networks(config, spec)
  return two_player(config, spec, objective=objective, constraint=box, **networks)
