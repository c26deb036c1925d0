"""Claim: `jaxgan doctor` names what is wrong with a run, and rarely calls a healthy run sick.

Small runs are broken on purpose, in many ways, beside healthy ones; `experiments/broken_runs.py`
has them, and the independent measure of what is true of each. Runs with seeds below 10 were used
to choose the doctor's thresholds. Those from 10 on judged the first rules; their misses were read
before the rules were mended, and those of 30 to 39 before they were mended once more. Runs with
seeds from 40 on only judge.

Commands:

    python -m experiments.doctor train --out=OUT
    python -m experiments.doctor judge --out=OUT
    python -m experiments.doctor remedies --out=OUT
"""

import collections
import dataclasses
import json
import math
import pathlib
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import tyro

import jaxgan
from experiments import broken_runs as bench
from jaxgan.diagnosis import remedies, rules, verdicts
from jaxgan.diagnosis.alarms import Alarms
from jaxgan.diagnosis.look import look
from jaxgan.diagnosis.rules import Case
from jaxgan.ops.images import to_unit
from jaxgan.storage import files
from jaxgan.training import metrics_log

SETTING, READ, AGAIN = 10, 40, {'progan': 45}
"""Seeds below the first chose the thresholds; the misses of those below the second were read before
the rules were mended; all others judge, but those of a variant whose healthy runs were found to be
too short, and were given more steps from a seed on."""
Truth = dict[str, Any]
Typical = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Train:
  """Train the runs that are not there yet, and measure what is true of each."""

  out: pathlib.Path
  """Where runs and truths go."""
  seeds: tuple[int, ...] = (0, READ, READ + 1)
  """Seeds of the runs."""
  kinds: tuple[str, ...] = ()
  """Kinds of break; all if not given."""


@dataclass(frozen=True)
class Judge:
  """Let the doctor look at every run, and compare with the truth."""

  out: pathlib.Path
  """Where runs and truths are."""


@dataclass(frozen=True)
class Remedies:
  """Apply the first remedy to each sick run, train it anew, and measure what is true of it."""

  out: pathlib.Path
  """Where runs and truths are."""
  seeds: tuple[int, ...] = (READ,)
  """Seeds of the runs."""
  minutes: float = math.inf
  """No run begins after so many minutes."""


def train(arguments: Train) -> None:
  """Train every run, and write its truth beside it."""
  measure = bench.Truth(arguments.out)
  bench.quickly()
  plan = [
    (seed, kind, variant)
    for kind, broken in bench.BREAKS.items()
    for variant in broken.only
    for seed in arguments.seeds
    if not arguments.kinds or kind in arguments.kinds
  ]
  for seed, kind, variant in plan:
    folder = bench.place(arguments.out, variant, kind, seed)
    if (folder / 'truth.json').exists():
      continue
    about = dict(variant=variant, kind=kind, seed=seed)
    _one(bench.configured(variant, kind, seed, arguments.out), folder, about, measure)


def _one(config: Any, folder: pathlib.Path, about: Truth, measure: bench.Truth) -> Truth:
  """Train a run, and write its truth beside it."""
  try:
    run = jaxgan.train(config, folder, quiet=True)
    about |= measure.of(run, about['kind'])
    np.savez(folder / 'samples.npz', fake=run.sample(0, 256))
  except RuntimeError as error:
    about |= {'error': str(error)}
  if folder.exists():
    (folder / 'truth.json').write_text(json.dumps(about))
  print(json.dumps(about), flush=True)
  return about


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
  'MNIST': (verdicts.LEARNING,),
  'MNIST, critic / 10': (verdicts.WEAK, verdicts.LEARNING),
  'MNIST, tiny rates': (verdicts.SLOW, verdicts.LEARNING),
  'MNIST, huge rates': (verdicts.DIVERGENCE, verdicts.OSCILLATION, verdicts.STRONG, verdicts.DEAD),
}
"""The names that are right for a run that this break made sick."""


def real_of(kind: str, out: pathlib.Path) -> np.ndarray:
  """Return 1024 of the training images of a kind, in [-1, 1]."""
  from jaxgan.data import digits

  name = bench.BREAKS[kind].images
  digit = name == 'digits'
  images = digits.arrays()[0][: digits.TRAIN, ..., None] if digit else bench.images_of(name, out)
  chosen = np.random.default_rng(0).permutation(len(images))[:1024]
  return to_unit(images[np.sort(chosen)])


def _case(folder: pathlib.Path, config: Any, kind: str) -> Case:
  """Return what is known of a run; its samples are those that were drawn at its end."""
  history = metrics_log.history(folder / 'metrics.jsonl')
  with np.load(folder / 'samples.npz') as kept:
    seen = look(kept['fake'].astype(np.float32), real_of(kind, folder.parents[1]))
  return Case(config, history, int(history['step'][-1]), seen, bench.sizes(config))


def warned(folder: pathlib.Path, config: Any) -> list[tuple[float, str]]:
  """Return the warnings that the log of a run gives: the share of the run, and the name."""
  watch = Alarms(config)
  lines = [metrics_log._numbers(x) for x in files.read_lines(folder / 'metrics.jsonl')]
  found = [(line['step'], one) for line in lines if len(line) > 2 for one in watch.consider(line)]
  return [(step / config.length, one.name) for step, one in found]


def _truths(out: pathlib.Path) -> list[Truth]:
  """Return the truth of every run that is there."""
  paths = [x for x in sorted(out.glob('runs/*/truth.json')) if (x.parent / 'samples.npz').exists()]
  return [json.loads(path.read_text()) | {'folder': path.parent} for path in paths]


def typical_of(truths: list[Truth]) -> Typical:
  """Return the median scores of the healthy runs of each variant, on the digits and on MNIST."""
  found = {}
  for variant in bench.BASES:
    for kind in ('healthy', 'MNIST'):
      runs = [t for t in truths if t['variant'] == variant and t['kind'] == kind]
      names = ('recall', 'precision', 'frechet')
      if runs:
        found[f'{variant} {kind}'] = {n: float(np.median([t[n] for t in runs])) for n in names}
  return found


def sick(truth: Truth, typical: Typical) -> bool | None:
  """Return whether a run is sick beside healthy runs; None if that is not clear, or there are none.

  They are those of its variant. Variants of few runs are seen beside `wgan_gp`, the least of four.
  """
  kind = 'MNIST' if 'MNIST' in truth['kind'] else 'healthy'
  beside = typical.get(f'{truth["variant"]} {kind}') or typical.get(f'wgan_gp {kind}')
  if beside is None and bench.is_compared(truth):
    print(f'no healthy run beside {truth["folder"].name}: train one of wgan_gp, {kind}')
    return None
  return bench.is_sick(truth, beside or {})


def judge(arguments: Judge) -> None:
  """Print what the doctor says of every run beside the truth, for each part of the runs."""
  truths = _truths(arguments.out)
  typical = typical_of(truths)
  for truth in truths:
    config = bench.configured(*(truth[x] for x in ('variant', 'kind', 'seed')), arguments.out)
    case = _case(truth['folder'], config, truth['kind'])
    truth['said'] = [one.name for one in rules.verdicts_of(case)]
    truth['warned'] = warned(truth['folder'], config)
    truth['sick'] = sick(truth, typical)
  for part in ('setting', 'read', 'judging'):
    if chosen := [t for t in truths if part_of(t) == part]:
      _matrix(part, chosen)
      _warnings(chosen)


def part_of(truth: Truth) -> str:
  """Return whether a run was used to choose thresholds, was read, or only judges."""
  read = AGAIN.get(truth['variant'], READ)
  return 'setting' if truth['seed'] < SETTING else 'read' if truth['seed'] < read else 'judging'


def _matrix(part: str, truths: list[Truth]) -> None:
  """Print a table: kinds of break by what was said, of sick and of well runs."""
  print(f'\n{part}: {len(truths)} runs\n')
  print('| break | truth | runs | right | said first |\n|---|---|---|---|---|')
  misses = []
  for kind in bench.BREAKS:
    for is_sick, state in ((True, 'sick'), (False, 'well'), (None, 'between')):
      runs = [t for t in truths if t['kind'] == kind and t['sick'] == is_sick]
      if not runs:
        continue
      misses += [t for t in runs if is_sick is not None and not _right(t)]
      first = collections.Counter(t['said'][0] for t in runs).most_common()
      told = ', '.join(f'{name} {count}' for name, count in first)
      print(f'| {kind} | {state} | {len(runs)} | {sum(map(_right, runs))} | {told} |')
  for t in misses:
    about = {k: t.get(k) for k in ('modes', 'recall', 'precision', 'frechet', 'good')}
    print(f'miss: {t["variant"]} {t["kind"]} seed {t["seed"]}: {t["said"]} {about}')
  for is_sick, name in ((True, 'sick and named rightly'), (False, 'well and not called sick')):
    runs = [_right(t) for t in truths if t['sick'] is is_sick]
    print(f'{name}: {sum(runs)} of {len(runs)} ({sum(runs) / max(len(runs), 1):.0%})')


def _warnings(truths: list[Truth]) -> None:
  """Print how many runs are warned of, and when for the first time."""
  ill, well = ([t['warned'] for t in truths if t['sick'] is state] for state in (True, False))
  first = [found[0][0] for found in ill if found]
  every = [found[0][0] if found else math.inf for found in ill]
  if not first:
    return
  print(f'sick runs that are warned of: {len(first)} of {len(ill)}; the first warning comes after')
  print(
    f'{np.median(first):.1%} of the run (median; {np.median(every):.1%} where none is infinity)'
  )
  print(f'well runs that are warned of: {sum(map(bool, well))} of {len(well)}')
  for t in truths:
    if (t['sick'] is False and t['warned']) or (t['sick'] and not t['warned']):
      print(f'miss: {t["variant"]} {t["kind"]} seed {t["seed"]}: {t["warned"]}')


def _right(truth: Truth) -> bool:
  """Return whether one of the first two names is right; of a well run that none is a failure."""
  if not truth['sick']:
    return not set(truth['said']) & verdicts.SICK
  return bool(set(truth['said'][:2]) & set(accepted(truth)))


def accepted(truth: Truth) -> tuple[str, ...]:
  """Return the names that are right for a sick run.

  A run that nothing broke may be sick all the same. If its samples are good and lack much, this is
  a mode collapse.
  """
  narrow = truth.get('recall', 1) < 0.15 and truth.get('precision', 0) > 0.4
  collapse = (verdicts.PARTIAL, verdicts.FULL) if narrow else ()
  whole = truth['kind'] in ('healthy', 'healthy, slower', 'MNIST')
  return (*ACCEPTED.get(truth['kind'], ()), *(collapse if whole else ()))


# Remedies.


def remedy(arguments: Remedies) -> None:
  """Apply the first remedy to every sick run, train it anew, and print what became of it."""
  truths = _truths(arguments.out)
  typical = typical_of(truths)
  measure, begun = bench.Truth(arguments.out), time.monotonic()
  bench.quickly()
  rows = []
  for truth in truths:
    if truth['seed'] in arguments.seeds and sick(truth, typical):
      if time.monotonic() - begun > 60 * arguments.minutes:
        break
      rows.append(_remedied(truth, arguments.out, measure, typical))
  _outcomes(rows)


def _remedied(truth: Truth, out: pathlib.Path, measure: bench.Truth, typical: Typical) -> Truth:
  """Return a run's kind and variant, its first remedy, and its truth with the remedy."""
  variant, kind, seed = truth['variant'], truth['kind'], truth['seed']
  config = bench.configured(variant, kind, seed, out)
  first = rules.verdicts_of(_case(truth['folder'], config, kind))[0]
  seen = [one.name for one in first.evidence]
  row = dict(variant=variant, kind=kind, seed=seed, name=first.name, evidence=seen)
  changes = remedies.options(first.name, config, first.evidence)
  if not changes:
    return {**row, 'flags': '', 'sick': True}
  cured = dataclasses.replace(config, **changes[0])
  folder = _same_run(cured, truth, out) or out / 'remedied' / truth['folder'].name
  about = dict(variant=variant, kind=kind, seed=seed)
  if (folder / 'truth.json').exists():
    after = json.loads((folder / 'truth.json').read_text()) | about
  else:
    after = _one(cured, folder, about, measure)
  return {**row, 'flags': first.remedies[0], 'sick': sick(after | {'folder': folder}, typical)}


def _same_run(config: Any, truth: Truth, out: pathlib.Path) -> pathlib.Path | None:
  """Return the healthy run of the same seed, if the remedy gives its very options, to the last one.

  It would be trained to the same bits once more.
  """
  variant, seed = truth['variant'], truth['seed']
  kind = 'MNIST' if 'MNIST' in truth['kind'] else 'healthy'
  folder = bench.place(out, variant, kind, seed)
  same = config == bench.configured(variant, kind, seed, out)
  return folder if same and (folder / 'truth.json').exists() else None


def _reason(evidence: list[str]) -> str:
  """Return why a run has no remedy, by the names of what shows its failure."""
  network = any(name.endswith(remedies.OF_NETWORK) for name in evidence)
  return 'a network is too small' if network else 'the data set is wrong'


def _outcomes(rows: list[Truth]) -> None:
  """Print a table of remedies, and the share of runs that became well."""
  print('\n| break | variant | verdict | first remedy | then |\n|---|---|---|---|---|')
  words = {True: 'sick', False: 'well', None: 'between'}
  for kind in bench.BREAKS:
    for row in (row for row in rows if row['kind'] == kind):
      flags = f'`{row["flags"]}`' if row['flags'] else f'none: {_reason(row["evidence"])}'
      print(f'| {kind} | {row["variant"]} | {row["name"]} | {flags} | {words[row["sick"]]} |')
  tried = [row for row in rows if row['flags']]
  counts = collections.Counter(words[row['sick']] for row in tried)
  print(f'\nwell with the first remedy: {counts["well"]} of {len(tried)}; {dict(counts)}')


if __name__ == '__main__':
  chosen = tyro.cli(Train | Judge | Remedies)  # type: ignore[arg-type]
  {Train: train, Judge: judge, Remedies: remedy}[type(chosen)](chosen)  # type: ignore[operator]
