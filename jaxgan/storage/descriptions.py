"""Descriptions of checkpoints: the file in each that says what it holds and whose it is."""

import json
import pathlib
import zlib
from collections.abc import Iterable, Mapping
from typing import NotRequired, TypedDict

from jaxgan.storage import files

NAME = 'description.json'
OLDER = 'older-'
"""Begins the mark of a run whose first checkpoints were saved before there were marks."""


class Damaged(Exception):
  """The data on disk are not the data that were saved."""


class Foreign(ValueError):
  """A checkpoint belongs to another run than the work directory it lies in."""


class Description(TypedDict):
  """What a checkpoint says about its arrays and files."""

  step: int
  run: NotRequired[str]  # the mark of its run; checkpoints until November 2026 have none
  lasting: bool
  metrics: dict[str, float]
  leaves: dict[str, str]  # dtype and shape by name, in the order of the bytes
  packed: NotRequired[int]  # bytes; older checkpoints have none
  words: NotRequired[list[int]]  # a checksum of each array, from before it was written
  files: NotRequired[dict[str, int]]  # a checksum of each file


def steps(folder: pathlib.Path) -> list[int]:
  """Return the steps that have a folder in this one, ascending; a folder may be damaged."""
  if not folder.is_dir():
    return []
  return sorted(int(p.name) for p in folder.iterdir() if p.name.isdecimal() and p.is_dir())


def write(checkpoint: pathlib.Path, description: Description) -> None:
  """Describe the folder of a checkpoint, after all its other files are written."""
  there = sorted(p for p in checkpoint.rglob('*') if p.is_file())
  description['files'] = {str(p.relative_to(checkpoint)): checksum(p) for p in there}
  sealed = {'description': description, 'checksum': _seal(description)}
  files.write_text(checkpoint / NAME, json.dumps(sealed, indent=1))


def read(checkpoint: pathlib.Path) -> Description:
  """Return the description in the folder of a checkpoint.

  Raises:
    Damaged: it is missing, or not as it was written.
  """
  try:
    sealed = files.read_config(checkpoint / NAME)
    description: Description = sealed['description']
    sound = sealed['checksum'] == _seal(description) and description['step'] == int(checkpoint.name)
  except (OSError, ValueError, KeyError, TypeError):
    sound = False
  if not sound:
    raise Damaged(f'{NAME} is missing or not as it was written')
  return description


def check_run(folder: pathlib.Path, run: str) -> None:
  """Check that all checkpoints in a folder belong to a run; damaged ones may belong to any.

  Args:
    folder: the folder of the checkpoints.
    run: the mark of the run; '' for a run that has none, from before there were marks.

  Raises:
    Foreign: a checkpoint belongs to another run.
  """
  own = {run, ''} if run.startswith(OLDER) else {run}
  if foreign := [step for step, mark in _marks(folder) if mark not in own]:
    raise Foreign(
      f'{folder} holds a checkpoint of another run, of step {foreign[-1]}: to continue that run, '
      'copy its whole work directory; for a new run, give a --workdir without checkpoints'
    )


def _marks(folder: pathlib.Path) -> Iterable[tuple[int, str]]:
  """Yield the step and the mark of each checkpoint that is not damaged."""
  for step in steps(folder):
    try:
      yield step, read(folder / str(step)).get('run', '')
    except Damaged:
      continue


def checksum(path: pathlib.Path) -> int:
  """Return the CRC-32 of a file."""
  value = 0
  with open(path, 'rb') as file:
    while chunk := file.read(2**22):
      value = zlib.crc32(chunk, value)
  return value


def _seal(description: Mapping[str, object]) -> int:
  return zlib.crc32(json.dumps(description, sort_keys=True).encode())
