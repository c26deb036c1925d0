"""What it costs to survive: `python -m benchmarks.reliability [--variants=gan,lsgan,sngan]`.

The step with and without its guard against what is not finite, in turns; and so many guarded steps
with a checkpoint, its integrity words among them, written meanwhile, against as many plain steps
without. The processor's clock moves more than a small difference, so there are many short rounds.
"""

import dataclasses
import pathlib
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

import jax
from jax.sharding import Mesh

from benchmarks import measure
from benchmarks.throughput import Columns, Row, figures_of
from benchmarks.workloads import Subject, of_variant
from jaxgan.core import guard
from jaxgan.parallel import devices
from jaxgan.storage.checkpoint import Checkpoints


@dataclasses.dataclass(frozen=True)
class Options:
  """What to time."""

  variants: str = 'gan,lsgan,sngan'
  """Names of variants, comma between, or all."""
  steps: int = 500
  """From one checkpoint to the next."""
  rounds: int = 5
  """Times that each contender has its turn, and four times as often for single steps."""
  seconds: float = 0.5
  """How long a turn of single steps lasts at least."""
  out: pathlib.Path = pathlib.Path('reliability.json')
  """Where the figures go."""


def unguarded(subject: Subject, mesh: Mesh) -> measure.Program:
  """The program that takes every step."""
  whole: Any = dict(keep=lambda old, new, *numbers: new, clean=lambda grads: grads)
  with mock.patch.multiple(guard, **whole):
    return measure.program(subject, mesh)


def row(subject: Subject, options: Options) -> Row:
  """Seconds of a step without and with its guard, and of so many without and with all."""
  mesh = devices.mesh(subject.batch_size)
  programs = {'plain': unguarded(subject, mesh), 'guarded': measure.program(subject, mesh)}
  callers = {name: measure.caller(program, ahead=True) for name, program in programs.items()}
  times = measure.interleaved(callers, rounds=4 * options.rounds, seconds=options.seconds)
  with tempfile.TemporaryDirectory() as folder, Checkpoints(folder) as checkpoints:
    stretches = {
      'bare': stretch(callers['plain'], options.steps),
      'whole': stretch(callers['guarded'], options.steps, saver(checkpoints, programs['guarded'])),
    }
    times |= in_turns(stretches, options.rounds)
  return {'variant': subject.name, **times}


def in_turns(calls: dict[str, measure.Call], rounds: int) -> dict[str, list[float]]:
  """Seconds of calls that are long enough to need no warming up."""
  times: dict[str, list[float]] = {name: [] for name in calls}
  for _ in range(rounds):
    for name, call in calls.items():
      start = time.perf_counter()
      call()
      times[name].append(time.perf_counter() - start)
  return times


def saver(checkpoints: Checkpoints, program: measure.Program) -> Callable[[], None]:
  """Each call starts to write one more checkpoint."""
  steps = iter(range(10**9))
  return lambda: checkpoints.save(next(steps), program.state)


def stretch(call: measure.Call, steps: int, save: Callable[[], Any] = lambda: None) -> measure.Call:
  """So many steps, after a save is begun."""

  def calls() -> None:
    save()
    for _ in range(steps):
      call()

  return calls


def _slower(base: str, other: str) -> Callable[[Row], str]:
  def text(row: Row) -> str:
    ratio = measure.speed(row[other], row[base])
    return f'{ratio.median - 1:+.1%} ({ratio.low - 1:+.1%} to {ratio.high - 1:+.1%})'

  return text


COLUMNS: Columns = {
  'variant': lambda r: r['variant'],
  'ms a step': lambda r: f'{1e3 * measure.spread(r["plain"]).median:.2f}',
  'guard': _slower('plain', 'guarded'),
  'guard, integrity and saves': _slower('bare', 'whole'),
}


def run(options: Options) -> None:
  """Measure, print the table, write the figures."""
  subject = lambda name: of_variant(name, 'laptop', None, None)
  figures_of(options.variants, COLUMNS, lambda name: row(subject(name), options), options.out)
  print(f'a checkpoint every {options.steps} steps, {jax.device_count()} device(s); {options.out}')


def main(argv: list[str] | None = None) -> int:
  """The command; its exit code is 2 on wrong input."""
  return measure.command(Options, run, 'python -m benchmarks.reliability', argv)


if __name__ == '__main__':
  sys.exit(main())
