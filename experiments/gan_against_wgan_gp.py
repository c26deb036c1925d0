"""Question: is WGAN-GP more stable than a GAN with the usual loss, and are its images better?

Both are trained with the same number of real images, at the default learning rates and at ten and
a hundred times these, with several seeds. `dcgan` takes the non-saturating loss, and batch norm in
both networks. `wgan_gp` takes the gradient penalty, five updates of the critic for each of the
generator, and no batch norm in the critic.

Every run is scored by `jaxgan evaluate`, and a Fréchet distance is taken ten times during training.
The command prints a table for Markdown, and writes a picture with a row of samples for each run.

    python -m experiments.gan_against_wgan_gp --workdir=runs/stable --data-dir=data
    jaxgan report --workdir runs/stable/*/seed-0
"""

import itertools
import json
import pathlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import tyro

import jaxgan
from experiments import defaults
from jaxgan.apps import evaluate
from jaxgan.evaluation.metrics import intervals
from jaxgan.storage import files

VARIANTS, FACTORS = ('dcgan', 'wgan_gp'), (1, 10, 100)
SHOWN = 16  # samples of a run in the picture
LOW = 0.1  # of recall: below it, a run counts as collapsed


@dataclass(frozen=True)
class Arguments:
  """Train GANs and WGAN-GPs, and compare their scores."""

  workdir: pathlib.Path
  """Where the runs go, by setting and seed."""
  data_dir: pathlib.Path | None = None
  """Where data sets are prepared."""
  images: int = 192_000
  """Real images that the critic of each run sees."""
  seeds: int = 3
  """Runs of each setting."""
  width: int = 16
  """Channels of the layers next to the image."""
  num: int = 360
  """Images of a score."""


def config_of(arguments: Arguments, variant: str, factor: int, seed: int) -> jaxgan.Config:
  """The options of a run."""
  usual = jaxgan.configure(variant, **defaults.START[variant])
  length = dict(images=arguments.images, seed=seed, width=arguments.width)
  options = {**defaults.START[variant], **length}
  rates = dict(generator_lr=factor * usual.generator_lr, critic_lr=factor * usual.critic_lr)
  steps = jaxgan.configure(variant, **options).length
  rhythm = dict(log_every=max(steps // 60, 1), sample_every=max(steps // 10, 1))
  scores = dict(eval_every=max(steps // 10, 1), eval_num=arguments.num)
  return jaxgan.configure(
    variant, data_dir=arguments.data_dir, **{**options, **rates, **rhythm, **scores}
  )


def judged(arguments: Arguments, variant: str, factor: int, seed: int) -> dict[str, Any]:
  """Train a run and score it; a run that is there already is only read."""
  folder = arguments.workdir / f'{variant}-x{factor}' / f'seed-{seed}'
  diverged, found = '', {}
  try:
    run = jaxgan.train(config_of(arguments, variant, factor, seed), folder, quiet=True)
  except RuntimeError as error:  # Diverged
    return {'variant': variant, 'factor': factor, 'seed': seed, 'diverged': str(error)}
  if not (folder / 'evaluation.json').exists():
    evaluate.main([f'--workdir={folder}', f'--num={arguments.num}', '--repeats=3'])
  for score in files.read_config(folder / 'evaluation.json')['scores']:
    found[score['name']] = score['of']['value']
  history = run.history
  curve = history['evaluation/frechet'][np.isfinite(history['evaluation/frechet'])]
  seconds = np.diff(history['images'], prepend=0) / history['images_per_second']
  return {
    'variant': variant,
    'factor': factor,
    'seed': seed,
    'diverged': diverged,
    'Fréchet distance': found['Fréchet distance'],
    'recall': found['recall'],
    'precision': found['precision'],
    'curve': [round(float(x), 1) for x in curve],
    'seconds': round(float(seconds.sum())),
  }


def row(name: str, lines: list[dict[str, Any]]) -> str:
  """A row of the table: what the runs of a setting scored."""
  done = [line for line in lines if not line['diverged']]
  if not done:
    return f'| {name} | all diverged | | | | |'
  distances = [line['Fréchet distance'] for line in done]
  mean = intervals.repeats(distances) if len(done) > 1 else None
  ends = f' ({mean.low:.0f} to {mean.high:.0f})' if mean else ''
  # How much a score changes from one look to the next, after half of the training.
  late = [line['curve'][len(line['curve']) // 2 :] for line in done]
  changes = [abs(b / a - 1) for curve in late for a, b in itertools.pairwise(curve)]
  recalls = [line['recall'] for line in done]
  cells = [
    f'{np.mean(distances):.0f}{ends}',
    f'{min(distances):.0f} to {max(distances):.0f}',
    f'{np.mean(recalls):.2f}',
    f'{sum(recall < LOW for recall in recalls) + len(lines) - len(done)} of {len(lines)}',
    f'{np.mean(changes):.0%}',
    f'{np.mean([line["seconds"] for line in done]):.0f}',
  ]
  return f'| {name} | {" | ".join(cells)} |'


def picture(arguments: Arguments) -> None:
  """Write samples of all runs, a row for each."""
  from jaxgan.storage import figures

  rows = [
    jaxgan.load(folder).sample(0, SHOWN)
    for folder in sorted(arguments.workdir.glob('*/seed-*'))
    if (folder / 'checkpoints').is_dir()
  ]
  figures.save_grid(arguments.workdir / 'samples.png', np.concatenate(rows), columns=SHOWN)


def main(arguments: Arguments) -> None:
  """Every setting and seed, then the table and the picture."""
  found: dict[str, list[dict[str, Any]]] = {}
  for variant, factor, seed in itertools.product(VARIANTS, FACTORS, range(arguments.seeds)):
    line = judged(arguments, variant, factor, seed)
    print(json.dumps(line, ensure_ascii=False), flush=True)
    found.setdefault(f'`{variant}`, rates x {factor}', []).append(line)
  print('\n| setting | Fréchet distance (95 %) | of single runs | recall | collapsed | ', end='')
  print('change between scores | seconds |\n|---|---|---|---|---|---|---|')
  print('\n'.join(row(name, lines) for name, lines in found.items()))
  picture(arguments)


if __name__ == '__main__':
  main(tyro.cli(Arguments))
