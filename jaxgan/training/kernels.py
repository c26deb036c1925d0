"""Which native kernels a run uses, by its option `--native` and by what it began with."""

from collections.abc import Mapping, Sequence
from typing import Literal

from jaxgan.core.typing import Json
from jaxgan.ops import native_library
from jaxgan.ops.native import Kernels
from jaxgan.ops.native_library import Unavailable
from jaxgan.recipes.config_json import KERNELS
from jaxgan.storage import files
from jaxgan.training.steps import Steps

Wanted = Literal['auto', 'on', 'off']
PLAIN = 'convolutions in plain JAX'


def choose(steps: Steps, wanted: Wanted, before: Sequence[str] | None) -> list[str]:
  """Choose the kernels of a run's steps, and return the lines for the terminal that say why.

  A run that goes on keeps the classes of convolutions with which it began: another choice would
  round otherwise.

  Args:
    steps: the steps, none of which is compiled yet.
    wanted: the option.
    before: what the run began with, as `record` returned it; None for a new run.

  Raises:
    ValueError: the kernels are wanted, and there are none here.
  """
  if wanted == 'off':
    return []
  if before == []:
    return [f'{PLAIN}, as this run began']
  try:
    kernels, line = _made(steps, wanted, before)
  except Unavailable as error:
    if wanted == 'on':
      raise ValueError(f'--native=on: {error} (a new run can do without: --native=auto)') from None
    began = '; this run began with native ones, so its numbers change by rounding' if before else ''
    return [f'{PLAIN}: {error}{began}']
  if not kernels.classes:
    return [f'{PLAIN}: native ones are not faster here']
  steps.kernels = kernels
  return [line]


def record(steps: Steps, wanted: Wanted) -> Json:
  """Return what config.json keeps of the choice, so that the run can go on with it."""
  return {} if wanted == 'off' else {KERNELS: list(steps.kernels.classes if steps.kernels else ())}


def fastest() -> tuple[Kernels, Mapping[str, float]]:
  """Return the kernels that are faster than XLA's here, and how many times as fast each is.

  Raises:
    Unavailable: there are none; the message says why.
  """
  folder = files.cache('native')
  target = native_library.load(folder)
  gains = native_library.gains(target, folder)
  return native_library.faster(target, gains), gains


def _made(steps: Steps, wanted: Wanted, before: Sequence[str] | None) -> tuple[Kernels, str]:
  """Return the kernels and the line that says what they are for."""
  if steps.mesh.size > 1:
    raise Unavailable(f'native ones are for one device, and this run has {steps.mesh.size}')
  known = native_library.everywhere(native_library.load(files.cache('native')))
  if wanted == 'on':
    return known, 'native convolutions wherever there is a kernel'
  if before is not None:
    kernels = known._replace(classes=tuple(name for name in known.classes if name in before))
    return kernels, f'native convolutions, as this run began: {", ".join(kernels.classes)}'
  kernels, gains = fastest()
  fast = ', '.join(f'{name} {gains[name]:.1f}' for name in kernels.classes)
  return kernels, f'native convolutions where they are faster here (times as fast): {fast}'
