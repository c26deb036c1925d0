"""Claim: a GAN breaks in a few well-known ways, and the samples show which, not the losses.

An `lsgan` on the digits is trained four times: as it is, with a critic that learns ten times as
fast, with one that learns ten times as slowly, and without batch norm in the generator. The picture
has the samples of each run over its losses; the doctor says what it sees.

Command:

    python -m experiments.break_it_three_ways --out=/tmp/broken
"""

import pathlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import tyro
from matplotlib.figure import Figure

import jaxgan
from experiments.doctor import altered
from jaxgan.storage import figures


@dataclass(frozen=True)
class Arguments:
  """Break a GAN in three ways, and look at losses and samples side by side."""

  out: pathlib.Path
  """Where the runs and the picture go; runs that are there are continued."""
  steps: int = 2000
  """Length of each run."""
  width: int = 16
  """Channels of the networks."""
  image_size: int = 8
  """Pixels on a side."""
  generator_lr: float = 1e-3
  """Learning rate of the generator."""
  critic_lr: float = 4e-4
  """Learning rate of the critic, before it is changed."""
  seed: int = 0
  """Seed of all runs."""


WAYS: dict[str, tuple[str, float]] = {
  'as it is': ('', 1.0),
  'critic x 10': ('', 10.0),
  'critic / 10': ('', 0.1),
  'no batch norm in the generator': ('no norm', 1.0),
}
"""For each run the networks that are replaced, and the factor of the critic's learning rate."""
BATCH_NORM: dict[str, Any] = dict(critic_norm=True, r1=0.0, beta1=0.5, beta2=0.999)
"""The article's critic and optimizer, which are easy to break."""


def trained(arguments: Arguments, name: str) -> jaxgan.Run:
  """Train one of the runs."""
  networks, factor = WAYS[name]
  variant = altered('lsgan', networks) if networks else 'lsgan'
  options: dict[str, Any] = dict(steps=arguments.steps, width=arguments.width, **BATCH_NORM)
  config = jaxgan.configure(
    variant,
    **options,
    image_size=arguments.image_size,
    generator_lr=arguments.generator_lr,
    critic_lr=arguments.critic_lr * factor,
    seed=arguments.seed,
    data_dir=arguments.out / 'data',
  )
  return jaxgan.train(config, arguments.out / name.replace(' ', '_').replace('/', 'by'))


def drawn(runs: dict[str, jaxgan.Run], path: pathlib.Path) -> None:
  """Draw the samples of all runs over their losses."""
  figure = Figure(figsize=(3.2 * len(runs), 5.6), layout='constrained')
  above, below = figure.subplots(2, len(runs), squeeze=False)
  for one, other, (name, run) in zip(above, below, runs.items(), strict=True):
    grid = figures.grid(figures.to_uint8(run.sample(0, 64)), 8)
    one.imshow(grid[..., 0], cmap='gray', vmin=0, vmax=255)
    one.set(title=name, xticks=[], yticks=[])
    history = run.history
    for player in ('critic', 'generator'):
      values = history[f'{player}/loss']
      there = np.isfinite(values)
      other.plot(history['step'][there], values[there], label=player, linewidth=1)
    other.set(xlabel='step', ylabel='loss')
    other.legend()
  figure.savefig(path, dpi=90)


def main(arguments: Arguments) -> None:
  """Train the runs, draw them, and print what the doctor says of each."""
  runs = {name: trained(arguments, name) for name in WAYS}
  drawn(runs, arguments.out / 'broken.png')
  for name, run in runs.items():
    print(f'\n{name}\n{jaxgan.diagnose(run).text()}')


if __name__ == '__main__':
  main(tyro.cli(Arguments))
