"""Claim: the laptop's defaults are better than those of before, by five seeds on two data sets.

For each variant, `GRIDS` has the settings that were compared and `START` the one they change. A
short run of one seed is given to all of them; the better half of them is trained at full length;
the last ones and `START` are trained with five seeds on digits and on MNIST. Every run is scored by
the data set's own classifier, in a process of its own, and its scores are a line of results.jsonl:
what is there is not trained again.

Commands:

    python -m experiments.defaults search --variant=lsgan --out=runs/defaults
    python -m experiments.defaults compare --variant=lsgan --setting=NAME --out=runs/defaults
    python -m experiments.defaults table --out=runs/defaults
"""

import json
import math
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import tyro

import jaxgan
from jaxgan.apps import evaluate
from jaxgan.evaluation.metrics import intervals

Options = Mapping[str, Any]
SHOWN = ('Fréchet distance', 'precision', 'recall', 'coverage')
"""The scores that are kept."""
SEEDS = (0, 1, 2, 3, 4)
SHORT, LONG = 1000, 3000
"""Steps of the first round of a search, and of all other runs on digits."""
QUIET: Options = dict(report=False, sample_every=100_000, checkpoint_every=1000, log_every=100)


def _rates(rate: float) -> Options:
  """Return one rate for both players."""
  return dict(generator_lr=rate, critic_lr=rate)


ADAM: Options = dict(generator_lr=2e-4, critic_lr=2e-4, beta1=0.5, beta2=0.999)
"""The optimizer of most variants before the search."""
NORMED: Options = dict(critic_norm=True, r1=0.0, update_clip=0.0, **ADAM)
"""The same, with batch norm in the critic, whose gradients are not penalized."""
USUAL: Options = dict(latent_size=100, n_critic=1, ema_images=10_000.0, ema_rampup=0.05)
QUICK: Options = dict(generator_lr=1e-3, critic_lr=1e-3, beta1=0.0, beta2=0.99)
"""Adam at five times that rate, without the mean of gradients."""
PENALIZED: Options = dict(critic_norm=False, r1=1.0, **QUICK)
"""The same, and a critic without batch norm whose gradients are penalized."""
BOUNDED: Options = {**PENALIZED, 'update_clip': 1.0}
"""The same, and the updates of each array bounded by the rate."""
TRANSLATED: Options = dict(augment='diffaugment', policy='translation')
WGAN_GP: Options = dict(
  n_critic=5,
  generator_lr=1e-4,
  critic_lr=1e-4,
  beta1=0.5,
  beta2=0.9,
  penalty_weight=10.0,
  ema_images=10_000.0,
  generator_norm=False,
)
SNGAN: Options = dict(
  generator_lr=5e-4, critic_lr=1e-3, beta1=0.0, beta2=0.9, r1=0.0, augment='none'
)

BY_CLASS: Options = {**PENALIZED, 'latent_size': 16, 'conditional': True}
"""The same with few latents, and classes."""
FALLING: Options = {**QUICK, 'schedule': 'linear'}
"""The quick rates at the start, which fall to 0."""
FLAT: Options = {**QUICK, 'r1': 30.0, 'n_critic': 1, 'orthogonal': 0.0}
"""A strong penalty for the critic, and nothing but its gradient for the generator."""
TWO_LAYERS: Options = dict(mapping_layers=2, mixing=0.0)
"""A short mapping from latents to styles, of one latent each."""


def _without_norm(rate: float, clip: float) -> Options:
  """Return options of a clipped critic without batch norm, which moves once a step."""
  return dict(**_rates(rate), n_critic=1, clip=clip, critic_norm=False)


WGAN: Options = dict(
  optimizer='rmsprop',
  schedule='constant',
  generator_lr=5e-5,
  critic_lr=5e-5,
  clip=0.01,
  n_critic=5,
  critic_norm=True,
)
START: Mapping[str, Options] = {
  'lsgan': {**NORMED, **USUAL, 'conditional': False},
  'dcgan': NORMED,
  'cgan': NORMED,
  'gan': dict(r1=0.0, widths=(256, 512), ema_images=10_000.0, **ADAM),
  'unrolled': dict(r1=0.0, unroll=5, widths=(256, 512), schedule='constant', **ADAM),
  'wgan_gp': WGAN_GP,
  'wgan': WGAN,
  'sngan': SNGAN,
  'gan_cls': NORMED,
  'infogan': {**NORMED, 'generator_lr': 1e-3},
  'r3gan': dict(generator_lr=5e-4, critic_lr=5e-4, beta2=0.9, beta2_end=0.99, r1=1.0, r2=1.0),
  'acgan': {**NORMED, 'critic_norm': False},
  'biggan': {
    **dict(generator_lr=2e-4, critic_lr=4e-4, beta1=0.0, beta2=0.999, schedule='constant'),
    **dict(r1=0.0, n_critic=2, orthogonal=1e-4, update_clip=0.0),
  },
  'ebgan': ADAM,
  'progan': dict(penalty_weight=10.0, **QUICK),
  'stylegan': dict(r1=10.0, mapping_layers=8, mixing=0.9, **QUICK),
  'stylegan2': {
    **QUICK,
    **dict(r1=0.1, augment='ada', path_weight=2.0, mixing=0.9),
    **_rates(2.5e-3),
  },
}
"""The defaults before the search, as far as the grid changes them."""
GRIDS: Mapping[str, Mapping[str, Options]] = {
  'lsgan': {
    'penalized': PENALIZED,
    'r1 3': {**PENALIZED, 'r1': 3.0},
    'translated': {**PENALIZED, **TRANSLATED},
    'r1 0.1, translated': {**PENALIZED, **TRANSLATED, 'r1': 0.1},
    'rates 2e-3': {**PENALIZED, **_rates(2e-3)},
    'rates 4e-3': {**PENALIZED, **_rates(4e-3)},
    'critic 2e-3': {**PENALIZED, 'critic_lr': 2e-3},
    'latents 16': {**PENALIZED, 'latent_size': 16},
    'latents 16, r1 0.1': {**PENALIZED, 'latent_size': 16, 'r1': 0.1},
    'latents 16, r1 0.3': {**PENALIZED, 'latent_size': 16, 'r1': 0.3},
    'linear': {**PENALIZED, 'schedule': 'linear'},
    'r1 10': {**PENALIZED, 'r1': 10.0},
    'classes, latents 16': BY_CLASS,
    'classes, latents 16, 5e-4': {**BY_CLASS, **_rates(5e-4)},
    'classes, latents 16, 3e-4': {**BY_CLASS, **_rates(3e-4)},
    'latents 16, 5e-4': {**PENALIZED, **_rates(5e-4), 'latent_size': 16},
    'latents 16, linear': {**PENALIZED, 'latent_size': 16, 'schedule': 'linear'},
    'average 50k': {**PENALIZED, 'ema_images': 50_000.0, 'ema_rampup': 0.2},
    'top k': {**PENALIZED, 'top_k': 0.7, 'top_k_images': 200_000.0},
    'latents 16, top k': {
      **PENALIZED,
      'latent_size': 16,
      'top_k': 0.7,
      'top_k_images': 200_000.0,
    },
  },
  'dcgan': {
    'penalized': PENALIZED,
    'r1 0.1': {**PENALIZED, 'r1': 0.1},
    'r1 0.3': {**PENALIZED, 'r1': 0.3},
    'rates 2e-3': {**PENALIZED, **_rates(2e-3)},
    'rates 3e-4': {**PENALIZED, **_rates(3e-4)},
    'bounded': BOUNDED,
  },
  'cgan': {'penalized': PENALIZED, 'r1 0.1': {**PENALIZED, 'r1': 0.1}, 'bounded': BOUNDED},
  'acgan': {'penalized': PENALIZED, 'classes 0.3': {**PENALIZED, 'classification': 0.3}},
  'ebgan': {'quick': QUICK, 'rates 1e-3': _rates(1e-3)},
  'gan_cls': {'penalized': PENALIZED},
  'infogan': {'penalized': PENALIZED},
  'gan': {
    'quick': QUICK,
    'penalized': {**QUICK, 'r1': 1.0},
    'r1 0.1': {**QUICK, 'r1': 0.1},
    'r1 3': {**QUICK, 'r1': 3.0},
    'r1 10': {**QUICK, 'r1': 10.0},
  },
  'unrolled': {
    'quick': QUICK,
    'penalized': {**QUICK, 'r1': 1.0},
    'r1 0.1': {**QUICK, 'r1': 0.1},
    'r1 3': {**QUICK, 'r1': 3.0},
    'r1 10': {**QUICK, 'r1': 10.0},
    'r1 1, linear': {**FALLING, 'r1': 1.0},
    'r1 3, linear': {**FALLING, 'r1': 3.0},
    'r1 10, linear': {**FALLING, 'r1': 10.0},
    'r1 3, linear, nonsaturating': {**FALLING, 'r1': 3.0, 'objective': 'nonsaturating'},
    'r1 3, linear, generator 2e-3': {**FALLING, 'r1': 3.0, 'generator_lr': 2e-3},
    'r1 3, linear, one ahead': {**FALLING, 'r1': 3.0, 'unroll': 1},
    'r1 3, linear, two ahead': {**FALLING, 'r1': 3.0, 'unroll': 2},
    'r1 10, linear, two ahead': {**FALLING, 'r1': 10.0, 'unroll': 2},
    'r1 3, 5e-4': {**QUICK, **_rates(5e-4), 'r1': 3.0},
  },
  'wgan_gp': {
    'quick': {**_rates(5e-4), 'beta1': 0.0},
    'rates 5e-4': _rates(5e-4),
    'one update': {'n_critic': 1},
    'weight 1': {'penalty_weight': 1.0},
    'no average': {'ema_images': 0.0},
    'quick, two updates': {**_rates(1e-3), 'beta1': 0.0, 'n_critic': 2},
    'quick, one update': {**_rates(1e-3), 'beta1': 0.0, 'n_critic': 1},
    'norm': {**_rates(1e-3), 'beta1': 0.0, 'n_critic': 1, 'generator_norm': True},
    'rates 5e-4, one update': {**_rates(5e-4), 'beta1': 0.0, 'n_critic': 1},
    'quick, weight 1': {**_rates(1e-3), 'beta1': 0.0, 'n_critic': 1, 'penalty_weight': 1.0},
    'rates 1e-3': _rates(1e-3),
  },
  'wgan': {
    'rates 5e-4': _rates(5e-4),
    'rates 5e-4, two updates': {**_rates(5e-4), 'n_critic': 2},
    'rates 5e-4, one update': {**_rates(5e-4), 'n_critic': 1},
    'rates 1e-3, two updates': {**_rates(1e-3), 'n_critic': 2},
    'rates 1e-3, one update': {**_rates(1e-3), 'n_critic': 1},
    'rates 1e-3, one update, linear': {**_rates(1e-3), 'n_critic': 1, 'schedule': 'linear'},
    'rates 2e-3, one update': {**_rates(2e-3), 'n_critic': 1},
    'rates 1e-3, clip 0.03': {**_rates(1e-3), 'n_critic': 1, 'clip': 0.03},
    'rates 1e-3, clip 0.1': {**_rates(1e-3), 'n_critic': 1, 'clip': 0.1},
    'no norm, clip 0.1': _without_norm(5e-4, 0.1),
    'no norm, clip 0.05': _without_norm(5e-4, 0.05),
    'no norm, clip 0.03': _without_norm(5e-4, 0.03),
    'no norm, clip 0.02': _without_norm(5e-4, 0.02),
    'no norm, clip 0.05, 1e-3': _without_norm(1e-3, 0.05),
    'no norm, clip 0.03, 1e-3': _without_norm(1e-3, 0.03),
  },
  'sngan': {
    'translated': TRANSLATED,
    'r1 0.1': {'r1': 0.1},
    'penalized': {'r1': 1.0, **QUICK},
    'penalized 0.1': {'r1': 0.1, **QUICK},
    'penalized 3': {'r1': 3.0, **QUICK},
    'penalized 10': {'r1': 10.0, **QUICK},
    'penalized 30': {'r1': 30.0, **QUICK},
  },
  'biggan': {
    'penalized': {'r1': 1.0, 'n_critic': 1, **QUICK},
    'penalized 10': {'r1': 10.0, 'n_critic': 1, **QUICK},
    'penalized 30': {'r1': 30.0, 'n_critic': 1, **QUICK},
    'penalized 100': {'r1': 100.0, 'n_critic': 1, **QUICK},
    'start 10': {'r1': 10.0, 'n_critic': 1},
    'penalized 300': {'r1': 300.0, 'n_critic': 1, **QUICK},
    'penalized 10, not orthogonal': {**FLAT, 'r1': 10.0},
    'penalized 30, not orthogonal': FLAT,
    'penalized 30, not orthogonal, linear': {**FLAT, 'schedule': 'linear'},
    'penalized 30, not orthogonal, linear, bounded': {
      **FLAT,
      **dict(schedule='linear', update_clip=1.0),
    },
    'penalized 30, not orthogonal, generator 5e-4': {**FLAT, 'generator_lr': 5e-4},
    'penalized 30, translated': {'r1': 30.0, 'n_critic': 1, **QUICK, **TRANSLATED},
  },
  'progan': {
    'weight 1': {'penalty_weight': 1.0},
    'rates 3e-3': _rates(3e-3),
    'rates 5e-3': _rates(5e-3),
    'rates 1e-2': _rates(1e-2),
    'rates 1e-2, weight 1': {**_rates(1e-2), 'penalty_weight': 1.0},
    'rates 2e-2': _rates(2e-2),
  },
  'stylegan': {
    'rates 3e-3': _rates(3e-3),
    'mapping 2, 1e-2': {'mapping_layers': 2, **_rates(1e-2)},
    'mapping 2, mixing 0': TWO_LAYERS,
    'mapping 2, mixing 0, 5e-3': {**TWO_LAYERS, **_rates(5e-3)},
    'mapping 2, mixing 0, 1e-2': {**TWO_LAYERS, **_rates(1e-2)},
    'mapping 2, mixing 0, r1 3, 1e-2': {**TWO_LAYERS, 'r1': 3.0, **_rates(1e-2)},
    'mapping 2, mixing 0, r1 30, 1e-2': {**TWO_LAYERS, 'r1': 30.0, **_rates(1e-2)},
  },
  'stylegan2': {
    'r1 1': {'r1': 1.0},
    'r1 10': {'r1': 10.0},
    'r1 10, 5e-3': {'r1': 10.0, **_rates(5e-3)},
    'r1 30, 5e-3': {'r1': 30.0, **_rates(5e-3)},
    'r1 10, 1e-2': {'r1': 10.0, **_rates(1e-2)},
    'r1 10, 5e-3, no paths, no mixing': {
      **dict(r1=10.0, path_weight=0.0, mixing=0.0),
      **_rates(5e-3),
    },
    'r1 10, 5e-3, no ada': {'r1': 10.0, 'augment': 'none', **_rates(5e-3)},
  },
  'r3gan': {
    'slopes 10': {'r1': 10.0, 'r2': 10.0},
    'slopes 100': {'r1': 100.0, 'r2': 100.0},
    'slopes 100, rates 1e-3': {'r1': 100.0, 'r2': 100.0, **_rates(1e-3)},
  },
}
"""What is compared with the start, by name: the options that differ from it."""


@dataclass(frozen=True)
class Task:
  """One run: what is trained, on what, how long."""

  variant: str
  setting: str
  dataset: str
  steps: int
  seed: int


@dataclass(frozen=True)
class Common:
  """Where results are, and where MNIST is."""

  out: pathlib.Path
  """Where results.jsonl and the runs in progress are."""
  folder: pathlib.Path | None = None
  """The four original files of MNIST, where they are not yet prepared."""


@dataclass(frozen=True)
class Search(Common):
  """Find the best settings of a variant's grid by one seed on digits."""

  variant: str = 'lsgan'
  """The GAN."""
  last: int = 2
  """How many settings the search ends with."""


@dataclass(frozen=True)
class Compare(Common):
  """Train a setting and the start of the search with five seeds."""

  variant: str = 'lsgan'
  """The GAN."""
  setting: tuple[str, ...] = ()
  """Names in the grid."""
  datasets: tuple[str, ...] = ('digits', 'mnist')
  """The sets of images."""
  seeds: tuple[int, ...] = SEEDS
  """Seeds of training."""
  mnist_steps: int = 1000
  """Length of a run on MNIST."""
  digits_steps: int = LONG
  """Length of a run on digits."""


@dataclass(frozen=True)
class Table(Common):
  """Print the table of all comparisons."""


@dataclass(frozen=True)
class Once(Common):
  """Train and score one run, and print its scores as a line of JSON; the other commands call it."""

  task: Task = field(default_factory=lambda: Task('lsgan', 'start', 'digits', SHORT, 0))
  """The run."""


# One run.


def options_of(variant: str, setting: str) -> Options:
  """Return the options of a setting of a variant's grid; 'start' is what the grid changes."""
  start = START[variant]
  return start if setting == 'start' else {**start, **GRIDS[variant][setting]}


def once(arguments: Once) -> None:
  """Train a run, from its last checkpoint if there is one, and print its scores.

  A longer run continues a shorter one, unless a schedule follows the length.
  """
  task = arguments.task
  options = {**options_of(task.variant, task.setting), **QUIET}
  options |= dict(dataset=task.dataset, steps=task.steps, seed=task.seed)
  options |= dict(folder=arguments.folder if task.dataset == 'mnist' else None)
  config = jaxgan.configure(task.variant, **options)
  name = f'{task.variant}-{task.setting}-{task.dataset}-{task.seed}'
  name += f'-{task.steps}' if config.bound_to_length() else ''
  home = arguments.out / name.replace(' ', '_')
  began = time.process_time()
  jaxgan.train(config, home, quiet=True)
  seconds = time.process_time() - began
  asked = evaluate.Options(workdir=home, num=NUM[task.dataset], metrics='frechet,prdc')
  found, _ = evaluate.of_run(jaxgan.load(home), asked)
  scores = {score.name: score.of.value for score in found if score.name in SHOWN}
  print(json.dumps({**vars(task), **scores, 'seconds': seconds}))


NUM = {'digits': None, 'mnist': 2000}
"""Images of a score; None: as many as are held out."""


# Many runs.


def results(out: pathlib.Path) -> dict[Task, dict[str, Any]]:
  """Return the scores of all runs that are done."""
  path = out / 'results.jsonl'
  lines = path.read_text(encoding='utf-8').splitlines() if path.exists() else []
  names = Task.__dataclass_fields__
  found = [json.loads(line) for line in lines]
  return {Task(**{name: one[name] for name in names}): one for one in found}


def trained(arguments: Common, tasks: Iterable[Task]) -> dict[Task, dict[str, Any]]:
  """Train the runs that are not yet done, one after another, and return the scores of all."""
  for task in tasks:
    if task not in results(arguments.out):
      line = json.dumps(_in_process(arguments, task), ensure_ascii=False)
      with (arguments.out / 'results.jsonl').open('a', encoding='utf-8') as file:
        file.write(line + '\n')
      print(line, flush=True)
  return results(arguments.out)


def _in_process(arguments: Common, task: Task) -> dict[str, Any]:
  """Train and score a run in a new process, whose memory ends with it."""
  command = [sys.executable, '-m', 'experiments.defaults', 'once', f'--out={arguments.out}']
  command += [f'--folder={arguments.folder}'] if arguments.folder else []
  command += [f'--task.{name}={value}' for name, value in vars(task).items()]
  done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
  return json.loads(done.stdout.splitlines()[-1])


def search(arguments: Search) -> None:
  """Halve the grid: all settings in short runs, the better half of them at full length."""
  arguments.out.mkdir(parents=True, exist_ok=True)
  left = list(GRIDS[arguments.variant])
  for steps in (SHORT, LONG):
    tasks = {name: Task(arguments.variant, name, 'digits', steps, 0) for name in left}
    found = trained(arguments, tasks.values())
    left.sort(key=lambda name: found[tasks[name]]['Fréchet distance'])
    left = left[: math.ceil(len(left) / 2) if steps == SHORT else arguments.last]
  print(f'best settings: {", ".join(left)}')


def compare(arguments: Compare) -> None:
  """Train the start and the settings with every seed on every set of images."""
  arguments.out.mkdir(parents=True, exist_ok=True)
  steps = {'digits': arguments.digits_steps, 'mnist': arguments.mnist_steps}
  tasks = [
    Task(arguments.variant, setting, dataset, steps[dataset], seed)
    for dataset in arguments.datasets
    for seed in arguments.seeds
    for setting in ('start', *arguments.setting)
  ]
  trained(arguments, tasks)
  table(arguments)


def table(arguments: Common) -> None:
  """Print, as Markdown, the means over seeds of all runs that are alike in all else."""
  alike: dict[tuple[object, ...], list[dict[str, Any]]] = {}
  for one in results(arguments.out).values():
    key = (one['variant'], one['dataset'], one['steps'], one['setting'])
    alike.setdefault(key, []).append(one)
  print(f'| variant | images | steps | setting | seeds | {" | ".join(SHOWN)} |')
  print(f'|{"---|" * (5 + len(SHOWN))}')
  for (variant, dataset, steps, setting), runs in sorted(alike.items(), key=str):
    cells = [_interval([run[name] for run in runs]) for name in SHOWN]
    print(f'| `{variant}` | {dataset} | {steps} | {setting} | {len(runs)} | {" | ".join(cells)} |')


def _interval(values: list[float]) -> str:
  """Return the mean and its 95 % interval."""
  if len(values) == 1:
    return f'{values[0]:.3g}'
  found = intervals.repeats(values)
  return f'{found.value:.3g} ({found.low:.3g} to {found.high:.3g})'


if __name__ == '__main__':
  chosen = tyro.cli(Search | Compare | Table | Once)  # type: ignore[arg-type]
  {Search: search, Compare: compare, Table: table, Once: once}[type(chosen)](chosen)
