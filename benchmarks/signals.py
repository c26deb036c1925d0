"""What the signals cost: `python -m benchmarks.signals [--variants=gan,lsgan]`.

All that is computed for one line with signals, for training and held-out images, is timed in turns
with the training step. It is spread over the steps from one such line to the next. The seconds that
XLA needs to compile are compared, too. A run compiles the signals beside its first steps: `wait` is
what the first line with signals still waits then.
"""

import dataclasses
import pathlib
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import jax

from benchmarks import measure
from benchmarks.throughput import Columns, Row, figures_of
from benchmarks.workloads import Subject, of_variant
from jaxgan.diagnosis import signals
from jaxgan.parallel import devices


@dataclasses.dataclass(frozen=True)
class Options:
  """What to time."""

  variants: str = 'gan,lsgan'
  """Names of variants, comma between, or all."""
  rounds: int = 10
  """Times that each contender has its turn."""
  seconds: float = 0.3
  """How long a turn lasts at least."""
  out: pathlib.Path = pathlib.Path('signals.json')
  """Where the figures go."""


def row(subject: Subject, options: Options) -> Row:
  """Return seconds of a step, of all signals of a line, and of compiling each."""
  mesh = devices.mesh(subject.batch_size)
  step = measure.program(subject, mesh)
  state, batch = step.state, {name: x[0] for name, x in step.batches.items()}
  game = subject.stage.game
  begun = time.perf_counter()
  program = signals.compiled(game, state, batch)
  signals.movement(game, signals.copied(state.params), state)
  compiled = time.perf_counter() - begun

  def line() -> None:
    before = signals.copied(state.params)
    jax.block_until_ready([program(state, batch), program(state, batch)])
    jax.block_until_ready(signals.movement(game, before, state))

  calls = {'step': measure.caller(step), 'line': line}
  times = measure.interleaved(calls, rounds=options.rounds, seconds=options.seconds)
  waits = _wait(calls['step'], lambda: signals.compiled(game, state, batch))
  compiling = {'compile step': step.compile_seconds, 'compile signals': compiled, 'wait': waits}
  return {'variant': subject.name, **times, **compiling}


def _wait(step: Callable[[], object], compile_it: Callable[[], object]) -> float:
  """Return how long the first line waits for a program that is compiled beside the steps."""
  jax.clear_caches()
  with ThreadPoolExecutor(1) as pool:
    program = pool.submit(compile_it)
    for _ in range(signals.RHYTHM - 1):
      step()
    begun = time.perf_counter()
    program.result()
  return time.perf_counter() - begun


def _cost(row: Row) -> str:
  ratio = measure.speed(row['line'], row['step'])
  share = [x / signals.RHYTHM for x in ratio]
  return f'{share[0]:.2%} ({share[1]:.2%} to {share[2]:.2%})'


COLUMNS: Columns = {
  'variant': lambda r: r['variant'],
  'ms a step': lambda r: f'{1e3 * measure.spread(r["step"]).median:.2f}',
  'ms of signals': lambda r: f'{1e3 * measure.spread(r["line"]).median:.2f}',
  'share of training': _cost,
  'compiling': lambda r: (
    f'{r["compile step"]:.2f} s {r["compile signals"] / r["compile step"]:+.0%}'
  ),
  'wait': lambda r: f'{r["wait"]:.2f} s {r["wait"] / r["compile step"]:+.0%}',
}


def run(options: Options) -> None:
  """Measure, print the table, write the figures."""
  subject = lambda name: of_variant(name, 'laptop', None, None)
  figures_of(options.variants, COLUMNS, lambda name: row(subject(name), options), options.out)
  print(f'signals every {signals.RHYTHM} steps, {jax.device_count()} device(s); {options.out}')


def main(argv: list[str] | None = None) -> int:
  """The command; its exit code is 2 on wrong input."""
  return measure.command(Options, run, 'python -m benchmarks.signals', argv)


if __name__ == '__main__':
  sys.exit(main())
