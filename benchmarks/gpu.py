"""How fast it trains on one GPU, in nine minutes: `python -m benchmarks.gpu`.

The parts are played in the order of their value, each in a process of its own, and each writes its
figures at once; what the time does not allow is named. W1 to W5 are timed in turns with PyTorch,
where it is installed: eager in both layouts, compiled, and compiled in bfloat16 (autocast) with
channels last. Large networks are timed alone, as a share of what the processor can compute. With
`--toy` all of it is small, for a CPU.
"""

import dataclasses
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from benchmarks import measure
from benchmarks.throughput import Columns, Row, table
from benchmarks.workloads import (
  WORKLOADS,
  in_bfloat16,
  of_config,
  of_workload,
)
from jaxgan import data, variants
from jaxgan.parallel import devices
from jaxgan.recipes import stages

STYLEGAN2: dict[str, Any] = dict(
  **dict(image_size=256, batch_size=32, base=32768, residual=True, group=4, mixing=0.9),
  **dict(path_weight=2.0, r1=1.0, augment='none'),
)
MODELS: dict[str, dict[str, Any]] = {
  'stylegan2': STYLEGAN2,
  'stylegan2-ada': {**STYLEGAN2, 'augment': 'ada'},
  'r3gan': dict(image_size=32, batch_size=256),
  'biggan': dict(image_size=128, batch_size=64, n_critic=1, attention=64),
}
"""Large networks: what differs from the published settings, whose widths they have."""
TOYS: dict[str, dict[str, Any]] = {
  'stylegan2': dict(image_size=8, batch_size=4, base=64, width=16, mapping_layers=1),
  'stylegan2-ada': dict(image_size=8, batch_size=4, base=64, width=16, mapping_layers=1),
  'r3gan': dict(image_size=8, batch_size=4, width=8, depth=1, cardinality=4),
  'biggan': dict(image_size=8, batch_size=4, generator_width=4, critic_width=4, attention=0),
}
PARTS = (
  *('W1', 'W2', 'W5', 'stylegan2', 'W3', 'W4', 'stylegan2-ada'),
  *('r3gan', 'biggan', 'loss-gan', 'loss-lsgan', 'loss-sngan'),
)
"""In the order of their value."""
PEAKS = {'float32': 67e12, 'bfloat16': 790e12}
"""FLOP/s that an H200 reaches in practice. float32 products may be computed in TF32, above it."""
JOINED = 8
"""Steps in a call, where several are played in one."""


@dataclasses.dataclass(frozen=True)
class Options:
  """What to time."""

  parts: str = ''
  """Parts, comma between; all if not given, in the order of their value."""
  minutes: float = 9.0
  """How long all parts may take together."""
  rounds: int = 5
  """Times that every contender has its turn."""
  seconds: float = 0.5
  """How long a turn lasts at least."""
  steps: int = 200
  """Steps over which losses in bfloat16 are compared with those in float32."""
  toy: bool = False
  """Small networks and batches, on whatever device there is."""
  alone: bool = False
  """Play the parts in this process."""
  out: pathlib.Path = pathlib.Path('gpu.jsonl')
  """Where the figures go, a line each."""


# The workloads, beside PyTorch.


def workload_rows(name: str, options: Options) -> list[Row]:
  """Return seconds of an iteration for each contender, and speeds against the best eager peer."""
  workload, batch = WORKLOADS[name], 4 if options.toy else 64
  subject, mesh = of_workload(name, workload, batch), _mesh(batch)
  forms = {
    'jaxgan': (subject, 1),
    f'jaxgan {JOINED} a call': (subject, JOINED),
    'jaxgan bfloat16': (in_bfloat16(subject), 1),
    f'jaxgan bfloat16 {JOINED} a call': (in_bfloat16(subject), JOINED),
  }
  if options.toy:
    forms = dict(list(forms.items())[:1])
  programs = {label: measure.program(one, mesh, count) for label, (one, count) in forms.items()}
  calls, said = torch_calls(name, batch, workload.spec.shape, options)
  ours = {label: measure.caller(program) for label, program in programs.items()}
  times = measure.interleaved({**calls, **ours}, rounds=options.rounds, seconds=options.seconds)
  for label, (_, count) in forms.items():
    times[label] = [seconds / count for seconds in times[label]]
  eager = [label for label in calls if label in ('torch nchw', 'torch nhwc')]
  base = min(eager or ['jaxgan'], key=lambda label: measure.spread(times[label]).median)
  flops = measure.flops(subject, mesh.devices.flat[0])
  return [
    {
      'part': name,
      'contender': label,
      'images_per_step': batch * workload.n_critic,
      'seconds': seconds,
      'base': base,
      'speed': measure.speed(times[base], seconds),
      'share': _share(flops, seconds, 'bfloat16' if 'bfloat16' in label else 'float32'),
      'compile_s': programs[label].compile_seconds if label in programs else None,
      'bytes': measure.program_bytes(programs[label].step) if label in programs else None,
      'said': said,
    }
    for label, seconds in times.items()
  ]


def torch_calls(
  name: str, batch: int, shape: tuple[int, int, int], options: Options
) -> tuple[dict[str, measure.Call], list[str]]:
  """Return the peers by name, and what is to be said: that PyTorch is missing, or a form fails."""
  if importlib.util.find_spec('torch') is None:
    return {}, ["without PyTorch, as it is not installed: pip install 'jaxgan[torch]'"]
  import torch

  from benchmarks import peers

  on = 'cuda' if torch.cuda.is_available() and jax.default_backend() != 'cpu' else 'cpu'
  torch.set_default_device(on)
  full = (batch, shape[2], shape[0], shape[1])

  def made(layout: str, compiled: bool = False, half: bool = False) -> measure.Call:
    peer = peers.peer(name)
    if compiled:
      both: Any = [torch.compile(peer.generator), torch.compile(peer.critic)]
      peer = peer._replace(generator=both[0], critic=both[1])
    step = peers.iteration(peer, full, peers.LAYOUTS[layout])

    def call() -> None:
      with torch.autocast(on, torch.bfloat16, enabled=half):
        step()
      if on == 'cuda':
        torch.cuda.synchronize()

    return call

  forms: dict[str, dict[str, Any]] = {
    'torch nchw': dict(layout='torch nchw'),
    'torch nhwc': dict(layout='torch nhwc'),
    'torch bfloat16': dict(layout='torch nhwc', half=True),
  }
  if not options.toy:
    forms |= {
      'torch compiled': dict(layout='torch nhwc', compiled=True),
      'torch compiled bfloat16': dict(layout='torch nhwc', compiled=True, half=True),
    }
  return _that_run({label: made(**how) for label, how in forms.items()})


def _that_run(calls: Mapping[str, measure.Call]) -> tuple[dict[str, measure.Call], list[str]]:
  """Return the calls that do not fail, such as a compiled second derivative, and why others do."""
  fine, said = {}, []
  for label, call in calls.items():
    try:
      call()
      fine[label] = call
    except Exception as error:  # whatever another library raises
      said.append(f'{label} fails: {str(error).strip().splitlines()[0][:200]}')
  return fine, said


# Large networks, and losses.


def model_rows(name: str, options: Options) -> list[Row]:
  """Return time, share of what the processor can compute, memory and time to compile."""
  variant = name.removesuffix('-ada')
  given = {**MODELS[name], **(TOYS[name] if options.toy else {})}
  config = variants.configure(variant, 'paper', channels=3, **given)
  classes = {'biggan': 1000}.get(variant, 0) // (100 if options.toy else 1)
  whole = of_config(name, config, classes)
  rows = []
  for precision, subject in (('bfloat16', in_bfloat16(whole)), ('float32', whole)):
    mesh = _mesh(config.batch_size)
    program = measure.program(subject, mesh)
    call = measure.caller(program, ahead=True)
    times = measure.interleaved({'it': call}, rounds=options.rounds, seconds=options.seconds)['it']
    flops = measure.flops(subject, mesh.devices.flat[0])
    rows.append(
      {
        'part': name,
        'contender': f'jaxgan {precision}',
        'images_per_step': subject.images_per_step,
        'seconds': times,
        'share': _share(flops, times, precision),
        'flops': flops,
        'compile_s': program.compile_seconds,
        'bytes': measure.program_bytes(program.step),
        'peak_bytes': measure.peak_bytes(mesh.devices.flat[0]),
      }
    )
    if options.toy:
      break
  return rows


def loss_rows(name: str, options: Options) -> list[Row]:
  """Return the losses of both precisions on digits: their means over the second half of steps."""
  means = {p: _losses(name.removeprefix('loss-'), p, options) for p in ('float32', 'bfloat16')}
  apart = {
    loss: abs(means['bfloat16'][loss][0] - mean) / max(spread, 1e-9)
    for loss, (mean, spread) in means['float32'].items()
  }
  return [{'part': name, 'losses': means, 'apart': apart}]


def _losses(variant: str, precision: str, options: Options) -> dict[str, tuple[float, float]]:
  """Return mean and std of each loss over the second half of a short training."""
  kind = variants.module(variant).Config
  names = {field.name for field in dataclasses.fields(kind)}
  small: dict[str, Any] = dict(
    widths=(8,), width=4, generator_width=4, critic_width=4, batch_size=8
  )
  given = {n: v for n, v in small.items() if n in names} if options.toy else {}
  source = data.load('digits')
  config = variants.configure(variant, precision=precision, **given)
  stage = variants.build(config, source.spec).stages[0]
  mesh = _mesh(config.batch_size)
  state = stages.first_state(stage, jax.random.key(0), devices.replicated(mesh))
  step = devices.compile_step(stage.game, mesh)
  sizes = dict(batch_size=config.batch_size, microbatches=stage.game.microbatches, seed=0)
  found: list[dict[str, Any]] = []
  for _, batch in zip(range(options.steps), data.batches(source, **sizes), strict=False):
    state, logs = step(state, devices.place(mesh, batch))
    found.append({name: x for name, x in logs.items() if name.endswith('/loss')})
  late = jax.device_get(found[len(found) // 2 :])
  values = {name: np.array([one[name] for one in late]) for name in late[0]}
  return {name: (float(x.mean()), float(x.std())) for name, x in values.items()}


def _mesh(batch: int) -> jax.sharding.Mesh:
  """Return the mesh of the first device alone."""
  return devices.mesh(batch, jax.devices()[:1])


def _share(flops: float, seconds: Sequence[float], precision: str) -> float:
  return flops / measure.spread(seconds).median / PEAKS[precision]


# The command.


def rows_of(part: str, options: Options) -> list[Row]:
  """Play one part."""
  if part.startswith('loss-'):
    return loss_rows(part, options)
  return model_rows(part, options) if part in MODELS else workload_rows(part, options)


def play(part: str, options: Options) -> None:
  """Play one part and append its figures to the file."""
  rows = rows_of(part, options)
  with options.out.open('a') as file:
    file.writelines(json.dumps(row) + '\n' for row in rows)
  for said in rows[0].get('said', ()):
    print(f'{part}: {said}')
  kept = [row for row in rows if 'seconds' in row]
  print(table(COLUMNS, kept) if kept else _told_losses(rows[0]), flush=True)


def _told_losses(row: Row) -> str:
  means = {
    p: ', '.join(f'{n} {m:.3f} ± {s:.3f}' for n, (m, s) in losses.items())
    for p, losses in row['losses'].items()
  }
  return '\n'.join(f'{row["part"]}, {precision}: {text}' for precision, text in means.items())


COLUMNS: Columns = {
  'part': lambda r: r['part'],
  'contender': lambda r: r['contender'],
  'ms': lambda r: f'{1e3 * measure.spread(r["seconds"]).median:.2f}',
  'images/s': lambda r: f'{r["images_per_step"] / measure.spread(r["seconds"]).median:.0f}',
  'speed': lambda r: '{:.2f} ({:.2f}-{:.2f})'.format(*r['speed']) if 'speed' in r else '',
  'of the floor': lambda r: f'{r["share"]:.1%}',
  'compile s': lambda r: f'{r["compile_s"]:.1f}' if r['compile_s'] else '',
  'step MiB': lambda r: f'{r["bytes"] / 2**20:.0f}' if r['bytes'] else '',
}


def run(options: Options) -> None:
  """Play the parts, each in a process of its own, as long as there is time."""
  chosen = options.parts.split(',') if options.parts else list(PARTS)
  if unknown := [part for part in chosen if part not in PARTS]:
    raise ValueError(f'there is no {unknown[0]!r}, only {", ".join(PARTS)}')
  if options.alone:
    for part in chosen:
      play(part, options)
    return
  until = time.monotonic() + 60 * options.minutes
  options.out.write_text(json.dumps(measure.told_facts()) + '\n')
  for part in chosen:
    left = until - time.monotonic()
    if left <= 0:
      print(f'{part}: no time left', flush=True)
    elif why := _apart(part, options, left):
      print(f'{part}: {why}', flush=True)


def _apart(part: str, options: Options, seconds: float) -> str:
  """Play a part in another process; return why it has no figures, '' if it has."""
  flags = {f.name: getattr(options, f.name) for f in dataclasses.fields(options)}
  words = [f'--{name.replace("_", "-")}={value}' for name, value in flags.items()]
  command = [sys.executable, '-m', 'benchmarks.gpu', *words, f'--parts={part}', '--alone=True']
  alike = {'XLA_PYTHON_CLIENT_PREALLOCATE': 'false', **os.environ}  # PyTorch needs memory, too
  try:
    done = subprocess.run(command, env=alike, timeout=seconds, check=False)
  except subprocess.TimeoutExpired:
    return 'the time is over'
  return '' if done.returncode == 0 else f'failed with exit code {done.returncode}'


def main(argv: list[str] | None = None) -> int:
  """The command; its exit code is 2 on wrong input."""
  return measure.command(Options, run, 'python -m benchmarks.gpu', argv)


if __name__ == '__main__':
  sys.exit(main())
