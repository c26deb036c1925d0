"""Parts that all commands share: reading options, exit codes, error messages, opening images."""

import errno
import os
import pathlib
import signal
import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan import data, variants
from jaxgan.apps import arguments, checks
from jaxgan.core import console, progress
from jaxgan.core.typing import Spec
from jaxgan.data import images
from jaxgan.data.listing import listing
from jaxgan.evaluation import samples
from jaxgan.ops.images import to_unit
from jaxgan.recipes.config import Common
from jaxgan.storage import files
from jaxgan.storage.checkpoint import CheckpointError
from jaxgan.training import kept
from jaxgan.training.run import Run
from jaxgan.training.session import open_data
from jaxgan.training.signals import Stopped

Act = Callable[[Any], None]
"""A function that does the work of a command; its argument is the options."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
"""Errors of the disk, which no other option would have avoided."""


def run(
  name: str,
  choice: object,
  act: Act,
  argv: list[str] | None = None,
  by: str = 'jaxgan',
  program: str = '',
) -> int:
  """Run a command: read its options and act on them; print one line if that fails.

  Args:
    name: the name of the command.
    choice: its options, a dataclass or a union of dataclasses.
    act: the function that does the work; it raises ValueError for wrong input.
    argv: the words after the name; those of the process if not given.
    by: the program's name, with which each error message begins.
    program: the beginning of the usage line; `by` and the name if not given.

  Returns:
    the exit code: 0 after success, 2 for wrong input, 1 if a file could not be written, 128 + n if
    signal n stopped the command.
  """
  words = sys.argv[1:] if argv is None else argv
  return ended(lambda: _act(program or f'{by} {name}', choice, act, words), by)


def _act(program: str, choice: object, act: Act, argv: list[str]) -> int:
  """Load the file of --plugin, read the other options, and act on them; return 0."""
  words, plugin = arguments.take(argv, 'plugin')
  if plugin:
    variants.use_plugin(plugin)
  options = arguments.read(choice, words, program, note=_PLUGIN)
  checks.options(options)
  _refuse_tables(program, options)
  act(options)
  return 0


OF_TABLES = ('sample', 'evaluate', 'report', 'doctor', 'film')
"""The commands that take a run on a table, too."""


def _refuse_tables(program: str, options: object) -> None:
  """Raise ValueError if a command for images is given a run on a table."""
  workdir, name = getattr(options, 'workdir', None), program.rpartition(' ')[2]
  if isinstance(workdir, pathlib.Path) and name not in OF_TABLES and kept.of_table(workdir):
    raise ValueError(
      f'{workdir} is a run on a table, and {name} is for images: there are {", ".join(OF_TABLES)}'
    )


_PLUGIN = 'If the run is of your own variant and its file has moved, add --plugin=FILE.'


def ended(command: Callable[[], int], by: str = 'jaxgan', *, prints: bool = True) -> int:
  """Call a command and return its exit code; print one line in place of a traceback if it fails.

  Characters that the terminal cannot show are replaced. A command goes on to its end where its
  output is closed, or where its reader, such as `head`, has gone: that is no failure.

  Args:
    command: the function to call; it returns an exit code.
    by: the program's name, with which the error message begins.
    prints: whether its result is what it prints. Then a full disk under its output is a failure.

  Returns:
    the exit code, as in `run`.
  """
  for stream in (sys.stdout, sys.stderr):
    if hasattr(stream, 'reconfigure'):
      stream.reconfigure(errors='replace')
  with console.tolerant() as output, progress.told():
    code = _ended(command, by)
    output.flush()
    if code == 0 and prints and getattr(output.failed, 'errno', None) in console.FULL:
      return _fail(f'standard output could not be written: {output.failed}', by, 1)
    return code


def _ended(command: Callable[[], int], by: str) -> int:
  """Call a command; print its error in one line, and return its exit code."""
  try:
    return command()
  except Stopped as stop:
    return _fail(str(stop), by, 128 + stop.signum)
  except KeyboardInterrupt:
    return _fail('stopped', by, 128 + signal.SIGINT)
  except ValueError as error:
    return _fail(str(error), by, 2)
  except OSError as error:
    return _fail(_reason(error), by, 1 if _wrote(error) else 2)
  except MemoryError as error:
    return _fail(f'not enough memory: {error or "lower the number or the size of images"}', by, 1)
  except jax.errors.JaxRuntimeError as error:
    return _fail(_of_device(error), by, 1)


def _wrote(error: OSError) -> bool:
  """Return whether writing failed: the disk has an error, or a file may only be read."""
  if isinstance(error, CheckpointError | files.Unwritable):
    return True
  return error.errno in _NO_ROOM or (isinstance(error, PermissionError) and not _unreadable(error))


def _unreadable(error: OSError) -> bool:
  """Return whether an error names a file that exists and may not be read."""
  path = error.filename
  return (
    isinstance(path, str | os.PathLike) and os.path.exists(path) and not os.access(path, os.R_OK)
  )


def _reason(error: OSError) -> str:
  """Return the file and the reason of an error, without its number."""
  return f'{error.filename}: {error.strerror}' if error.filename and error.strerror else str(error)


def _of_device(error: Exception) -> str:
  """Return the first line of an error of the device; raise any that is not about its memory."""
  if 'RESOURCE_EXHAUSTED' not in str(error):
    raise error
  return f'not enough memory on the device: {str(error).splitlines()[0]}'


def _fail(text: str, by: str, code: int) -> int:
  """Print an error in one line, and return the exit code."""
  print(f'{by}: {text}', file=sys.stderr)
  return code


def positive(options: object, *names: str) -> None:
  """Raise ValueError if one of the named options is given and is not above 0."""
  for name in names:
    value = getattr(options, name)
    if value is not None and not value > 0:
      raise ValueError(f'--{name.replace("_", "-")} must be above 0, it is {value}')


def something(**written: pathlib.Path | None) -> None:
  """Raise ValueError if none of the files to write, by option, is given."""
  if not any(written.values()):
    flags = ' or '.join(f'--{name}=FILE' for name in written)
    raise ValueError(f'nothing to write: give {flags}')


class Pictures(NamedTuple):
  """Images `[n, H, W, C]` in [-1, 1], a name for each, and labels `[n]` if these are known."""

  names: list[str]
  images: np.ndarray
  labels: np.ndarray | None = None


def of_folder(path: pathlib.Path, form: images.Form) -> Pictures:
  """Open the images below a folder, or a single image, as those of a run.

  Args:
    path: a folder or an image.
    form: the form of the run's images, as `form_of` returns it.

  Raises:
    ValueError: if there is no image, or one cannot be read; the message has its name.
  """
  root = path if path.is_dir() else path.parent
  found: tuple[str, ...] = (path.name,)
  if path.is_dir():
    inside = listing(path)
    inside.tell()
    found = inside.images
  files = [root / name for name in found if name.lower().endswith(images.EXTENSIONS)]
  if not files or not files[0].exists():
    raise ValueError(f'no image at {path}: give an image or a folder of {images.EXTENSIONS}')
  with images.guarded():
    arrays = [_read(file, root, form) for file in files]
  return Pictures([str(file.relative_to(root)) for file in files], to_unit(np.stack(arrays)))


def _read(file: pathlib.Path, root: pathlib.Path, form: images.Form) -> np.ndarray:
  """Open one image as uint8 `[size, size, channels]`."""
  try:
    return form.load(file, root)
  except ValueError as error:
    raise ValueError(f'{file}: {error}') from None


def form_of(run: Run) -> images.Form:
  """Return the form that images of any shape get for a run."""
  return images.Form(run.spec.size, run.spec.channels, run.config.fit)


def of_split(
  config: Common, split: str, num: int | None = None, numbered: Spec | None = None
) -> Pictures:
  """Return images of a split of a run's data set: all, or `num` drawn with a fixed seed.

  The first `num` images are no fair choice, because a data set may be sorted by class.
  """
  source: data.Source = open_data(config, split, numbered=numbered)
  chosen = samples.drawn(len(source), num or len(source), samples.TEST)
  labels = None if source.labels is None else source.labels[chosen]
  return Pictures([f'{split}/{i}' for i in chosen], to_unit(source.images(chosen)), labels)


def given(
  opened: Run, path: pathlib.Path | None, split: str | None, num: int | None = None
) -> Pictures:
  """Return the images that the options name: a folder, or a split of the run's data set.

  Args:
    opened: the run, which decides the size and the channels.
    path: a folder or an image.
    split: the name of a split, in place of `path`.
    num: number of images, drawn as in `of_split`; all if None.

  Raises:
    ValueError: if both `path` and `split` are given, or neither; as in `of_folder` and `open_data`.
  """
  if (path is None) == (split is None):
    raise ValueError("give the images: --images=FOLDER, or --split=test of the run's data set")
  if path is None:
    return of_split(opened.config, str(split), num, opened.spec)
  found = of_folder(path.expanduser(), form_of(opened))
  chosen = samples.drawn(len(found.names), num or len(found.names), samples.TEST)
  return Pictures([found.names[i] for i in chosen], found.images[chosen])


def said(written: Iterable[pathlib.Path | None], what: str) -> None:
  """Print a line for each file that was written."""
  for path in written:
    if path:
      print(f'jaxgan: {what} in {path}')
