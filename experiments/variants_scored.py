"""Claim: what each variant scores on digits and on MNIST, beside real images and an ideal sampler.

Commands, for every variant and seed, then once for all:

    python -m jaxgan.main --variant=V --dataset=D --seed=S --workdir=runs/D/V-S
    python -m jaxgan.evaluate --workdir=runs/D/V-S
    python -m experiments.variants_scored --runs runs/D/*
"""

import collections
import pathlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import tyro

from jaxgan.storage import files

COLUMNS = ('Fréchet distance', 'kernel distance', 'classifier score', 'precision', 'recall')
COLUMNS += ('density', 'coverage', 'nearer to train', 'copies')


@dataclass(frozen=True)
class Arguments:
  """Put the scores of many runs into one table."""

  runs: tuple[pathlib.Path, ...]
  """Work directories that hold an evaluation.json."""


def cell(values: list[float]) -> str:
  """The mean over training seeds, and the least and greatest."""
  mean = float(np.mean(values))
  return f'{mean:.3g}' + (f' ({min(values):.3g}-{max(values):.3g})' if len(values) > 1 else '')


def rows(evaluations: list[dict[str, Any]]) -> list[list[str]]:
  """A row a variant, then what real images and an ideal sampler score."""
  by_variant = collections.defaultdict(list)
  for one in evaluations:
    by_variant[one['variant']].append({s['name']: s['of']['value'] for s in one['scores']})
  known = {s['name']: s for s in evaluations[0]['scores']}
  lines = [
    [f'`{variant}`', *(cell([run[name] for run in runs]) for name in COLUMNS)]
    for variant, runs in by_variant.items()
  ]
  lines.append(['real, held out', *(f'{known[name]["real"]:.3g}' for name in COLUMNS)])
  ideals = [known[name]['ideal'] for name in COLUMNS]
  lines.append(['ideal sampler', *('-' if x is None else f'{x:.3g}' for x in ideals)])
  return lines


def main(arguments: Arguments) -> None:
  """Print the table, as Markdown, and by what it was measured."""
  evaluations = [files.read_config(run / 'evaluation.json') for run in arguments.runs]
  networks = {one['scores'][0]['network'] for one in evaluations}
  if len(networks) != 1:
    raise SystemExit(f'runs were scored by different networks: {", ".join(sorted(networks))}')
  print(f'| | {" | ".join(COLUMNS)} |\n|{"---|" * (len(COLUMNS) + 1)}')
  for line in rows(evaluations):
    print(f'| {" | ".join(line)} |')
  first = evaluations[0]['scores'][0]
  print(f'\nN={first["num"]} against {first["against"]}, by {first["network"]}')


if __name__ == '__main__':
  main(tyro.cli(Arguments))
