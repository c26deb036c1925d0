"""How long a training takes to begin: `python -m benchmarks.start [--variants=gan,biggan]`.

Each variant starts twice in a fresh process: cold, with an empty cache of compiled programs, and
warm, with the cache that the first start filled. On a machine that does other work, compare
processor seconds: those of one process hardly depend on the others.
"""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

from benchmarks import measure
from benchmarks.throughput import Columns, Row, figures_of
from jaxgan import variants
from jaxgan.storage import figures

SIZE = 32
"""Pixels on a side of photographs, pairs and domains, which are noise."""
PHASES = ('data', 'build', 'init', 'picture', 'trace', 'lower', 'compile', 'checkpoint')


@dataclasses.dataclass(frozen=True)
class Options:
  """What to start, and how far."""

  variants: str = ''
  """Names, comma between; all if not given."""
  steps: int = 4
  """The step after which a start is over."""
  options: str = ''
  """More options of `jaxgan train`, such as '--width=8'."""
  out: pathlib.Path = pathlib.Path('start.json')
  """Where the figures go."""


def noise(folder: pathlib.Path, count: int, width: int = SIZE) -> pathlib.Path:
  """Write images of noise, and return their folder."""
  folder.mkdir(parents=True)
  rng = np.random.default_rng(0)
  for i in range(count):
    image = rng.uniform(-1, 1, (1, SIZE, width, 3)).astype(np.float32)
    figures.save_grid(folder / f'{i}.png', image, 1)
  return folder


def table(folder: pathlib.Path, rows: int) -> pathlib.Path:
  """Write a table of two numbers and a category, and return its file."""
  draw, path = np.random.default_rng(0), folder / 'rows.csv'
  path.parent.mkdir(parents=True, exist_ok=True)
  lines = [f'{x:.3f},{y:.3f},{"ab"[int(x > y)]}' for x, y in draw.normal(size=(rows, 2))]
  path.write_text('\n'.join(['x,y,kind', *lines]))
  return path


def images(name: str, folder: pathlib.Path) -> list[str]:
  """Return the options for a variant's images: digits; noise for photographs or rows."""
  config = variants.configure(name)
  if config.dataset == 'domains':
    for domain in 'AB':
      noise(folder / domain, 40)
    return ['--dataset=domains', f'--folder={folder}', f'--image-size={SIZE}']
  if config.dataset == 'pairs':
    return ['--dataset=pairs', f'--folder={noise(folder, 40, 2 * SIZE)}', f'--image-size={SIZE}']
  if config.dataset == 'table':
    return ['--dataset=table', f'--folder={table(folder, 200)}']
  if hasattr(config, 'crop'):  # it enlarges photographs
    given = ['--dataset=folder', f'--folder={noise(folder, 40)}', '--perceptual=none']
    return [*given, f'--crop={SIZE}']
  return ['--dataset=digits']


def start(name: str, given: list[str], cache: pathlib.Path, options: Options) -> Row:
  """Return the figures of one start in a process of its own.

  Raises:
    ValueError: the training does not begin; the message is its own.
  """
  settings = {
    'JAX_COMPILATION_CACHE_DIR': str(cache),
    'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0',
    'JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES': '-1',
    'BENCHMARK_BEGAN': str(time.time()),
  }
  with tempfile.TemporaryDirectory() as folder:
    words = [f'--variant={name}', *given, f'--workdir={folder}/run', *options.options.split()]
    command = [sys.executable, '-m', 'benchmarks.started', str(options.steps), *words]
    ended = subprocess.run(
      command, env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )
  try:
    return json.loads(ended.stdout.splitlines()[-1])
  except (IndexError, json.JSONDecodeError):
    raise ValueError(f'{name} does not start: {ended.stderr.strip()[-400:]}') from None


def row(name: str, options: Options) -> Row:
  """Start a variant cold, then warm."""
  print(f'starting {name} ...', file=sys.stderr, flush=True)
  with tempfile.TemporaryDirectory() as folder:
    place = pathlib.Path(folder)
    given = images(name, place / 'images')
    cold, warm = (start(name, given, place / 'cache', options) for _ in range(2))
  return {'variant': name, 'cold': cold, 'warm': warm}


def _reached(kind: str, point: str):
  """A column: wall seconds until a point, and processor seconds in brackets."""

  def cell(row: Row) -> str:
    wall, processor = row[kind]['reached'][point]
    return f'{wall:.1f} ({processor:.1f})'

  return cell


def _phase(phase: str):
  """A column: processor seconds of a phase, cold and warm."""
  cell = lambda row, kind: f'{row[kind]["phases"].get(phase, [0, 0])[1]:.1f}'
  return lambda row: f'{cell(row, "cold")} / {cell(row, "warm")}'


COLUMNS: Columns = {
  'variant': lambda r: r['variant'],
  'cold: first step': _reached('cold', 'first step'),
  'last': _reached('cold', 'last step'),
  'warm: first step': _reached('warm', 'first step'),
  'last ': _reached('warm', 'last step'),
  'import': lambda r: f'{r["cold"]["reached"]["import"][1]:.1f}',
  **{phase: _phase(phase) for phase in PHASES},
}


def run(options: Options) -> None:
  """Measure, print the table, write the figures."""
  figures_of(options.variants, COLUMNS, lambda name: row(name, options), options.out)
  print(f'seconds until a step, of the processor in brackets; the last is step {options.steps}.')
  print('phases: processor seconds of all threads, cold / warm; init and picture run beside trace')
  print(f'and compile, so these count what the others do too. Figures in {options.out}')


def main(argv: list[str] | None = None) -> int:
  """The command; its exit code is 2 on wrong input."""
  return measure.command(Options, run, 'python -m benchmarks.start', argv)


if __name__ == '__main__':
  sys.exit(main())
