"""Clocks, compiled steps, and what to know of the machine that ran them."""

import ctypes
import dataclasses
import importlib.metadata
import multiprocessing
import os
import pathlib
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from benchmarks.workloads import Subject, random_batch
from jaxgan.apps import command as commands
from jaxgan.core.game import Turn
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Batch
from jaxgan.ops import convolution
from jaxgan.ops.native import Kernels
from jaxgan.parallel import devices
from jaxgan.recipes import stages

Call = Callable[[], Any]
Options = TypeVar('Options')


class Spread(NamedTuple):
  """The median of several values, the least and the greatest."""

  median: float
  low: float
  high: float


def spread(values: Sequence[float]) -> Spread:
  return Spread(statistics.median(values), min(values), max(values))


def speed(base: Sequence[float], times: Sequence[float]) -> Spread:
  """How many times faster than the base: ratios within a round, in which both saw one machine."""
  return spread([b / t for b, t in zip(base, times, strict=True)])


def interleaved(
  contenders: Mapping[str, Call],
  *,
  rounds: int,
  seconds: float,
  clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
  """Seconds of a call, one figure a round; in turns, so that a busy machine slows all alike.

  A round lasts at least `seconds` for each contender.
  """
  for call in contenders.values():
    call()
  times: dict[str, list[float]] = {name: [] for name in contenders}
  for _ in range(rounds):
    for name, call in contenders.items():
      call()  # not timed: it brings caches and threads back from the contender before
      times[name].append(_mean_seconds(call, seconds, clock))
  return times


CLOCKS = {'wall': time.perf_counter, 'processor': time.process_time}
"""What other work on a machine disturbs much, and what it disturbs less."""


def clock(one_core: bool) -> Callable[[], float]:
  """Return the clock of a benchmark: the processor's where it is pinned to one core."""
  return CLOCKS['processor' if one_core else 'wall']


def by_clock(calls: Mapping[str, Call], rounds: int) -> dict[str, dict[str, list[float]]]:
  """Seconds by clock and contender, one figure a round, of calls that take long by themselves."""
  for call in calls.values():
    call()  # compiles
  times: dict[str, dict[str, list[float]]] = {clock: {n: [] for n in calls} for clock in CLOCKS}
  for _ in range(rounds):
    for name, call in calls.items():
      start = {clock: read() for clock, read in CLOCKS.items()}
      call()
      for clock, read in CLOCKS.items():
        times[clock][name].append(read() - start[clock])
  return times


def told_speeds(times: Mapping[str, Sequence[float]], ours: str) -> str:
  """Return the seconds of each, and how many times as fast the library is as each other one."""
  spreads = {name: spread(seconds) for name, seconds in times.items()}
  seconds = ', '.join(f'{n} {s.median:.2f} ({s.low:.2f}-{s.high:.2f})' for n, s in spreads.items())
  others = [(name, speed(times[name], times[ours])) for name in times if name != ours]
  speeds = ', '.join(f'{r.median:.2f} ({r.low:.2f}-{r.high:.2f}) of {n}' for n, r in others)
  return f'seconds: {seconds}; speed: {speeds}'


def _mean_seconds(call: Call, seconds: float, clock: Callable[[], float]) -> float:
  start, calls = clock(), 0
  while (passed := clock() - start) < seconds or not calls:
    call()
    calls += 1
  return passed / calls


class Program(NamedTuple):
  """A compiled step, a state and batches to call it with, and the seconds it took to compile."""

  step: jax.stages.Compiled
  state: TrainState
  batches: Batch
  compile_seconds: float


def program(
  subject: Subject, mesh: Mesh, count: int = 1, kernels: Kernels | None = None
) -> Program:
  """Trace and compile the subject's step, as training does, or so many steps as one call."""
  step, state, batches = _traceable(subject, mesh, count, kernels)
  start = time.perf_counter()
  compiled = step.lower(state, batches).compile()
  return Program(compiled, state, batches, time.perf_counter() - start)


def _traceable(
  subject: Subject, mesh: Mesh, count: int = 1, kernels: Kernels | None = None
) -> tuple[Any, TrainState, Batch]:
  """The step that is not compiled yet, and what to call it with."""
  state = stages.first_state(subject.stage, jax.random.key(0), devices.replicated(mesh))
  batches = devices.place(mesh, *[random_batch(subject)] * count)
  return devices.compile_step(subject.stage.game, mesh, count, kernels), state, batches


def caller(
  program: Program,
  *,
  ahead: bool = False,
  draw: Callable[[], Batch] | None = None,
  idle: list[bool] | None = None,
) -> Call:
  """A call is one iteration, on what `draw` gives or on constant batches.

  With `ahead` a call waits for the iteration before its own, so that the host works while the
  device does, as in training. Each call then adds to `idle` whether the device had finished that
  iteration, and so stood idle, before the batches were there.
  """
  state, before = jax.tree.map(jnp.copy, program.state), None  # a copy: the step consumes it

  def call() -> None:
    nonlocal state, before
    batches = draw() if draw else program.batches
    if idle is not None and before is not None:
      idle.append(all(x.is_ready() for x in jax.tree.leaves(before)))
    state, logs = program.step(state, batches)
    jax.block_until_ready(before if ahead else logs)
    before = logs

  return call


def flops(subject: Subject, device: jax.Device) -> float:
  """Floating-point operations of one iteration of the whole batch, as XLA counts them.

  It counts the body of a loop once and a turn that is seldom played in full; this sets it right.
  """
  alone = lambda turn: _counted(_only(subject, turn._replace(repeats=1, every=1)), device)
  turns = [turn for turn in subject.stage.game.turns if turn.repeats != turn.every]
  extra = [(turn.repeats / turn.every - 1) * alone(turn) for turn in turns]
  return _counted(subject, device) + sum(extra)


def _only(subject: Subject, turn: Turn) -> Subject:
  game = dataclasses.replace(subject.stage.game, turns=(turn,), after=())
  return subject._replace(stage=subject.stage._replace(game=game))


def _counted(subject: Subject, device: jax.Device) -> float:
  """On a CPU of the compiled step.

  That of a GPU hides its convolutions, so there it is the step as traced, and what is computed
  twice in it, such as a forward that two turns share, counts twice.
  """
  step, *given = _traceable(subject, devices.mesh(subject.batch_size, [device]))
  lowered = step.lower(*given)
  counted = lowered.compile() if device.platform == 'cpu' else lowered
  return dict(counted.cost_analysis() or {}).get('flops', float('nan'))


def program_bytes(step: jax.stages.Compiled) -> float:
  """Memory that the step needs: arguments, results and what lies between."""
  use = step.memory_analysis()
  if use is None:
    return float('nan')
  ends = use.argument_size_in_bytes + use.output_size_in_bytes - use.alias_size_in_bytes
  return ends + use.temp_size_in_bytes


def peak_bytes(device: jax.Device) -> float:
  """The most that was ever in use: on the device where it counts, else by this process."""
  stats = device.memory_stats() or {}
  if 'peak_bytes_in_use' in stats:
    return stats['peak_bytes_in_use']
  unit = 1 if sys.platform == 'darwin' else 1024
  return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def matmul_peak(
  device: jax.Device, clock: Callable[[], float] = time.perf_counter, size: int | None = None
) -> float:
  """FLOP/s of a large float32 product on one device, the best of ten, by JAX's defaults."""
  n = size or (2048 if device.platform == 'cpu' else 8192)
  x = jax.device_put(jnp.ones((n, n), jnp.float32), device)
  product = jax.jit(jnp.matmul, compiler_options=convolution.compiler_options())
  call = lambda: product(x, x).block_until_ready()
  times = interleaved({'product': call}, rounds=10, seconds=0.05, clock=clock)['product']
  return 2 * n**3 / min(times)


def apart(function: Callable[..., Any], *args: Any) -> Any:
  """The result of a module's function in a process of its own."""
  with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context('spawn')) as pool:
    return pool.submit(function, *args).result()


def one_core() -> None:
  """Pin this process to one core; to be called before JAX or PyTorch start their threads."""
  os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def keep_arenas() -> bool:
  """Let the C library keep large blocks of memory that are freed; whether it would.

  Else every call maps and unmaps its arena, page by page. Never set by the library itself: it acts
  on the whole process, here on both sides of a comparison alike.
  """
  threshold, trim = -3, -1  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD
  try:
    libc = ctypes.CDLL('libc.so.6')
    return bool(libc.mallopt(threshold, 1 << 30) and libc.mallopt(trim, (1 << 31) - 1))
  except (OSError, AttributeError):
    return False


def cores() -> int:
  """Physical cores that this process may use."""
  if not hasattr(os, 'sched_getaffinity'):
    return os.cpu_count() or 1
  topology = '/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list'
  paths = {cpu: pathlib.Path(topology.format(cpu)) for cpu in os.sched_getaffinity(0)}
  return len({p.read_text() if p.exists() else str(cpu) for cpu, p in paths.items()})


def facts() -> dict[str, str]:
  """Versions, processor, cores and load: without them a timing says little."""
  packages = ('jax', 'jaxlib', 'flax', 'optax', 'numpy')
  return {
    'python': platform.python_version(),
    **{name: importlib.metadata.version(name) for name in packages},
    'system': platform.platform(),
    'processor': _processor(),
    'cores': str(cores()),
    'dtype': 'float32',
    'load average': ' '.join(f'{x:.1f}' for x in os.getloadavg()),
  }


def told_facts() -> dict[str, str]:
  """`facts`, printed as well."""
  found = facts()
  print('\n'.join(f'{name}: {value}' for name, value in found.items()) + '\n')
  return found


def command(
  kind: type[Options], run: Callable[[Options], None], program: str, argv: list[str] | None
) -> int:
  """What every benchmark does with its command line; the exit code is 2 on wrong input."""
  return commands.run('', kind, run, argv, by='benchmarks', program=program)


def _processor() -> str:
  about = pathlib.Path('/proc/cpuinfo')
  lines = about.read_text().splitlines() if about.exists() else []
  models = [line.split(':', 1)[1].strip() for line in lines if line.startswith('model name')]
  return models[0] if models else platform.processor() or platform.machine()
