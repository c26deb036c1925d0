"""How long training waits for its data: `python -m benchmarks.input [--datasets=digits,mnist]`.

Each set is held in memory and streamed, and trains one variant: once with every batch asked for
when the step before is done, so that nothing is hidden behind the step; and once as training does
it, with the host a step ahead, in turns with steps on a batch that stays on the device. All images
are read once before, as in a first epoch, in which streamed images are decoded.
"""

import contextlib
import dataclasses
import json
import pathlib
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax

from benchmarks import measure
from benchmarks.throughput import Columns, Row, names, table
from benchmarks.workloads import Subject
from jaxgan import data, variants
from jaxgan.data import Source
from jaxgan.parallel import devices


@dataclasses.dataclass(frozen=True)
class Options:
  """What to train on what, and for how long."""

  datasets: str = 'digits,mnist'
  """Names of data sets, comma between; those that are not prepared are left out, and it is said."""
  variant: str = 'lsgan'
  """What is trained."""
  image_size: int = 28
  """Pixels on a side."""
  rounds: int = 5
  """Times that steps with and without data have their turn."""
  seconds: float = 1.0
  """How long a turn lasts at least."""
  data_dir: pathlib.Path | None = None
  """Where tfds keeps its data; $TFDS_DATA_DIR or ~/tensorflow_datasets if not given."""
  out: pathlib.Path = pathlib.Path('input.json')
  """Where the figures go."""


def row(source: Source, options: Options) -> Row:
  """Seconds of steps with and without data, of waiting, and of the pipeline by itself."""
  config = variants.configure(options.variant)
  stage = variants.build(config, source.spec).stages[0]
  subject = Subject(options.variant, stage, source.spec, config.batch_size)
  mesh = devices.mesh(subject.batch_size)
  program = measure.program(subject, mesh)
  timed = partial(measure.interleaved, rounds=options.rounds, seconds=options.seconds)
  first, read = stopwatch(lambda: sum(map(len, source.parts())))
  read()
  sizes = dict(batch_size=subject.batch_size, microbatches=stage.game.microbatches, seed=0)
  with contextlib.closing(data.batches(source, **sizes)) as stream:
    draw = lambda: jax.block_until_ready(devices.place(mesh, next(stream)))
    waits, waited = stopwatch(draw)
    whole = timed({'whole': measure.caller(program, draw=waited)})['whole']
    idle: list[bool] = []
    fed = measure.caller(program, ahead=True, draw=draw, idle=idle)
    timed({'fed': fed})
    dry = sum(idle) / len(idle)  # by itself: in turns, it would find the device idle at the start
    times = timed({'fed': fed, 'resident': measure.caller(program, ahead=True)})
    alone = timed({'alone': partial(next, stream)})['alone']
  return {
    'images': len(source),
    'images_per_step': subject.images_per_step,
    'streams': source.streams,
    'first': first[0],
    'waits': waits,
    'dry': dry,
    'whole': whole,
    'alone': alone,
    **times,
  }


def stopwatch(call: Callable[[], Any]) -> tuple[list[float], Callable[[], Any]]:
  """The same call, and a list that its seconds go to."""
  seconds: list[float] = []

  def timed() -> Any:
    start = time.perf_counter()
    result = call()
    seconds.append(time.perf_counter() - start)
    return result

  return seconds, timed


def _milliseconds(values: Sequence[float]) -> str:
  return f'{1e3 * measure.spread(values).median:.2f}'


def _share(row: Row) -> float:
  return measure.spread(row['waits']).median / measure.spread(row['whole']).median


def _slower(row: Row) -> str:
  ratio = measure.speed(row['fed'], row['resident'])
  return f'{ratio.median - 1:.1%} ({ratio.low - 1:.1%} to {ratio.high - 1:.1%})'


COLUMNS: Columns = {
  'data set': lambda r: r['dataset'],
  'images': lambda r: str(r['images']),
  'held': lambda r: 'streamed' if r['streams'] else 'in memory',
  'ms a step': lambda r: _milliseconds(r['fed']),
  'slower than without data': _slower,
  'steps the device waited for': lambda r: f'{r["dry"]:.1%}',
  'ms waiting, unhidden': lambda r: _milliseconds(r['waits']),
  'share': lambda r: f'{_share(r):.1%}',
  'first epoch, images/s': lambda r: f'{r["images"] / r["first"]:.0f}',
  'pipeline alone, images/s': lambda r: (
    f'{r["images_per_step"] / measure.spread(r["alone"]).median:.0f}'
  ),
}


def prepared(name: str, options: Options) -> bool:
  """Whether the set can be read without a download; says so if not."""
  there = name != 'mnist' or (options.data_dir or data.data_folder()).joinpath(name).exists()
  if not there:
    print(f'{name} is left out: train on it once to prepare it (--dataset={name})')
  return there


def run(options: Options) -> None:
  """Measure, print the table, write the figures."""
  facts = measure.told_facts()
  rows = []
  for name in names(options.datasets, list(data.DATASETS), True):
    for limit in (2**31, 0) if prepared(name, options) else ():
      source = data.load(
        name, image_size=options.image_size, data_dir=options.data_dir, in_memory_limit=limit
      )
      rows.append({'dataset': name, **row(source, options)})
  print(table(COLUMNS, rows))
  result: dict[str, Any] = {'facts': facts, 'variant': options.variant, 'rows': rows}
  options.out.write_text(json.dumps(result, indent=1))
  print(f'{options.variant}; figures in {options.out}')


def main(argv: list[str] | None = None) -> int:
  """The command; its exit code is 2 on wrong input."""
  return measure.command(Options, run, 'python -m benchmarks.input', argv)


if __name__ == '__main__':
  sys.exit(main())
