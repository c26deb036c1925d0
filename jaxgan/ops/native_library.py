"""The kernels of `native.cc`: compiled at first use, checked whenever loaded, timed once.

The library is kept in a folder of the user's cache, by its source, jaxlib and the processor. The
kernels are made for AVX-512 on Linux; elsewhere, and where no C++ compiler is found, `load` says
why there are none.
"""

import contextlib
import ctypes
import functools
import hashlib
import importlib.metadata
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core.typing import Array
from jaxgan.ops import convolution, convolution_forms, native
from jaxgan.ops.convolution_forms import Pads, Shape
from jaxgan.ops.native import KINDS, Kernels, Kind

SOURCE = pathlib.Path(__file__).with_name('native.cc')
COMPILERS = ('c++', 'g++', 'clang++')
FLAGS = ('-O3', '-march=native', '-mprefer-vector-width=512', '-std=c++17', '-fPIC', '-shared')
MORE_FLAGS = ('-ffp-contract=fast', '-DNDEBUG', '-w')
"""Products are added without rounding by every compiler; warnings of jaxlib's headers are not
ours."""
SECONDS = 300
"""How long a compiler may take."""
WORTH = 1.05
"""How many times as fast as XLA a class of shapes must be to be used."""
WRONG = 1e-4
"""The relative error from which on a result is wrong; rounding gives less than 1e-6."""


_lock = threading.Lock()
_loaded: set[str] = set()
"""The targets that this process has: a library is loaded once, whatever the folder."""


class Unavailable(ValueError):
  """There are no kernels here; the message says why, in one sentence."""


class Case(NamedTuple):
  """A convolution: shapes of images and kernel, stride and padding."""

  x: Shape
  w: Shape
  stride: int
  pads: Pads = ((1, 1), (1, 1))


CASES: Mapping[str, Case] = {
  'conv': Case((32, 16, 16, 64), (3, 3, 64, 64), 1),
  'conv small': Case((32, 8, 8, 64), (4, 4, 64, 128), 2),
  'conv thin': Case((32, 32, 32, 3), (4, 4, 3, 64), 2),
  'tconv': Case((32, 16, 16, 64), (4, 4, 64, 64), 2),
  'tconv small': Case((32, 8, 8, 64), (4, 4, 64, 128), 2),
  'wgrad': Case((32, 16, 16, 64), (3, 3, 64, 64), 1),
  'wgrad small': Case((32, 8, 8, 64), (4, 4, 64, 128), 2),
}
"""For each class of `native.class_of` the convolution that tells whether it is faster."""

CHECKED: tuple[Case, ...] = (
  Case((3, 9, 18, 32), (3, 2, 32, 96), 1, ((1, 0), (2, 1))),
  Case((5, 8, 7, 16), (4, 5, 16, 16), 2, ((0, 3), (2, 2))),
  Case((2, 7, 9, 3), (5, 3, 3, 48), 2, ((2, 2), (0, 1))),
  Case((1, 6, 5, 16), (1, 1, 16, 16), 3, ((0, 0), (0, 0))),
)
"""What is compared with NumPy whenever the library is loaded: odd shapes, every kernel."""


def everywhere(target: str) -> Kernels:
  """Return the kernels for all classes of shapes that they have."""
  return Kernels(target, tuple(CASES))


def faster(target: str, gains: Mapping[str, float]) -> Kernels:
  """Return the kernels for the classes of shapes whose gain is worth it."""
  return Kernels(target, tuple(name for name in CASES if gains.get(name, 0) >= WORTH))


def load(folder: pathlib.Path) -> str:
  """Load the library from a folder, or compile it into the folder; return its target for XLA.

  Raises:
    Unavailable: there can be none here, it cannot be compiled, or it computes wrong numbers.
  """
  check_machine()
  path, target = folder / f'{_key()}.so', f'jaxgan_convolution_{_key()}'
  with _lock:
    if target not in _loaded:
      if not _complete(path):
        make(path)
      _register(path, target)
      check(target)
      _loaded.add(target)
  return target


def check_machine() -> None:
  """Check that the kernels are made for this machine.

  Raises:
    Unavailable: they are not.
  """
  if jax.default_backend() != 'cpu':
    raise Unavailable(f'native convolutions are for CPUs, and JAX uses {jax.default_backend()}')
  if not sys.platform.startswith('linux'):
    raise Unavailable(f'native convolutions are for Linux, and this is {platform.system()}')
  if 'avx512f' not in _processor().split():
    raise Unavailable('native convolutions need AVX-512, which this processor lacks')


def make(path: pathlib.Path, *more: str) -> None:
  """Compile the library; the file is complete or not there, whatever happens.

  Args:
    path: the file of the library.
    *more: flags beside the usual ones.

  Raises:
    Unavailable: there is no compiler, it fails (the message has its first error) or takes too long,
      or the file cannot be written.
  """
  command = next(filter(None, map(shutil.which, COMPILERS)), None)
  if command is None:
    raise Unavailable(f'there is no C++ compiler: install one of {", ".join(COMPILERS)}')
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    with _beside(path) as new:
      _compile(command, [*FLAGS, *MORE_FLAGS, *more, '-o', str(new)])
      digest = hashlib.sha256(new.read_bytes()).hexdigest()
    with _beside(path.with_suffix('.sha256')) as new:
      new.write_text(digest)
  except OSError as error:
    raise Unavailable(f'the compiled kernels cannot be kept: {_line(str(error))}') from None


def _compile(command: str, flags: list[str]) -> None:
  words = [command, str(SOURCE), f'-I{jax.ffi.include_dir()}', *flags]
  try:
    done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS)
  except subprocess.TimeoutExpired:
    raise Unavailable(f'{command} did not compile in {SECONDS} seconds') from None
  if done.returncode:
    errors = [line for line in done.stderr.splitlines() if 'error' in line] or [done.stderr]
    raise Unavailable(f'{command} does not compile the kernels: {_line(errors[0])}')


def _register(path: pathlib.Path, target: str) -> None:
  try:
    library = ctypes.CDLL(str(path))
  except OSError as error:
    raise Unavailable(f'the compiled kernels cannot be loaded: {_line(str(error))}') from None
  jax.ffi.register_ffi_target(target, jax.ffi.pycapsule(library.Convolution), platform='cpu')


@contextlib.contextmanager
def _beside(path: pathlib.Path) -> Iterator[pathlib.Path]:
  """Yield an empty file that becomes `path` at the end of the block, unless the block fails."""
  number, name = tempfile.mkstemp(dir=path.parent, prefix='.', suffix='.incomplete')
  os.close(number)
  try:
    yield pathlib.Path(name)
    os.replace(name, path)
  finally:
    pathlib.Path(name).unlink(missing_ok=True)


def _complete(path: pathlib.Path) -> bool:
  """Return whether a library is there as it was compiled: a damaged one could end the process."""
  try:
    wanted = path.with_suffix('.sha256').read_text()
    return hashlib.sha256(path.read_bytes()).hexdigest() == wanted
  except (OSError, ValueError):
    return False


def _line(text: str) -> str:
  """Return the first line of a text, without the folders of the source."""
  return (text.strip().splitlines() or ['it does not say why'])[0].replace(f'{SOURCE.parent}/', '')


@functools.cache
def _key() -> str:
  """Return what a library is made of: its source, flags, jaxlib and the processor."""
  parts = [
    *FLAGS,
    *MORE_FLAGS,
    importlib.metadata.version('jaxlib'),
    platform.machine(),
    _processor(),
  ]
  return hashlib.sha256(SOURCE.read_bytes() + '\n'.join(parts).encode()).hexdigest()[:16]


@functools.cache
def _processor() -> str:
  """Return the processor's name and what it can do, as Linux lists them."""
  try:
    lines = pathlib.Path('/proc/cpuinfo').read_text().splitlines()
  except OSError:
    return ''
  chosen = [line.partition(':') for line in lines if line.startswith(('model name', 'flags'))]
  return ' '.join(value for _, _, value in chosen[:2])


# The check.


def check(target: str) -> None:
  """Compare every kernel with NumPy.

  Raises:
    Unavailable: a kernel fails, or its result is wrong.
  """
  calls = list(_calls(CHECKED))

  def compute() -> list[Array]:
    arrays = ((kind, jnp.asarray(a), jnp.asarray(b), static) for kind, a, b, static, _ in calls)
    return [native.native(target, *call) for call in arrays]

  try:
    results = jax.device_get(jax.jit(compute)())
  except jax.errors.JaxRuntimeError as error:
    raise Unavailable(f'the compiled kernels fail: {_line(str(error))}') from None
  for (kind, *_, expected), result in zip(calls, results, strict=True):
    apart = np.abs(result - expected).max() / np.abs(expected).max()
    if not apart < WRONG:
      raise Unavailable(f'the compiled kernels compute wrong numbers: {kind} is {apart:.0e} off')


Checked = tuple[Kind, np.ndarray, np.ndarray, native.Static, np.ndarray]
"""A call of a kernel (which one, two arrays, the other arguments), and its result by NumPy."""


def _calls(cases: tuple[Case, ...]) -> Iterator[Checked]:
  """Yield the calls of all kernels for some convolutions."""
  random = np.random.default_rng(0)
  for case in cases:
    for kind in KINDS:
      first, second, static = operands(kind, case)
      if native.class_of(kind, first, second, static):
        a, b = (random.normal(size=shape).astype(np.float32) for shape in (first, second))
        yield kind, a, b, static, by_numpy(kind, a, b, *static)


def operands(kind: Kind, case: Case) -> tuple[Shape, Shape, native.Static]:
  """Return the shapes of the two arrays of a function, and its other arguments."""
  x, w, *rest = case
  y = (x[0], *convolution_forms.output_size(*case), w[3])
  return {'conv': (x, w, (*rest,)), 'tconv': (y, w, (x, *rest)), 'wgrad': (x, y, (w, *rest))}[kind]


def by_numpy(kind: Kind, a: np.ndarray, b: np.ndarray, *static: Any) -> np.ndarray:
  """Compute one of the three functions tap by tap in float64, to compare with."""
  *given, stride, pads = static
  a, b = a.astype(np.float64), b.astype(np.float64)
  x = np.zeros(given[0]) if kind == 'tconv' else a
  w = np.zeros(given[0]) if kind == 'wgrad' else b
  height, width = convolution_forms.output_size(x.shape, w.shape, stride, pads)
  y = {'conv': np.zeros((x.shape[0], height, width, w.shape[3])), 'tconv': a, 'wgrad': b}[kind]
  padded = np.pad(x, ((0, 0), *pads, (0, 0)))
  for i, j in np.ndindex(*w.shape[:2]):
    rows = slice(i, i + stride * (height - 1) + 1, stride)
    columns = slice(j, j + stride * (width - 1) + 1, stride)
    if kind == 'conv':
      y += padded[:, rows, columns] @ w[i, j]
    elif kind == 'tconv':
      padded[:, rows, columns] += y @ w[i, j].T
    else:
      w[i, j] = np.tensordot(padded[:, rows, columns], y, ((0, 1, 2), (0, 1, 2)))
  (top, _), (left, _) = pads
  x = padded[:, top : top + x.shape[1], left : left + x.shape[2]]
  return {'conv': y, 'tconv': x, 'wgrad': w}[kind]


# The calibration.


def gains(target: str, folder: pathlib.Path) -> dict[str, float]:
  """Return how many times as fast as XLA each class of shapes is, with the cores that may be used.

  The figures are measured once, which takes about a second, and kept in the folder.
  """
  rules = hashlib.sha256(repr((native.SMALL, CASES)).encode()).hexdigest()[:8]
  path = folder / f'{target}_{rules}_{_cores()}.json'
  try:
    kept = json.loads(path.read_text())
    return {name: float(kept[name]) for name in CASES}
  except (OSError, ValueError, LookupError, TypeError):
    pass
  found = {name: round(_gain(target, name), 3) for name in CASES}
  with contextlib.suppress(OSError), _beside(path) as new:
    new.write_text(json.dumps(found))
  return found


def _cores() -> int:
  return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1


def _gain(target: str, name: str) -> float:
  """Time one class: the kernel and XLA in turns, the best of each."""
  kind: Kind = next(kind for kind in KINDS if name.startswith(kind))
  *shapes, static = operands(kind, CASES[name])
  a, b = (jnp.ones(shape, jnp.float32) for shape in shapes)
  function = {'conv': convolution.conv, 'tconv': convolution.tconv, 'wgrad': convolution.wgrad}[
    kind
  ]
  options = convolution.compiler_options()

  def program(kernels: Kernels | None) -> Callable[[], None]:
    with native.using(kernels):
      jitted = jax.jit(lambda a, b: function(a, b, *static))
      made = jitted.lower(a, b).compile(compiler_options=options)
    return lambda: made(a, b).block_until_ready()

  ours, theirs = program(everywhere(target)), program(None)
  times = [(_seconds(ours), _seconds(theirs)) for _ in range(6)][1:]
  best = [min(each) for each in zip(*times, strict=True)]
  return best[1] / best[0]


def _seconds(call: Callable[[], None]) -> float:
  start = time.perf_counter()
  call()
  return time.perf_counter() - start
