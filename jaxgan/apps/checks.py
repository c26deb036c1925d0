"""Checks of a command's options before its work: numbers, and the paths that it reads and writes.

A path that a command writes is marked by its type, such as `Picture`. A command that works for an
hour must not find at its end that its result cannot be written.
"""

import dataclasses
import math
import os
import pathlib
import tempfile
import typing
from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

from jaxgan.core.seeds import check_seed
from jaxgan.storage import files
from jaxgan.storage.workdir import BEST, CHECKPOINTS, CONFIG, DATA, HOLDER, LOCK, METRICS
from jaxgan.training.kept import ORIGIN

LARGEST = 2**31 - 1
"""The largest whole number of an option that is no seed: JAX counts with 32 bits."""
LONGEST = 255
"""Bytes in the name of a file or folder; no usual file system allows more."""
KEPT = (CONFIG, DATA, METRICS, CHECKPOINTS, BEST, LOCK, HOLDER, ORIGIN)
OWN = tuple((name,) for name in KEPT)
"""What a run keeps in its directory, and no other command may replace."""


class Writes(NamedTuple):
  """A mark of the type of a path that a command writes.

  `endings` are the allowed ends of its name, the usual one first; a folder has none. With `folder`,
  a name without an ending is a folder.
  """

  endings: tuple[str, ...] = ()
  folder: bool = False


JSON, WEIGHTS = Writes(('.json',)), Writes(('.safetensors',))
Picture = Annotated[pathlib.Path, Writes(('.png',))]
Film = Annotated[pathlib.Path, Writes(('.gif',))]
Video = Annotated[pathlib.Path, Writes(('.gif', '.mp4'))]
Rows = Annotated[pathlib.Path, Writes(('.csv',))]
Arrays = Annotated[pathlib.Path, Writes(('.npz',))]
Json = Annotated[pathlib.Path, JSON]
Table = Annotated[pathlib.Path, Writes(('.csv', '.json'))]
Latents = Annotated[pathlib.Path, Writes(('.npz', '.csv'))]
Page = Annotated[pathlib.Path, Writes(('.html', '.htm'))]
Exported = Annotated[pathlib.Path, Writes(('.stablehlo', '.safetensors', '.onnx'), folder=True)]
Folder = Annotated[pathlib.Path, Writes()]


class _Path(NamedTuple):
  """A path among the options: its option, and the mark of its type if the command writes it."""

  flag: str
  path: pathlib.Path
  writes: Writes | None


def options(given: Any) -> None:
  """Refuse options that no command can work with.

  Args:
    given: the dataclass of a command's options.

  Raises:
    ValueError: a number is not finite or too large, a seed is out of range, an output has a wrong
      ending or an impossible name, or would replace an input or a part of the run.
    Unwritable: an output cannot be written.
  """
  for field in dataclasses.fields(given):
    value = getattr(given, field.name)
    for one in value if isinstance(value, tuple) else (value,):
      number('--' + field.name.replace('_', '-'), one)
  paths = list(_paths(given))
  for one in paths:
    named(one.flag, one.path)
  inputs = [one for one in paths if not one.writes]
  runs = [one.path for one in inputs if one.flag == '--workdir']
  for one in paths:
    if one.writes:
      _spares(one, inputs, runs)
      writable(one.flag, one.path, one.writes)


def number(flag: str, value: object) -> None:
  """Raise ValueError for a number that is not finite or too large, and for a seed out of range."""
  if flag in ('--seed', '--seeds') and isinstance(value, int):
    check_seed(value, flag)
  elif isinstance(value, int) and abs(value) > LARGEST:
    raise ValueError(f'{flag} must lie from -{LARGEST} to {LARGEST}, it is {value}')
  elif isinstance(value, float) and not math.isfinite(value):
    raise ValueError(f'{flag} must be a finite number, it is {value}')


def _paths(given: Any) -> Iterator[_Path]:
  """Yield every path among the options."""
  hints = typing.get_type_hints(type(given), include_extras=True)
  for field in dataclasses.fields(given):
    value = getattr(given, field.name)
    for one in value if isinstance(value, tuple) else (value,):
      if isinstance(one, pathlib.Path):
        yield _Path('--' + field.name.replace('_', '-'), one, _mark(hints[field.name]))


def _mark(hint: object) -> Writes | None:
  """Return the mark of a path's type, also inside `Picture | None`; None for a path to read."""
  if typing.get_origin(hint) is Annotated:
    return next((one for one in typing.get_args(hint) if isinstance(one, Writes)), None)
  return next(filter(None, map(_mark, typing.get_args(hint))), None)


def _spares(one: _Path, inputs: list[_Path], runs: list[pathlib.Path]) -> None:
  """Raise ValueError if an output would replace an input, or a part of the run."""
  place = pathlib.Path(os.path.realpath(one.path))
  for other in inputs:
    if place == pathlib.Path(os.path.realpath(other.path)):
      raise ValueError(f'{one.flag}={one.path} would replace {other.flag}: give another {one.flag}')
  for home in (pathlib.Path(os.path.realpath(run)) for run in runs):
    if place.is_relative_to(home) and place.relative_to(home).parts[:1] in OWN:
      raise ValueError(f'{one.flag}={one.path} would replace a part of the run: give another path')


def writable(flag: str, path: pathlib.Path, writes: Writes) -> None:
  """Refuse an output that cannot be written; nothing is left on the disk by this check.

  Args:
    flag: the option, for messages.
    path: the file or folder to write; folders around it may be missing.
    writes: what it is to be.

  Raises:
    ValueError: the name has another ending or is too long, or another kind of thing is there.
    Unwritable: the nearest folder that exists cannot be written.
  """
  if writes.folder and not path.suffix:
    writes = Writes()
  named(flag, path, writes.endings)
  if writes.endings and path.exists() and not path.is_file():
    what = 'a folder' if path.is_dir() else 'no file'
    raise ValueError(f'{flag}={path} is {what}: give the name of a file')
  around = path.parent if writes.endings else path
  there = next(one for one in (around, *around.parents) if os.path.lexists(one))
  if not there.is_dir():
    raise ValueError(f'{flag}={path} cannot be written: {there} is no folder')
  try:
    with tempfile.TemporaryFile(dir=there):
      pass
  except OSError as error:  # its own message names the temporary file
    raise files.Unwritable(f'{flag}={path} cannot be written: {there}: {error.strerror}') from None


def named(flag: str, path: pathlib.Path, endings: tuple[str, ...] = ()) -> None:
  """Raise ValueError for a path whose name has another ending, or that no file can have."""
  if '\0' in str(path):
    raise ValueError(f'{flag}={str(path)!r} has a zero byte, which no name can have')
  if endings and not path.name.lower().endswith(endings):
    kinds = ' or '.join(endings)
    raise ValueError(f'{flag} must end in {kinds}, which is what is written, it is {path}')
  if any(len(os.fsencode(part)) > LONGEST for part in path.parts):
    raise ValueError(f'{flag} has a name of more than {LONGEST} bytes: {path.name[:40]}...')
