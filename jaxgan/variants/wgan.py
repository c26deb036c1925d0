"""WGAN with clipped weights, a teaching baseline: clipping is known to work badly.

Arjovsky et al., Wasserstein GAN, 2017. Weights are clipped after each critic step, where the
authors' code clips before it, so that they are within bounds whenever one looks; the hundred critic
steps of the first 25 rounds and of every 500th are left out. The laptop's form departs further: the
critic moves once for each step of the generator, not five times, and the rates begin at 1e-3, not
5e-5, and fall to 0. Its images are better (measured: `experiments/defaults.md`).
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
  optimizer: Literal['adam', 'rmsprop', 'sgd'] = 'rmsprop'
  generator_lr: float = 1e-3
  critic_lr: float = 1e-3
  schedule: config.Schedule = 'linear'
  steps: int = 6000


PAPER: Preset = dict(
  image_size=64,
  bias=False,
  n_critic=5,
  generator_lr=5e-5,
  critic_lr=5e-5,
  schedule='constant',
  ema_images=0.0,
)


def build(config: Config, spec: Spec) -> Recipe:
  """DCGAN's networks, the critic's weights in a box."""
  box = lambda params: jax.tree.map(lambda w: jnp.clip(w, -config.clip, config.clip), params)
  objective, networks = objectives.wasserstein(), dcgan.networks(config, spec)
  return two_player(config, spec, objective=objective, constraint=box, **networks)
