"""Files that hold the old text or the new, whenever the machine stops."""

import contextlib
import json
import os
import pathlib
import shutil
import uuid
from collections.abc import Iterator, Mapping
from typing import IO, Any

import numpy as np


def cache(name: str) -> pathlib.Path:
  """A folder of the user's cache: $XDG_CACHE_HOME/jaxgan/name, else below ~/.cache."""
  base = os.environ.get('XDG_CACHE_HOME') or '~/.cache'
  return pathlib.Path(base).expanduser() / 'jaxgan' / name


@contextlib.contextmanager
def atomic(path: pathlib.Path) -> Iterator[IO[bytes]]:
  """Open a file to write, which becomes `path` at the end of the block and vanishes if that fails.

  Its folder is made where it is missing.

  Raises:
    ValueError: something that is no file stands at the path, such as a folder or a device, which
      would be replaced.
  """
  if path.exists() and not path.is_file():
    raise ValueError(f'{path} is there already and is no file: give the name of a file')
  path.parent.mkdir(parents=True, exist_ok=True)
  beside = path.with_name(f'.{uuid.uuid4().hex}.incomplete')
  try:
    with open(beside, 'xb') as file:
      yield file
      file.flush()
      os.fsync(file.fileno())
    os.replace(beside, path)
  finally:
    beside.unlink(missing_ok=True)


@contextlib.contextmanager
def becoming(path: pathlib.Path) -> Iterator[pathlib.Path]:
  """Make a folder to fill, which becomes `path` at the end of the block, so that none is half full.

  Raises:
    ValueError: there is something at the path already.
  """
  if path.exists() and (not path.is_dir() or any(path.iterdir())):
    raise ValueError(f'{path} is there already and not empty: give another --out')
  part = path.with_name(path.name + '.part')
  shutil.rmtree(part, ignore_errors=True)
  part.mkdir(parents=True)
  try:
    yield part
    if path.exists():
      path.rmdir()
    part.replace(path)
  finally:
    shutil.rmtree(part, ignore_errors=True)


def rename(path: pathlib.Path, suffix: str) -> pathlib.Path:
  """Rename a folder by adding a suffix to its name, in place of what has that name; return it."""
  target = path.with_name(path.name + suffix)
  if target.exists():
    shutil.rmtree(target)
  return path.rename(target)


def save_npz(path: str | os.PathLike, **arrays: Any) -> None:
  """Write arrays by name as a compressed .npz file, at exactly this path."""
  with atomic(pathlib.Path(path)) as file:
    np.savez_compressed(file, **arrays)


def write_text(path: str | os.PathLike, text: str) -> None:
  """Replace a file's text at once: whenever the machine stops, it holds the old or the new."""
  with atomic(pathlib.Path(path)) as file:
    file.write(text.encode())


def write_config(path: str | os.PathLike, config: Mapping[str, Any]) -> None:
  """Writes JSON with sorted keys; what JSON has no type for is written as its `str`."""
  write_text(path, json.dumps(config, indent=2, sort_keys=True, default=str) + '\n')


def read_config(path: str | os.PathLike) -> dict[str, Any]:
  """Reads what `write_config` wrote.

  Raises:
    FileNotFoundError: there is no such file.
    ValueError: it is not a JSON object.
  """
  text = pathlib.Path(path).read_text(encoding='utf-8')
  try:
    config = json.loads(text)
  except ValueError as error:
    raise ValueError(f'{path} is not JSON: {error}') from None
  if not isinstance(config, dict):
    raise ValueError(f'expected a JSON object in {path}, got a {type(config).__name__}')
  return config
