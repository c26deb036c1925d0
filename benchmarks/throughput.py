"""How fast it trains: `python -m benchmarks.throughput [--variants=lsgan,sngan] [--peer=torch]`.

By default every variant on every kind of device; with `--peer=torch` the workloads W1 to W5 against
PyTorch on the CPU, with `--native` also the workloads with native convolutions. Every row is
measured in a process of its own.
"""

import dataclasses
import importlib.util
import json
import os
import pathlib
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import jax

from benchmarks import measure
from benchmarks.measure import Spread
from benchmarks.workloads import (
  BATCH,
  WORKLOADS,
  Subject,
  of_variant,
  of_workload,
  resampling,
)
from jaxgan.ops.native import Kernels
from jaxgan.parallel import devices
from jaxgan.training.kernels import fastest
from jaxgan.variants import VARIANTS

Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Options:
  """What to time, and how often."""

  variants: str = ''
  """Names, comma between; all if no workloads and no peer are given."""
  workloads: str = ''
  """Of W1 to W5 and W4-1, comma between; all with a peer."""
  peer: Literal['none', 'torch'] = 'none'
  """Compare the workloads with PyTorch, on the CPU."""
  device: str = ''
  """Kinds of device, such as cpu or gpu,cpu; all there are if not given."""
  preset: Literal['laptop', 'paper'] = 'laptop'
  """Of the variants."""
  image_size: int | None = None
  """Pixels on a side for the variants; the preset's if not given, or 28."""
  channels: Literal[1, 3] | None = None
  """Of the variants' images; the preset's if not given, or 1."""
  batch_size: int = BATCH
  """Of the workloads."""
  rounds: int = 5
  """Times that every contender has its turn."""
  seconds: float = 1.0
  """How long a turn lasts at least."""
  native: bool = False
  """Workloads: also with the native convolutions that are faster here, as by --native=auto."""
  one_core: bool = False
  """Pin to one core and count processor time instead of wall time: for a machine that is busy."""
  keep_arenas: bool = True
  """Workloads: the C library keeps freed memory (mallopt), for JAX and PyTorch alike."""
  out: pathlib.Path = pathlib.Path('throughput.json')
  """Where the figures go."""


def kinds() -> list[str]:
  """Kinds of device there are, the default one first."""
  return list(dict.fromkeys([jax.default_backend(), 'cpu']))


def variant_row(name: str, kind: str, options: Options) -> Row:
  """A variant on all devices of a kind, compiled in a process with a cache and in one without."""
  with tempfile.TemporaryDirectory() as cache:
    cold = measure.apart(_variant, name, kind, options, cache, True)
    warm = measure.apart(_variant, name, kind, options, cache, False)
  return {**cold, 'warm_compile_s': warm['compile_s']}


def _variant(name: str, kind: str, options: Options, cache: str, timed: bool) -> Row:
  _begin(kind, options)
  jax.config.update('jax_compilation_cache_dir', cache)
  jax.config.update('jax_persistent_cache_min_compile_time_secs', 0)
  jax.config.update('jax_persistent_cache_min_entry_size_bytes', -1)
  subject = of_variant(name, options.preset, options.image_size, options.channels)
  mesh = devices.mesh(subject.batch_size)
  if not timed:
    return {'compile_s': measure.program(subject, mesh).compile_seconds}
  row = timed_row(subject, mesh, options)
  return {'variant': name, 'device': _device(mesh), **row}


def timed_row(subject: Subject, mesh: jax.sharding.Mesh, options: Options) -> Row:
  """Time, operations, memory and time to compile of one subject's step."""
  program = measure.program(subject, mesh)
  use = measure.program_bytes(program.step)
  call = measure.caller(program, ahead=True)
  times = _interleaved({'step': call}, options)['step']
  return {
    'image': 'x'.join(map(str, subject.spec.shape)),
    'images_per_step': subject.images_per_step,
    'devices': mesh.size,
    'seconds': times,
    'peak_bytes': measure.peak_bytes(mesh.devices.flat[0]),
    'program_bytes': use,
    'compile_s': program.compile_seconds,
    'flops': measure.flops(subject, mesh.devices.flat[0]),
  }


def workload_rows(name: str, kind: str, options: Options) -> list[Row]:
  """A workload's contenders, in turns, with their speed against the better layout of the peer."""
  _begin(kind, options)
  arenas = options.keep_arenas and measure.keep_arenas()
  workload = WORKLOADS[name]
  kernels = fastest()[0] if options.native else None
  forms = _forms(name, kernels)
  programs = {label: _program(name, options, **how) for label, how in forms.items()}
  calls = {label: measure.caller(program) for label, (program, _) in programs.items()}
  peers: dict[str, measure.Call] = {}
  if options.peer == 'torch':
    from benchmarks.peers import contenders

    shape = workload.spec.shape
    peers = contenders(name, options.batch_size, shape, measure.cores())
  times = _interleaved({**peers, **calls}, options)
  base = min(peers, key=lambda p: measure.spread(times[p]).median, default=next(iter(calls)))
  images = options.batch_size * workload.n_critic
  return [
    {
      'workload': name,
      'about': workload.about,
      'contender': label,
      'images_per_step': images,
      'seconds': seconds,
      'speed': measure.speed(times[base], seconds),
      'base': base,
      'flops': programs[label][1] if label in programs else None,
      'arenas_kept': arenas,
    }
    for label, seconds in times.items()
  ]


def _forms(name: str, kernels: Kernels | None) -> dict[str, dict[str, Any]]:
  """Ways to play a workload with the library: as it is, and what has to be told apart from it."""
  forms = {'jax': dict(share=False, plain=False)}
  if name == 'W5':
    forms = {'jax fused': forms['jax'], 'jax plain': dict(share=False, plain=True)}
  if WORKLOADS[name].n_critic == 1:
    forms['jax shared G'] = dict(share=True, plain=False)
  if kernels is not None:
    forms |= {f'{label}, native': dict(how, kernels=kernels) for label, how in forms.items()}
  return forms


def _program(
  name: str, options: Options, *, share: bool, plain: bool, kernels: Kernels | None = None
) -> tuple[measure.Program, float]:
  subject = of_workload(name, WORKLOADS[name], options.batch_size, share)
  mesh = devices.mesh(options.batch_size, jax.devices()[:1])
  with resampling(plain=plain):
    program = measure.program(subject, mesh, kernels=kernels)
    return program, measure.flops(subject, jax.devices()[0])


def _begin(kind: str, options: Options) -> None:
  """Set up a fresh process; the kind that is not the CPU is the one that JAX takes by itself."""
  if kind == 'cpu':
    jax.config.update('jax_platforms', kind)
  if options.one_core:
    measure.one_core()


def _interleaved(contenders: Mapping[str, measure.Call], options: Options):
  return measure.interleaved(
    contenders,
    rounds=options.rounds,
    seconds=options.seconds,
    clock=measure.clock(options.one_core),
  )


def _device(mesh: jax.sharding.Mesh) -> str:
  device = mesh.devices.flat[0]
  return f'{mesh.size} x {device.device_kind}' if mesh.size > 1 else device.device_kind


def peak(kind: str, options: Options) -> float:
  """FLOP/s of a large product on one device of a kind."""
  _begin(kind, options)
  return measure.matmul_peak(jax.devices()[0], measure.clock(options.one_core))


# Tables.

Columns = Mapping[str, Callable[[Row], str]]


def _ms(row: Row) -> str:
  t = measure.spread(row['seconds'])
  return f'{1e3 * t.median:.2f} ({1e3 * t.low:.2f}-{1e3 * t.high:.2f})'


def _median(row: Row) -> float:
  return measure.spread(row['seconds']).median


def _speed(row: Row) -> str:
  s = Spread(*row['speed'])
  return f'{s.median:.2f} ({s.low:.2f}-{s.high:.2f})'


def _giga(row: Row, per_second: bool) -> str:
  if row['flops'] is None:
    return ''
  return f'{row["flops"] / (_median(row) if per_second else 1) / 1e9:.1f}'


VARIANT_COLUMNS: Columns = {
  'device': lambda r: r['device'],
  'variant': lambda r: r['variant'],
  'image': lambda r: r['image'],
  'ms an iteration': _ms,
  'images/s': lambda r: f'{r["images_per_step"] / _median(r):.0f}',
  'GFLOP': lambda r: _giga(r, False),
  'GFLOP/s': lambda r: _giga(r, True),
  'of peak': lambda r: f'{r["flops"] / _median(r) / (r["devices"] * r["peak"]):.0%}',
  'compile s, cold': lambda r: f'{r["compile_s"]:.1f}',
  'warm': lambda r: f'{r["warm_compile_s"]:.1f}',
  'peak MiB': lambda r: f'{r["peak_bytes"] / 2**20:.0f}',
  'step MiB': lambda r: f'{r["program_bytes"] / 2**20:.0f}',
}

WORKLOAD_COLUMNS: Columns = {
  '': lambda r: r['workload'],
  'contender': lambda r: r['contender'],
  'ms an iteration': _ms,
  'images/s': lambda r: f'{r["images_per_step"] / _median(r):.0f}',
  'GFLOP': lambda r: _giga(r, False),
  'GFLOP/s': lambda r: _giga(r, True),
  'speed': _speed,
}


def table(columns: Columns, rows: Sequence[Row]) -> str:
  """Rows as a table of Markdown, its columns aligned."""
  cells = [list(columns), *([show(row) for show in columns.values()] for row in rows)]
  widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
  lines = [
    '| ' + ' | '.join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + ' |'
    for line in cells
  ]
  return '\n'.join([lines[0], '|' + '|'.join('-' * (w + 2) for w in widths) + '|', *lines[1:]])


# The command.


def names(given: str, valid: Sequence[str], wanted: bool) -> list[str]:
  """Names from a flag; all where nothing was given and they are wanted.

  Raises:
    ValueError: a name that is not valid, with those that are.
  """
  chosen = given.split(',') if given else list(valid) * wanted
  if unknown := [name for name in chosen if name not in valid]:
    raise ValueError(f'there is no {unknown[0]!r}, only {", ".join(valid)}')
  return chosen


def figures_of(given: str, columns: Columns, row: Callable[[str], Row], out: pathlib.Path) -> None:
  """Measure the variants that a flag names, or all; print a table and write the figures.

  Raises:
    ValueError: as in `names`.
  """
  facts = measure.told_facts()
  rows = [row(name) for name in names(given, list(VARIANTS), True)]
  print(table(columns, rows))
  out.write_text(json.dumps({'facts': facts, 'rows': rows}, indent=1))


def run(options: Options) -> None:
  """Measure, print the tables, write the figures."""
  compared = options.peer != 'none'
  if compared and importlib.util.find_spec(options.peer) is None:
    raise ValueError(f"--peer={options.peer} needs it installed: pip install 'jaxgan[torch]'")
  bare = not (options.variants or options.workloads or compared)
  chosen = names(options.variants, list(VARIANTS), bare)
  works = names(options.workloads, list(WORKLOADS), compared)
  found = measure.apart(kinds)
  clock = 'processor time, one core' if options.one_core else 'wall time, all cores'
  on = names(options.device, found, True)
  result: dict[str, Any] = {'facts': measure.facts(), 'clock': clock}
  print('\n'.join(f'{name}: {value}' for name, value in result['facts'].items()))
  print(f'clock: {clock}\n', flush=True)
  result['variants'] = _variants(chosen, on, options) if chosen else []
  result['workloads'] = _workloads(works, 'cpu' if compared else on[0], options) if works else []
  result['load average after'] = os.getloadavg()
  options.out.write_text(json.dumps(result, indent=1))
  print(f'load average now {os.getloadavg()[0]:.1f}; figures in {options.out}')


def _variants(chosen: Sequence[str], on: Sequence[str], options: Options) -> list[Row]:
  rows = []
  for kind in on:
    most = measure.apart(peak, kind, options)
    print(f'{kind}: a large float32 product runs at {most / 1e9:.0f} GFLOP/s', flush=True)
    for name in chosen:
      _say(f'{name} on {kind}')
      rows.append({**variant_row(name, kind, options), 'peak': most})
  print('\n' + table(VARIANT_COLUMNS, rows))
  print('GFLOP: as XLA counts, on a GPU before it optimizes.')
  print('peak MiB: of the device, or of the whole process.\n')
  return rows


def _workloads(chosen: Sequence[str], kind: str, options: Options) -> list[Row]:
  rows = []
  for name in chosen:
    _say(f'{name}, {WORKLOADS[name].about}')
    rows += measure.apart(workload_rows, name, kind, options)
  print(table(WORKLOAD_COLUMNS, rows))
  for note in _notes(rows, options):
    print(note)
  print()
  return rows


def _notes(rows: Sequence[Row], options: Options) -> list[str]:
  kept = 'kept by the allocator (mallopt)' if rows[0]['arenas_kept'] else 'as the allocator has it'
  notes = [
    f'speed: time of {"the better PyTorch layout" if options.peer != "none" else "the first row"} '
    f'over that of the row, median of {options.rounds} rounds (least-greatest).',
    f'batch {options.batch_size}; freed memory {kept} for all contenders.',
    'shared G: one generator forward for both updates, less work than the rest. fused: resampling '
    'within the convolutions, as always on CPU; plain: apart from them, as PyTorch has it.',
  ]
  if options.native:
    notes.append('native: with the native convolutions that are faster on this machine.')
  if options.peer == 'torch':
    from importlib.metadata import version

    threads = 1 if options.one_core else measure.cores()
    notes.append(f'PyTorch {version("torch")}, eager, {threads} threads, Adam(foreach=True).')
  return notes


def _say(text: str) -> None:
  print(f'timing {text} ...', file=sys.stderr, flush=True)


def main(argv: list[str] | None = None) -> int:
  """The command; its exit code is 2 on wrong input."""
  return measure.command(Options, run, 'python -m benchmarks.throughput', argv)


if __name__ == '__main__':
  sys.exit(main())
