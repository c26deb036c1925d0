"""Claim: `jaxgan doctor` names what is wrong with a run, and rarely calls a healthy run sick.

Small runs are broken on purpose, in many ways, beside healthy ones. What is true of each comes from
an independent measure: a classifier counts the digits that the samples show and compares their
features with those of real images; templates count the modes of points drawn as images; the
gradient of the generator's loss is computed. Half of the seeds of three variants were used to
choose the doctor's thresholds. The other seeds, and all of the fourth variant, only judge.

Commands:

    python -m experiments.doctor train --out=OUT
    python -m experiments.doctor judge --out=OUT
"""

import collections
import dataclasses
import functools
import json
import pathlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from unittest import mock

import jax
import numpy as np
import optax
import tyro
from PIL import Image

import jaxgan
from jaxgan import data, variants
from jaxgan.core import game
from jaxgan.diagnosis import rules, signals, verdicts
from jaxgan.diagnosis.look import look
from jaxgan.diagnosis.rules import Case
from jaxgan.evaluation import features, samples
from jaxgan.evaluation.metrics import frechet, neighbors
from jaxgan.networks import dcgan, mlp
from jaxgan.ops.images import to_uint8, to_unit
from jaxgan.parallel import devices
from jaxgan.recipes import stages
from jaxgan.training import metrics_log

NUM = 1000
"""Samples of a run that are measured."""
SETTING = (0, 1)
"""Seeds of three variants that chose the thresholds; all others judge."""
JUDGING = 'sngan'
"""The variant that only judges."""
COMMON = dict(log_every=50, sample_every=10_000, checkpoint_every=10_000, image_size=8)
BATCH_NORM: dict[str, Any] = dict(critic_norm=True, r1=0.0, beta1=0.5, beta2=0.999)
"""The article's critic and optimizer, which are the easiest to break."""
BASES: dict[str, dict[str, Any]] = {
  'gan': dict(steps=2500, widths=(64, 128)),
  'lsgan': dict(steps=2000, width=16, generator_lr=1e-3, critic_lr=4e-4, **BATCH_NORM),
  'wgan_gp': dict(steps=600, width=8, n_critic=2, generator_lr=5e-4, critic_lr=5e-4),
  'sngan': dict(steps=800, generator_width=8, critic_width=8, conditional=False),
}
"""The healthy runs: small networks on the 8 x 8 digits."""


@dataclass(frozen=True)
class Train:
  """Train the runs that are not there yet, and measure what is true of each."""

  out: pathlib.Path
  """Where runs and truths go."""
  seeds: tuple[int, ...] = (0, 1, 2, 3)
  """Seeds of the runs."""
  kinds: tuple[str, ...] = ()
  """Kinds of break; all if not given."""


@dataclass(frozen=True)
class Judge:
  """Let the doctor look at every run, and compare with the truth."""

  out: pathlib.Path
  """Where runs and truths are."""


# Ways to break a run: the options that change, the images, and parts of the networks.


@dataclass(frozen=True)
class Break:
  """One way to break a run: other options, other images, or other networks."""

  options: Callable[[Any], Mapping[str, Any]] = lambda config: {}
  images: str = 'digits'
  networks: str = ''
  only: tuple[str, ...] = tuple(BASES)


def _rates(critic: float, generator: float) -> Callable[[Any], Mapping[str, Any]]:
  return lambda c: {
    'critic_lr': c.critic_lr * critic,
    'generator_lr': c.generator_lr * generator,
  }


BREAKS: dict[str, Break] = {
  'healthy': Break(),
  'healthy, slower': Break(_rates(0.7, 0.7)),
  'critic x 10': Break(_rates(10, 1)),
  'critic / 10': Break(_rates(0.1, 1)),
  'no norm in the generator': Break(networks='no norm', only=('gan', 'lsgan')),
  'no penalty': Break(lambda c: {'penalty_weight': 0.0}, only=('wgan_gp',)),
  'huge rates': Break(_rates(100, 100)),
  'tiny rates': Break(_rates(0.01, 0.01)),
  'one image': Break(images='one'),
  'few images': Break(images='few'),
  'critic without capacity': Break(networks='weak critic'),
  'generator without capacity': Break(networks='weak generator'),
  'wrong range': Break(images='dark'),
  'ring8': Break(images='ring8'),
  'grid25': Break(images='grid25'),
}
WEAK: dict[str, list[tuple[Any, str, dict[str, Any]]]] = {
  'no norm': [(mlp, 'Generator', {'norm': False}), (dcgan, 'Generator', {'norm': False})],
  'weak critic': [(mlp, 'Critic', {'widths': (1,)}), (dcgan, 'Critic', {'widths': (1, 1)})],
  'weak generator': [(mlp, 'Generator', {'widths': (2,)}), (dcgan, 'Generator', {'widths': (2,)})],
}
"""What networks are replaced with."""


def altered(variant: str, networks: str) -> str:
  """Register a variant with other networks, and return its name."""
  name = f'{variant}_{networks.replace(" ", "_")}'
  if name in variants.VARIANTS:
    return name
  module = variants.module(variant)

  def build(config: Any, spec: Any) -> Any:
    with _replaced(networks):
      return module.build(config, spec)

  variants.register(name, SimpleNamespace(Config=module.Config, build=build))  # type: ignore[arg-type]
  return name


class _replaced:
  """Replaces networks while a variant builds its recipe."""

  def __init__(self, networks: str):
    self._patches = []
    for module, name, options in WEAK[networks]:
      made = getattr(module, name)
      self._patches.append(mock.patch.object(module, name, _with(made, options)))

  def __enter__(self) -> None:
    for patch in self._patches:
      patch.start()

  def __exit__(self, *error: object) -> None:
    for patch in self._patches:
      patch.stop()


def _with(made: Callable[..., Any], options: Mapping[str, Any]) -> Callable[..., Any]:
  """Return the class of a network with some attributes fixed, also where they are positional."""
  return lambda *given, **named: made(*given, **named).clone(**options)


# Images.


def folder_of(kind: str, out: pathlib.Path) -> pathlib.Path:
  """Write the images of a kind as PNG files, and return their folder."""
  folder = out / 'images' / kind
  if not folder.exists():
    for i, image in enumerate(images_of(kind)):
      path = folder / f'{i:05d}.png'
      path.parent.mkdir(parents=True, exist_ok=True)
      Image.fromarray(image[..., 0]).save(path)
  return folder


def images_of(kind: str) -> np.ndarray:
  """Return the images of a kind, uint8 `[n, 8, 8, 1]`."""
  if kind in ('ring8', 'grid25'):
    return points(kind)[0]
  from jaxgan.data import digits

  images = digits.arrays()[0][: digits.TRAIN, ..., None]
  few = {'one': images[:1].repeat(64, 0), 'few': images[:64], 'dark': images // 128}
  return few[kind]


def points(kind: str) -> tuple[np.ndarray, np.ndarray]:
  """Return dots at one of 8 or 25 places, uint8 `[n, 8, 8, 1]`, and the places `[modes, 2]`."""
  angles = 2 * np.pi * np.arange(8) / 8
  axis = np.linspace(0.5, 6.5, 5)
  places = {
    'ring8': 3.5 + 2.6 * np.stack([np.cos(angles), np.sin(angles)], 1),
    'grid25': np.stack(np.meshgrid(axis, axis, indexing='ij'), -1).reshape(-1, 2),
  }[kind]
  random = np.random.default_rng(0)
  chosen = places[random.integers(len(places), size=1500)] + random.normal(0, 0.1, (1500, 2))
  return drawn(chosen), places


def drawn(places: np.ndarray) -> np.ndarray:
  """Return a dot at each place `[n, 2]`, uint8 `[n, 8, 8, 1]`."""
  grid = np.stack(np.meshgrid(np.arange(8), np.arange(8), indexing='ij'), -1)
  apart = ((grid[None] - places[:, None, None]) ** 2).sum(-1)
  return np.rint(255 * np.exp(-apart / 1.2)).astype(np.uint8)[..., None]


# One run.


def configured(variant: str, kind: str, seed: int, out: pathlib.Path) -> Any:
  """Return the config of a run that is broken in one way."""
  broken = BREAKS[kind]
  name = altered(variant, broken.networks) if broken.networks else variant
  options: dict[str, Any] = {**COMMON, **BASES[variant], 'seed': seed}
  if broken.networks == 'weak critic' and variant == 'sngan':
    options['critic_width'] = 1
  if broken.networks == 'weak generator' and variant == 'sngan':
    options['generator_width'] = 1
  if broken.images != 'digits':
    options |= dict(dataset='folder', folder=folder_of(broken.images, out), channels=1)
  options |= dict(data_dir=out / 'data')
  config = jaxgan.configure(name, **options)
  return jaxgan.configure(name, **{**options, **broken.options(config)})


def place(out: pathlib.Path, variant: str, kind: str, seed: int) -> pathlib.Path:
  """Return the work directory of a run."""
  return out / 'runs' / f'{variant}-{kind.replace(" ", "_").replace("/", "by")}-{seed}'


class Truth:
  """Measures what is true of runs, by means that the doctor does not use."""

  def __init__(self, out: pathlib.Path):
    options: dict[str, Any] = dict(image_size=8, data_dir=out / 'data')
    self.train, test = (data.load('digits', split=split, **options) for split in ('train', 'test'))
    self.network = features.classifier(self.train, test)
    self.real = samples.seen(self.network, self.train)
    self.reference = frechet.reference(samples.moments_of(self.real))

  def of(self, run: jaxgan.Run, kind: str) -> dict[str, float]:
    """Return the truth of a run: modes, precision, recall, distance, copies, gradient."""
    images = to_uint8(run.sample(1234, NUM))
    images_kind = BREAKS[kind].images
    found = {'gradient': self.gradient(run), 'bright': float(images.mean())}
    if images_kind in ('ring8', 'grid25'):
      return found | modes_of(images, points(images_kind)[1])
    seen = samples.seen(self.network, images)
    shares = np.bincount(seen.logits.argmax(1), minlength=10) / len(images)
    near = neighbors.prdc(self.real.features[:NUM], seen.features, 5)._asdict()
    found |= {name: float(value) for name, value in near.items()}
    found['frechet'] = float(frechet.distance_of(seen.features, self.reference))
    return found | {'modes': float((shares > 0.01).sum()), 'most': float(shares.max())}

  def gradient(self, run: jaxgan.Run) -> float:
    """Return the norm of the gradient of the generator's loss, relative to its parameters."""
    played, state = run.stage.game, run.state
    turn = next(turn for turn in played.turns if turn.player == 'generator')
    batch = {'image': to_unit(self.train.images(np.arange(64)))}
    nets = game.nets(played, state.replace(ema={}), train=True)  # type: ignore[attr-defined]
    own = {name: state.params[name] for name in played.players['generator'].networks}

    def loss(own: Any) -> Any:
      bound = nets.replace(params={**nets.params, **own})  # type: ignore[attr-defined]
      return turn.loss(bound, batch, jax.random.key(0))[0]

    return float(optax.tree.norm(jax.grad(loss)(own)) / optax.tree.norm(own))


def modes_of(images: np.ndarray, places: np.ndarray) -> dict[str, float]:
  """Return how many places samples show, and the share of samples that are a dot at a place."""
  apart = ((images[:, None].astype(float) - drawn(places)[None]) ** 2).mean((2, 3, 4)) ** 0.5
  nearest, good = apart.argmin(1), apart.min(1) < 20
  shares = np.bincount(nearest[good], minlength=len(places)) / len(images)
  modes = float((shares > 0.2 / len(places)).sum())
  return {'modes': modes, 'of': float(len(places)), 'good': float(good.mean())}


def compile_once() -> None:
  """Let runs that differ in their seeds alone share their compiled programs."""
  build = variants.build
  key = lambda config: dataclasses.replace(config, seed=0)
  kept: dict[Any, Any] = {}

  def built(config: Any, spec: Any) -> Any:
    name = key(config), spec
    kept[name] = kept.get(name) or build(config, spec)
    return kept[name]

  @functools.lru_cache(maxsize=4)
  def first(played: Any, sharding: Any) -> Any:
    return jax.jit(functools.partial(game.init, played), out_shardings=sharding)

  variants.build = built
  stages.first_state = lambda stage, key, sharding: first(stage.game, sharding)(
    key, dict(stage.example)
  )
  devices.compile_step = functools.lru_cache(maxsize=4)(devices.compile_step)  # type: ignore[assignment]
  signals.program = functools.lru_cache(maxsize=4)(signals.program)  # type: ignore[assignment]


def train(arguments: Train) -> None:
  """Train every run, and write its truth beside it."""
  truth = Truth(arguments.out)
  compile_once()
  plan = [
    (seed, kind, variant)
    for kind, broken in BREAKS.items()
    for variant in broken.only
    for seed in arguments.seeds
    if not arguments.kinds or kind in arguments.kinds
  ]
  for seed, kind, variant in plan:
    folder = place(arguments.out, variant, kind, seed)
    if (folder / 'truth.json').exists():
      continue
    about: dict[str, Any] = dict(variant=variant, kind=kind, seed=seed)
    try:
      run = jaxgan.train(configured(variant, kind, seed, arguments.out), folder, quiet=True)
      about |= truth.of(run, kind)
      np.savez(folder / 'samples.npz', fake=run.sample(0, 256))
    except RuntimeError as error:
      about |= {'error': str(error)}
    if folder.exists():
      (folder / 'truth.json').write_text(json.dumps(about))
    print(json.dumps(about), flush=True)


# What is true, and what the doctor says.

ACCEPTED: dict[str, tuple[str, ...]] = {
  'healthy': (verdicts.LEARNING,),
  'healthy, slower': (verdicts.LEARNING,),
  'critic x 10': (verdicts.STRONG, verdicts.PARTIAL, verdicts.FULL),
  'critic / 10': (verdicts.WEAK, verdicts.LEARNING),
  'no norm in the generator': (verdicts.PARTIAL, verdicts.FULL),
  'no penalty': (verdicts.PENALTY, verdicts.PARTIAL, verdicts.FULL),
  'huge rates': (verdicts.DIVERGENCE, verdicts.OSCILLATION, verdicts.STRONG, verdicts.DEAD),
  'tiny rates': (verdicts.SLOW, verdicts.LEARNING),
  'one image': (verdicts.MEMORIZED,),
  'few images': (verdicts.MEMORIZED, verdicts.OVERFIT),
  'critic without capacity': (verdicts.WEAK, verdicts.PARTIAL, verdicts.FULL),
  'generator without capacity': (verdicts.STRONG, verdicts.PARTIAL, verdicts.FULL),
  'wrong range': (verdicts.DEAD,),
  'ring8': (verdicts.PARTIAL, verdicts.FULL),
  'grid25': (verdicts.PARTIAL, verdicts.FULL),
}
"""The names that are right for a run that this break made sick."""


def is_sick(truth: dict[str, Any], healthy: dict[str, float]) -> bool | None:
  """Return whether a run is sick, by its truth; None where the truth lies between.

  A run on all digits is well with 8 digits or more, and beside healthy runs of its variant half
  of their recall, 0.6 of their precision and at most 2.5 times their distance. It is sick with 5
  digits or fewer, less than 0.3 of recall or precision, or more than 4 times the distance. Runs
  on points are well with nine tenths of the modes, and sick with 0.6 of them or fewer; where less
  than a fifth of the samples are points at all, modes say nothing. A run on one image, or on
  images in a wrong range, cannot be well.
  """
  if 'error' in truth:
    return True
  if 'of' in truth:
    share = truth['modes'] / truth['of']
    if truth['good'] < 0.2 or 0.6 < share < 0.9:
      return None
    return share <= 0.6
  if BREAKS[truth['kind']].images in ('one', 'dark'):
    return True
  recall, precision = (truth[name] / healthy[name] for name in ('recall', 'precision'))
  far = truth['frechet'] / healthy['frechet']
  if truth['modes'] >= 8 and recall >= 0.5 and precision >= 0.6 and far < 2.5:
    return False
  return True if truth['modes'] <= 5 or min(recall, precision) < 0.3 or far > 4 else None


def real_of(kind: str) -> np.ndarray:
  """Return 1024 of the training images of a kind, in [-1, 1]."""
  from jaxgan.data import digits

  name = BREAKS[kind].images
  images = digits.arrays()[0][: digits.TRAIN, ..., None] if name == 'digits' else images_of(name)
  chosen = np.random.default_rng(0).permutation(len(images))[:1024]
  return to_unit(images[np.sort(chosen)])


def said(folder: pathlib.Path, kind: str) -> tuple[list[str], float]:
  """Return the names that the doctor gives to a run, and when the first warning came, as a share.

  The samples are those that were drawn at the end of the training.
  """
  history = metrics_log.history(folder / 'metrics.jsonl')
  with np.load(folder / 'samples.npz') as kept:
    seen = look(kept['fake'].astype(np.float32), real_of(kind))
  config: Any = None  # flags need a config, names do not
  step = int(history['step'][-1])
  found = rules.verdicts_of(Case(config, history, step, seen))
  lines = [json.loads(x) for x in (folder / 'metrics.jsonl').read_text().splitlines()]
  warned = [line['step'] for line in lines if 'warning' in line]
  return [one.name for one in found], warned[0] / step if warned else float('nan')


def judge(arguments: Judge) -> None:
  """Print what the doctor says of every run beside the truth, for each half of the runs."""
  truths = []
  for path in sorted(arguments.out.glob('runs/*/truth.json')):
    truth = json.loads(path.read_text())
    if (path.parent / 'samples.npz').exists():
      truth['said'], truth['warned'] = said(path.parent, truth['kind'])
      truths.append(truth)
  healthy = {}
  for variant in BASES:
    runs = [t for t in truths if t['variant'] == variant and t['kind'] == 'healthy']
    healthy[variant] = {
      name: float(np.median([t[name] for t in runs])) for name in ('recall', 'precision', 'frechet')
    }
  for half in ('setting', 'judging'):
    chosen = [t for t in truths if half_of(t) == half]
    _matrix(half, chosen, healthy)


def half_of(truth: dict[str, Any]) -> str:
  """Return whether a run was used to choose thresholds, or judges."""
  setting = truth['seed'] in SETTING and truth['variant'] != JUDGING
  return 'setting' if setting else 'judging'


def _matrix(half: str, truths: list[dict[str, Any]], healthy: dict[str, dict[str, float]]) -> None:
  """Print a table: kinds of break by what was said, of sick and of well runs."""
  print(f'\n{half} half: {len(truths)} runs\n')
  print('| break | truth | runs | right | said first |\n|---|---|---|---|---|')
  totals: dict[bool | None, list[bool]] = {True: [], False: [], None: []}
  for kind in BREAKS:
    for sick in (True, False, None):
      runs = [t for t in truths if t['kind'] == kind and is_sick(t, healthy[t['variant']]) == sick]
      if not runs:
        continue
      right = [_right(t, sick) for t in runs]
      totals[sick] += right
      first = collections.Counter(t['said'][0] for t in runs).most_common()
      told = ', '.join(f'{name} {count}' for name, count in first)
      state = {True: 'sick', False: 'well', None: 'between'}[sick]
      print(f'| {kind} | {state} | {len(runs)} | {sum(right)} | {told} |')
      for t, good in zip(runs, right, strict=True):
        if not good and sick is not None:
          about = {k: t.get(k) for k in ('modes', 'recall', 'precision', 'frechet', 'good')}
          print(f'  miss: {t["variant"]} {kind} seed {t["seed"]}: {t["said"]} {about}')
  for sick, name in ((True, 'sick and named rightly'), (False, 'well and not called sick')):
    count = len(totals[sick])
    print(f'{name}: {sum(totals[sick])} of {count} ({sum(totals[sick]) / max(count, 1):.0%})')


def _right(truth: dict[str, Any], sick: bool | None) -> bool:
  """Return whether one of the first two names is right; of a well run that none is a failure."""
  if not sick:
    return not set(truth['said']) & verdicts.SICK
  return bool(set(truth['said'][:2]) & set(ACCEPTED.get(truth['kind'], ())))


if __name__ == '__main__':
  chosen = tyro.cli(Train | Judge)  # type: ignore[arg-type]
  train(chosen) if isinstance(chosen, Train) else judge(chosen)
