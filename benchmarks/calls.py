"""What several steps a call gain: `python -m benchmarks.calls [--variants=gan,lsgan]`.

As many steps, one a call and several a call, are timed in turns. The batches lie on the host, and
are moved to the device within the time, as in training.
"""

import dataclasses
import pathlib
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks import measure
from benchmarks.throughput import Columns, Row, figures_of
from benchmarks.workloads import Subject, of_variant, random_batch
from jaxgan.parallel import devices
from jaxgan.recipes import stages


@dataclasses.dataclass(frozen=True)
class Options:
  """What to time."""

  variants: str = 'gan,lsgan'
  """Names of variants, comma between, or all."""
  steps_per_call: int = 8
  """Steps in a call of several."""
  image_size: int | None = None
  """Pixels on a side; the preset's if not given, or 28."""
  rounds: int = 5
  """Times that each contender has its turn."""
  seconds: float = 1.0
  """How long a turn lasts at least."""
  out: pathlib.Path = pathlib.Path('calls.json')
  """Where the figures go."""


def row(subject: Subject, options: Options) -> Row:
  """Return seconds of a step alone and within a call of several, by two clocks, on one device."""
  mesh = devices.mesh(subject.batch_size, jax.devices()[:1])
  count = options.steps_per_call
  contenders = {'one': caller(subject, mesh, count, 1), 'several': caller(subject, mesh, count)}
  found: Row = {'variant': subject.name, 'count': count}
  for clock, read in measure.CLOCKS.items():
    times = measure.interleaved(
      contenders, rounds=options.rounds, seconds=options.seconds, clock=read
    )
    found |= {f'{clock} {name}': [s / count for s in seconds] for name, seconds in times.items()}
  return found


def caller(
  subject: Subject, mesh: jax.sharding.Mesh, count: int, each: int | None = None
) -> measure.Call:
  """A call is `count` steps, `each` of them in a call of the device; None: all in one."""
  together = each or count
  step = devices.compile_step(subject.stage.game, mesh, together)
  state = stages.first_state(subject.stage, jax.random.key(0), devices.replicated(mesh))
  state, batch = jax.tree.map(jnp.copy, state), random_batch(subject)

  def call() -> None:
    nonlocal state
    for _ in range(count // together):
      state, _ = step(state, devices.place(mesh, *[batch] * together))
    jax.block_until_ready(state)

  return call


def _ms(name: str) -> Callable[[Row], str]:
  return lambda row: f'{1e3 * measure.spread(row[name]).median:.2f}'


def _speed(clock: str) -> Callable[[Row], str]:
  def speed(row: dict[str, Any]) -> str:
    s = measure.speed(row[f'{clock} one'], row[f'{clock} several'])
    return f'{s.median:.2f} ({s.low:.2f}-{s.high:.2f})'

  return speed


COLUMNS: Columns = {
  'variant': lambda r: r['variant'],
  'steps a call': lambda r: str(r['count']),
  'ms a step, one': _ms('wall one'),
  'several': _ms('wall several'),
  'speed, wall': _speed('wall'),
  'speed, processor': _speed('processor'),
}


def run(options: Options) -> None:
  """Measure, print the table, write the figures."""
  begun = time.perf_counter()
  subject = lambda name: of_variant(name, 'laptop', options.image_size, None)
  figures_of(options.variants, COLUMNS, lambda name: row(subject(name), options), options.out)
  print(f'{time.perf_counter() - begun:.0f} s; figures in {options.out}')


def main(argv: list[str] | None = None) -> int:
  """The command; its exit code is 2 on wrong input."""
  return measure.command(Options, run, 'python -m benchmarks.calls', argv)


if __name__ == '__main__':
  sys.exit(main())
