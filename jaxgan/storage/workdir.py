"""The work directory: which folders are allowed, its lock, and when a run may continue in it."""

import contextlib
import json
import os
import pathlib
import socket
import tempfile
from collections.abc import Mapping

from filelock import FileLock, Timeout

from jaxgan.storage import files

CONFIG, DATA, METRICS = 'config.json', 'data.json', 'metrics.jsonl'
CHECKPOINTS, BEST = 'checkpoints', 'best'
CURVES, SAMPLES, FILM, REPORT = 'curves.png', 'samples', 'samples.gif', 'report.html'
SCORES, BEST_SCORES = 'evaluation.json', 'best.json'
"""What a work directory holds."""
COLUMNS = 'columns'
"""The entry of data.json with the columns of a table, which runs on images do not have."""

LOCK, HOLDER = '.lock', '.holder'
_SYSTEM = {'bin', 'boot', 'dev', 'etc', 'lib', 'lib32', 'lib64', 'proc', 'sbin', 'sys', 'usr'}
_SYSTEM |= {'windows', 'program files', 'program files (x86)', 'programdata'}


class WorkdirInUse(ValueError):
  """Another run uses the work directory."""


def check(workdir: str | os.PathLike[str]) -> None:
  """Refuse names and folders that cannot be meant as the folder of a run.

  Raises:
    ValueError: the name is empty, has control characters, blanks at its ends or a dash before it;
      or it is a file; or it is a folder of the operating system, or the home folder, the current
      folder or the folder of temporary files, or a folder around one of these.
  """
  text, folder = os.fspath(workdir), pathlib.Path(workdir)
  if text in ('', '.'):
    raise ValueError('--workdir must name a folder, such as --workdir=runs/first')
  odd = [p for p in folder.parts if not p.isprintable() or p != p.strip() or len(p.encode()) > 255]
  if odd or folder.name.startswith('-'):
    raise ValueError(
      f'--workdir={text[:80]!r}: a folder of a run has a printable name of at most 255 bytes, '
      'without a dash before it or blanks around it'
    )
  resolved = pathlib.Path(os.path.realpath(folder))  # `resolve` fails for a link to itself
  around = [pathlib.Path.cwd(), pathlib.Path.home(), pathlib.Path(tempfile.gettempdir())]
  if any(p.resolve().is_relative_to(resolved) for p in around) or _is_system(resolved):
    raise ValueError(f'--workdir={text}: {resolved} is not for a run; name a folder of its own')
  if not all(p.is_dir() for p in (resolved, *resolved.parents) if p.exists()):
    raise ValueError(f'--workdir={text} is or lies in a file; name a folder')


def _is_system(folder: pathlib.Path) -> bool:
  """Return whether a folder is the root of a drive or lies in a folder of the operating system."""
  return len(folder.parts) < 2 or folder.parts[1].casefold() in _SYSTEM


def lock(workdir: str | os.PathLike[str]) -> contextlib.ExitStack:
  """Create the directory and lock it for this process.

  Returns:
    A context that holds the lock until it is closed. A killed process frees its lock.

  Raises:
    WorkdirInUse: another run holds the lock; the message names its process.
  """
  folder = pathlib.Path(workdir)
  folder.mkdir(parents=True, exist_ok=True)
  with contextlib.ExitStack() as stack:
    try:
      stack.enter_context(FileLock(folder / LOCK).acquire(timeout=0))
    except Timeout:
      raise WorkdirInUse(
        f'{workdir} is in use by {_holder(folder)}; wait for it or choose another --workdir'
      ) from None
    # In a second file: on Windows no other process can read a locked file.
    files.write_text(folder / HOLDER, f'process {os.getpid()} on {socket.gethostname()}')
    return stack.pop_all()


def _holder(folder: pathlib.Path) -> str:
  with contextlib.suppress(OSError):
    return (folder / HOLDER).read_text(encoding='utf-8').strip() or 'another process'
  return 'another process'


def diff(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
  """Return the differences of two configs as sorted lines; values are equal if their JSON is.

  Example:
    >>> diff({'optimizer': {'lr': 0.0002}}, {'optimizer': {'lr': 0.0001}})
    ['optimizer.lr: 0.0002 -> 0.0001']
  """
  before, after = _flat(old), _flat(new)
  return [
    f'{name}: {before.get(name, "absent")} -> {after.get(name, "absent")}'
    for name in sorted({*before, *after})
    if before.get(name) != after.get(name)
  ]


def same(
  folder: pathlib.Path, differences: list[str], otherwise: str = 'choose another --workdir'
) -> None:
  """Raise ValueError if there are differences to the run in its work directory, and list them.

  `otherwise` says what to do if they are wanted.
  """
  if not differences:
    return
  shown = [f'  {line}' for line in differences[:6]]
  shown += [f'  and {len(differences) - 6} more'] * (len(differences) > 6)
  raise ValueError(
    f'{folder} holds a run of another config (there -> here):\n'
    + '\n'.join(shown)
    + f'\ngive these options as they were, all of them by --config={folder}, or {otherwise}'
  )


def _flat(config: Mapping[str, object], prefix: str = '') -> dict[str, str]:
  flat: dict[str, str] = {}
  for name, value in config.items():
    if isinstance(value, Mapping) and value:
      flat |= _flat(value, f'{prefix}{name}.')
    else:
      flat[f'{prefix}{name}'] = json.dumps(value, sort_keys=True, default=str)
  return flat
