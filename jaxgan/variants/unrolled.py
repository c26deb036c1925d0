"""Unrolled GAN: the generator plays against the critic as it will be a few steps from now.

Metz et al., Unrolled Generative Adversarial Networks, 2017. The generator maximises the critic's
whole loss after `unroll` steps of the critic's own optimizer on the batch at hand, and its gradient
flows through them. `--preset=paper` has the networks and rates of a public notebook for a mixture
of Gaussians in the plane (poolio/unrolled_gan, which departs from the paper), here on images. The
laptop's are the perceptrons of `gan`, with three times its R1, rates that fall to 0, and two steps
ahead in place of five (measured: `experiments/defaults.md`).
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import flax.linen as nn

from jaxgan.core.typing import Spec
from jaxgan.losses import objectives
from jaxgan.networks import mlp
from jaxgan.recipes import config
from jaxgan.recipes.accumulation import NORM
from jaxgan.recipes.config import Preset
from jaxgan.recipes.two_player import two_player
from jaxgan.recipes.types import Recipe


@dataclass(frozen=True)
class Config(config.Config):
  """Options of the unrolled GAN."""

  # Measured on a laptop: two steps ahead learn as much as five in a third of the time.
  unroll: int = 2
  """Steps of the critic that the generator looks ahead; 0: none, the plain GAN. With any the critic
  is computed in float32, whatever --precision."""
  objective: Literal['minimax', 'nonsaturating'] = 'minimax'
  """What the generator minimises: minus the critic's loss, or -log D(G(z))."""
  widths: tuple[int, ...] = (256, 512)
  """Units of the generator's hidden layers; the critic has them in reverse."""
  plain: bool = False
  """The notebook's networks: tanh, orthogonal start of gain 1.4, no batch norm."""
  # Measured on a laptop: at a constant rate of 1e-3 one seed of five falls near the end of the run.
  schedule: config.Schedule = 'linear'
  r1: float = 10.0
  steps: int = 10_000
  generator_lr: float = 1e-3
  critic_lr: float = 1e-3
  beta1: float = 0.0
  beta2: float = 0.99

  NEEDS: ClassVar[tuple[config.Needs, ...]] = (
    config.Needs(
      ('objective',), lambda c: c.feature_matching == 'off', {'feature_matching': 'off'}
    ),
    config.Needs(
      ('top_k',),
      lambda c: c.objective == 'nonsaturating',
      {'objective': 'nonsaturating'},
      why='weighs each fake alone, which cannot be done',
    ),
    config.Needs(('virtual_batch',), lambda c: not c.plain, {'plain': False}),
    config.Needs(('accumulate',), lambda c: c.plain or c.virtual_batch, {'plain': True}, why=NORM),
    config.Needs(
      ('accumulate',),
      lambda c: not c.unroll,
      {'unroll': 0},
      why='would change the steps of the critic ahead',
    ),
  )

  def problems(self) -> list[str]:
    """What cannot be looked ahead at, or how far."""
    return super().problems() + config.zero_or_above(self, 'unroll')


PAPER: Preset = dict(
  widths=(128, 128),
  plain=True,
  latent_size=256,
  batch_size=512,
  unroll=5,
  r1=0.0,
  schedule='constant',
  generator_lr=1e-3,
  critic_lr=1e-4,
  beta1=0.5,
  beta2=0.999,
  steps=25_000,
  ema_images=0.0,
)


def build(config: Config, spec: Spec) -> Recipe:
  """Two perceptrons, and a generator that looks ahead.

  Raises:
    ValueError: an optimizer that has no derivative.
  """
  generator = mlp.Generator(spec.shape, config.widths, norm=not config.plain)
  critic = mlp.Critic(config.widths[::-1])
  if config.plain:
    start = nn.initializers.orthogonal(1.4)
    generator = generator.clone(activation=nn.tanh, start=start)
    critic = critic.clone(activation=nn.tanh, start=start)
  game = objectives.OBJECTIVES[config.objective]()
  return two_player(
    config,
    spec,
    generator=generator,
    critic=critic,
    objective=objectives.zero_sum(game) if config.objective == 'minimax' else game,
    unroll=config.unroll,
  )
