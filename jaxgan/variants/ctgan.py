"""CTGAN: rows of a table, with numbers of several modes and with rare categories.

Xu et al., Modeling Tabular data using Conditional GAN, 2019, from the article alone. The data set
`table` encodes a number by one mode of its column, drawn from a variational Gaussian mixture, and
its place in that mode. A row is drawn by a condition: a column of categories, and one of them by
the logarithm of how often it is there (training by sampling, `data.tables.Drawing`). Generator and
critic are given the condition; the critic sees packs of rows with their conditions (PacGAN). Where
the generated row has the probability p of the category that the condition asks for:

  critic: E D(fake) - E D(real) + 10 E (|grad D| - 1)^2;  generator: -E D(fake) - E log p

Departures: the logarithm is log(1 + n), so that a category of one row is drawn too; numbers that
are missing are a mode of their own, and none lies beyond the range of its column. The laptop's
batches are smaller, its rates five times the article's, its dropout is half as strong, and samples
come from averaged networks (measured: `experiments/tables.md`). `--preset=paper` has the
article's batch and rates, and its 300 epochs of a table of 10 000 rows; of dropout and of Adam's
decays it says nothing: these are 0.5, and those of WGAN-GP. Without columns, as of images, all
values are plain numbers.
"""

from dataclasses import dataclass, replace

import jax.numpy as jnp

from jaxgan.core.columns import conditions
from jaxgan.core.nets import Nets
from jaxgan.core.typing import Array, Batch, Key, Logs, Spec
from jaxgan.losses import gradient_penalties, objectives
from jaxgan.losses.adversarial import Fakes
from jaxgan.networks import tables as networks
from jaxgan.recipes import config
from jaxgan.recipes.config import Preset
from jaxgan.recipes.tables import Tables
from jaxgan.recipes.two_player import Extra, two_player
from jaxgan.recipes.types import Recipe


@dataclass(frozen=True)
class Config(Tables, config.Pair, config.Scheduled, config.Algorithm, config.Packs):
  """Options of CTGAN."""

  widths: tuple[int, ...] = (256, 256)
  """Units of the hidden layers of both networks."""
  temperature: float = 0.2
  """Of the Gumbel-softmax that draws categories and modes; lower: nearer to one-hot vectors."""
  condition: float = 1.0
  """Weight of the generator's loss where a row has another category than its condition."""
  dropout: float = 0.25
  """Share of the critic's hidden units that are set to 0."""
  penalty_weight: float = 10.0
  """Weight of the gradient penalty."""
  dataset: str = 'table'
  pack: int = 10
  batch_size: int = 200
  latent_size: int = 128
  generator_lr: float = 1e-3
  critic_lr: float = 1e-3
  beta1: float = 0.0
  beta2: float = 0.9

  def problems(self) -> list[str]:
    """Add weights and shares that mean nothing."""
    found = super().problems() + config.above_zero(self, 'temperature')
    found += config.zero_or_above(self, 'condition', 'penalty_weight')
    if not 0 <= self.dropout < 1:
      found.append(f'--dropout must be in [0, 1), it is {self.dropout}')
    return found


PAPER: Preset = dict(
  steps=6000, batch_size=500, dropout=0.5, generator_lr=2e-4, critic_lr=2e-4, ema_images=0.0
)


def build(config: Config, spec: Spec) -> Recipe:
  """Return perceptrons for mixed columns, and the penalized loss with that of the conditions."""
  asked = jnp.array([place for _, place in conditions(spec.columns)], jnp.int32)
  drawn, conditional = networks.choices(spec.columns), spec.classes > 0
  widths, classes = config.widths, spec.classes

  def missed(nets: Nets, fakes: Fakes, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    logs, _ = nets.features('generator', fakes.latents, batch['label'])
    loss = -jnp.take_along_axis(logs, asked[batch['label']][:, None], -1).mean()
    return config.condition * loss, nets, {'condition': loss}

  return two_player(
    replace(config, latent_size=config.latent_size + drawn),
    spec,
    generator=networks.Generator(
      spec.columns, spec.shape, widths, classes, config.temperature, config.latent
    ),
    critic=networks.Critic(widths, classes, config.dropout),
    objective=objectives.wasserstein(),
    penalty=[gradient_penalties.gradient_penalty(config.penalty_weight)],
    conditional=conditional,
    extra=Extra(generator_terms=[missed] * bool(len(asked))),
  )
