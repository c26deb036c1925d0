"""R3GAN: a relativistic loss, gradients penalized on both sides, plain residual networks.

Huang et al., The GAN is dead; long live the GAN! A Modern GAN Baseline, 2024. `--preset=paper` is
CIFAR-10's setting, but that images are not augmented, that the generator's step sees the critic's
real images, and that all stages are of one precision. The laptop's networks are narrow and shallow,
with rates of 1e-3 and penalties of 100 (measured: `experiments/defaults.md`).
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import optax

from jaxgan.core.typing import Spec
from jaxgan.losses import objectives
from jaxgan.networks import r3gan
from jaxgan.recipes import config
from jaxgan.recipes.config import Preset
from jaxgan.recipes.labels import chosen_classes
from jaxgan.recipes.optimizers import Schedules, between_ends, scale_by_adam, stepping
from jaxgan.recipes.two_player import two_player
from jaxgan.recipes.types import Recipe


@dataclass(frozen=True)
class Config(
  config.TwoPlayer,
  config.Scheduled,
  config.Features,
  config.Packs,
  config.Minibatch,
  config.Labels,
  config.Accumulated,
):
  """Options of R3GAN."""

  width: int = 32
  """Channels of the four smallest maps; they halve with every doubling after that."""
  depth: int = 1
  """Residual blocks for each size of the map."""
  cardinality: int = 4
  """Groups of the 3x3 convolutions, of 2 width channels, where networks are `width` wide."""
  horizon: int | None = None
  """Steps over which rates, weights and the average change; the run's length if not given."""
  rate_end: float = 0.25
  """Where the learning rates end, as a share of their start."""
  slopes_end: float = 0.1
  """Where r1 and r2 end, as a share of their start."""
  beta2_end: float = 0.99
  """Where beta2 ends."""
  schedule: Literal['constant', 'linear', 'cosine'] = 'cosine'
  """How all of these go from start to end, and the average's half-life from 0 to ema_images."""
  latent_size: int = 64
  generator_lr: float = 1e-3
  critic_lr: float = 1e-3
  beta1: float = 0.0
  beta2: float = 0.9
  r1: float = 100.0
  r2: float = 100.0
  steps: int = 1000

  NEEDS: ClassVar[tuple[config.Needs, ...]] = (
    config.Needs(
      ('rate_end', 'beta2_end', 'horizon'),
      lambda c: c.schedule != 'constant',
      {'schedule': 'cosine'},
    ),
    config.Needs(
      ('slopes_end',),
      lambda c: c.schedule != 'constant' and (c.r1 or c.r2),
      {'schedule': 'cosine', 'r1': 1.0},
    ),
  )

  def bound_to_length(self) -> str:
    """Not where a horizon is given."""
    return '' if self.horizon else super().bound_to_length()

  def problems(self) -> list[str]:
    """Add what does not divide, and ends that are out of range."""
    found = super().problems()
    if min(self.width, self.depth, self.cardinality) < 1 or 2 * self.width % self.cardinality:
      found.append(
        '--width, --depth and --cardinality must be above 0, and the last a divisor of twice the '
        f'first: they are {self.width}, {self.depth} and {self.cardinality}'
      )
    above = self.rate_end > 0 and (self.horizon is None or self.horizon > 0)
    if not (above and self.slopes_end >= 0 and 0 <= self.beta2_end < 1):
      found.append(
        '--rate-end and --horizon must be above 0, --slopes-end 0 or above, --beta2-end in [0, 1)'
      )
    return found


PAPER: Preset = dict(
  image_size=32,
  width=768,
  depth=2,
  cardinality=96,
  batch_size=512,
  images=20_000_000,
  generator_lr=2e-4,
  critic_lr=2e-4,
  **dict(r1=0.05, r2=0.05, ema_images=5e6),
  ema_rampup=1.0,  # of no effect: the schedule is below it
)


def schedules(config: Config) -> Schedules:
  """From start to end over the horizon: rates, beta2, the weight of penalties, the average."""
  length = config.horizon or config.length
  between = lambda a, b, updates=1: between_ends(config.schedule, a, b, length * updates)

  def optimizer(
    rate: float, updates: int, differentiable: bool = False, power: float = 1.0
  ) -> optax.GradientTransformation:
    beta2, root = between(config.beta2, config.beta2_end, updates), 1e-16 * differentiable
    decay = beta2 if power == 1 else lambda n: beta2(n) ** power
    return stepping(
      scale_by_adam(config.beta1**power, decay, root),
      between(rate, rate * config.rate_end, updates),
      config.update_clip,
    )

  youngest = config.ema_images if config.schedule == 'constant' else 0.0
  return Schedules(optimizer, between(1.0, config.slopes_end), between(youngest, config.ema_images))


def build(config: Config, spec: Spec) -> Recipe:
  """Networks without normalization; R1 and R2 at every step.

  Raises:
    ValueError: as `chosen_classes`, or a size that does not halve to 4..7.
  """
  classes, group = chosen_classes(config, spec), 2 * config.width // config.cardinality
  return two_player(
    config,
    spec,
    generator=r3gan.Generator(
      spec.size,
      spec.channels,
      embedding=config.latent_size,
      width=config.width,
      depth=config.depth,
      group=group,
      classes=classes,
    ),
    critic=r3gan.Critic(width=config.width, depth=config.depth, group=group, classes=classes),
    objective=objectives.relativistic(),
    conditional=bool(classes),
    schedules=schedules(config),
  )
