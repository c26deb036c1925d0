"""Atomic files: if the machine stops, a file has its old content or its new content."""

import contextlib
import csv
import io
import json
import os
import pathlib
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any, TypeVar

import numpy as np

from jaxgan.core.typing import Json

Taken = TypeVar('Taken')


class Unwritable(OSError):
  """A file or folder cannot be written, whatever other input is given."""


def cache(name: str) -> pathlib.Path:
  """Return a folder of the user's cache: $XDG_CACHE_HOME/jaxgan/name, or ~/.cache/jaxgan/name."""
  base = os.environ.get('XDG_CACHE_HOME') or '~/.cache'
  return pathlib.Path(base).expanduser() / 'jaxgan' / name


@contextlib.contextmanager
def atomic(path: pathlib.Path) -> Iterator[IO[bytes]]:
  """Open a file for writing that becomes `path` at the end of the block.

  If the block fails, the file is deleted and `path` stays as it was. A missing folder is created.

  Raises:
    ValueError: `path` exists and is not a regular file, such as a folder or a device.
  """
  if path.exists() and not path.is_file():
    raise ValueError(f'{path} is there already and is no file: give the name of a file')
  beside = path.with_name(_unique())
  with _folders(path.parent):
    try:
      with open(beside, 'xb') as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
      os.replace(beside, path)
    finally:
      beside.unlink(missing_ok=True)


def _unique() -> str:
  """Return the name of a file that is not complete, which no other file has."""
  return f'.{uuid.uuid4().hex}.incomplete'


@contextlib.contextmanager
def _folders(path: pathlib.Path) -> Iterator[None]:
  """Make a folder and those around it; if the block fails, remove those that were made."""
  missing = [one for one in (path, *path.parents) if not one.exists()]
  try:
    path.mkdir(parents=True, exist_ok=True)
    yield
  except BaseException:
    for one in missing:  # the innermost first; a folder that others use by now is not empty
      with contextlib.suppress(OSError):
        one.rmdir()
    raise


@contextlib.contextmanager
def becoming(path: pathlib.Path) -> Iterator[pathlib.Path]:
  """Create a folder that becomes `path` at the end of the block, so that it is always complete.

  Raises:
    ValueError: `path` exists and is not an empty folder.
  """
  if path.exists() and (not path.is_dir() or any(path.iterdir())):
    raise ValueError(f'{path} is there already and not empty: give another --out')
  part = path.with_name(_unique())
  with _folders(path.parent):
    part.mkdir()
    try:
      yield part
      if path.exists():
        path.rmdir()
      part.replace(path)
    finally:
      shutil.rmtree(part, ignore_errors=True)


def rename(path: pathlib.Path, suffix: str) -> pathlib.Path:
  """Add a suffix to a folder's name, replace a folder of that name, and return the new path."""
  target = path.with_name(path.name + suffix)
  if target.exists():
    shutil.rmtree(target)
  return path.rename(target)


def save_npz(path: str | os.PathLike[str], **arrays: Any) -> None:
  """Write arrays by name as a compressed .npz file at exactly this path."""
  with atomic(pathlib.Path(path)) as file:
    np.savez_compressed(file, **arrays)


def of_npz(path: pathlib.Path, take: Callable[[Mapping[str, np.ndarray]], Taken]) -> Taken:
  """Open an .npz file and return `take(arrays by name)`, which reads only what it uses.

  No object of another type is read, so that no code of the file runs.

  Raises:
    ValueError: there is no file, it is no .npz file, or it is damaged.
  """
  try:
    with open(path, 'rb') as file, np.load(file, allow_pickle=False) as stored:
      return take(stored)
  except OSError as error:
    raise ValueError(f'{path} cannot be read: {error.strerror or error}') from error
  except Exception as error:  # a damaged file may raise anything
    text = str(error).partition('\n')[0]
    raise ValueError(f'{path} is no .npz file, or is damaged: {text}') from error


def write_text(path: str | os.PathLike[str], text: str) -> None:
  """Replace a file's text at once; if the machine stops, the file has the old text or the new."""
  with atomic(pathlib.Path(path)) as file:
    file.write(text.encode())


def write_csv(path: str | os.PathLike[str], table: Sequence[Mapping[str, object]]) -> None:
  """Write a table as CSV: the names of its first row's columns, then a line for each row."""
  text = io.StringIO()
  writer = csv.DictWriter(text, list(table[0]), lineterminator='\n')
  writer.writeheader()
  writer.writerows(table)
  write_text(path, text.getvalue())


def write_config(path: str | os.PathLike[str], config: Mapping[str, object]) -> None:
  """Write JSON with sorted keys; values without a JSON type are written as their `str`."""
  write_text(path, json.dumps(config, indent=2, sort_keys=True, default=str) + '\n')


def read_config(path: str | os.PathLike[str]) -> Json:
  """Read what `write_config` wrote.

  Raises:
    FileNotFoundError: there is no such file.
    ValueError: the file is not a JSON object, or is not UTF-8.
  """
  try:
    config = json.loads(pathlib.Path(path).read_text(encoding='utf-8'))
  except (ValueError, RecursionError) as error:
    raise ValueError(f'{path} is not JSON: {error}') from None
  if not isinstance(config, dict):
    raise ValueError(f'expected a JSON object in {path}, got a {type(config).__name__}')
  return config


def read_lines(path: str | os.PathLike[str]) -> list[Json]:
  """Read the complete lines of a metrics file, each a JSON object with a step.

  A line that a crash left incomplete is skipped. A missing file counts as empty.
  """
  path, found = pathlib.Path(path), list[Json]()
  for line in path.read_text(errors='replace').splitlines() if path.is_file() else ():
    try:
      one = json.loads(line)
    except ValueError:
      continue
    if isinstance(one, dict) and isinstance(one.get('step'), int):
      found.append(one)
  return found
