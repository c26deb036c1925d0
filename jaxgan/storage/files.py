"""Files that hold the old text or the new, whenever the machine stops."""

import contextlib
import json
import os
import pathlib
import tempfile
from collections.abc import Iterator, Mapping
from typing import IO, Any


def cache(name: str) -> pathlib.Path:
  """A folder of the user's cache: $XDG_CACHE_HOME/jaxgan/name, else below ~/.cache."""
  base = os.environ.get('XDG_CACHE_HOME') or '~/.cache'
  return pathlib.Path(base).expanduser() / 'jaxgan' / name


@contextlib.contextmanager
def atomic(path: pathlib.Path) -> Iterator[IO[bytes]]:
  """A file to write, which becomes `path` at the end of the block and vanishes if that fails."""
  file = tempfile.NamedTemporaryFile(dir=path.parent, suffix='.incomplete', delete=False)
  try:
    with file:
      yield file
      file.flush()
      os.fsync(file.fileno())
    os.chmod(file.name, 0o644)  # temporary files are for the owner alone
    os.replace(file.name, path)
  except BaseException:
    os.unlink(file.name)
    raise


def write_text(path: str | os.PathLike, text: str) -> None:
  """Replaces the file at once: whenever the machine stops, it holds the old text or the new."""
  target = pathlib.Path(path)
  target.parent.mkdir(parents=True, exist_ok=True)
  beside = target.with_name(f'.{target.name}.{os.getpid()}')
  try:
    with open(beside, 'w', encoding='utf-8') as file:
      file.write(text)
      file.flush()
      os.fsync(file.fileno())
    os.replace(beside, target)
  finally:
    beside.unlink(missing_ok=True)


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
