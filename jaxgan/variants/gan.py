"""The first GAN: multilayer perceptrons and the minimax game.

Goodfellow et al., Generative Adversarial Nets, 2014; sizes from the authors' MNIST configuration.
`--preset=paper` departs in that pixels lie in [-1, 1] (the sigmoid becomes the tanh of half its
argument) and that the output's bias starts at 0. The laptop's networks have batch norm in the
generator, leaky ReLU in the critic, Adam at 1e-3 with a beta1 of 0, and R1, which penalizes the
critic's gradients and makes its images far better (measured: `experiments/defaults.md`).
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import flax.linen as nn

from jaxgan.core.typing import Spec
from jaxgan.losses import objectives
from jaxgan.networks import mlp
from jaxgan.nn.initializers import uniform
from jaxgan.recipes import config
from jaxgan.recipes.accumulation import NORM
from jaxgan.recipes.config import Preset
from jaxgan.recipes.two_player import two_player
from jaxgan.recipes.types import Recipe


@dataclass(frozen=True)
class Config(config.Config):
  """Options of the first GAN."""

  objective: Literal['nonsaturating', 'minimax'] = 'nonsaturating'
  """What the generator minimises: -log D(G(z)), or log(1 - D(G(z))) as the game is stated."""
  smoothing: float = 0.0
  """One-sided label smoothing: the critic's target for real images is 1 less this."""
  widths: tuple[int, ...] = (256, 512)
  """Units of the generator's hidden layers; the critic has them in reverse, unless --maxout."""
  maxout: bool = False
  """The networks of the paper: ReLU against maxout units with dropout, no batch norm."""
  r1: float = 3.0
  generator_lr: float = 1e-3
  critic_lr: float = 1e-3
  beta1: float = 0.0
  beta2: float = 0.99

  NEEDS: ClassVar[tuple[config.Needs, ...]] = (
    config.Needs(
      ('objective',), lambda c: c.feature_matching == 'off', {'feature_matching': 'off'}
    ),
    config.Needs(('virtual_batch',), lambda c: not c.maxout, {'maxout': False}),
    config.Needs(
      ('accumulate',), lambda c: c.maxout or c.virtual_batch, {'maxout': True}, why=NORM
    ),
  )


PAPER: Preset = dict(
  image_size=28,
  widths=(1200, 1200),
  maxout=True,
  latent='uniform',
  r1=0.0,
  optimizer='sgd',
  generator_lr=0.1,
  critic_lr=0.1,
  batch_size=100,
  ema_images=0.0,
)


def build(config: Config, spec: Spec) -> Recipe:
  """Two perceptrons and the chosen objective."""
  generator: nn.Module = mlp.Generator(spec.shape, config.widths)
  critic: nn.Module = mlp.Critic(config.widths[::-1])
  if config.maxout:
    start = uniform(0.05)
    generator = mlp.Generator(
      spec.shape, config.widths, norm=False, activation=nn.relu, start=start
    )
    critic = mlp.MaxoutCritic()
  return two_player(
    config,
    spec,
    generator=generator,
    critic=critic,
    objective=objectives.OBJECTIVES[config.objective](smoothing=config.smoothing),
  )
