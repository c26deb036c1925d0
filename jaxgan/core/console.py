"""Standard output and standard error that may be closed, broken or full: no work ends for that."""

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from typing import Any

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of a disk or a quota that is full; all other errors mean that the reader has gone."""


class Tolerant:
  """A stream that drops what cannot be written, and keeps the first error as `failed`.

  What comes after an error is tried again, because a full disk may get room.
  """

  def __init__(self, stream: Any) -> None:
    self._stream = stream
    self.failed: OSError | ValueError | None = None

  def write(self, text: str) -> int:
    """Write a text, or drop it; return its length."""
    with self._failing():
      self._stream.write(text)
    return len(text)

  def flush(self) -> None:
    """Pass on what is buffered, if that is possible."""
    with self._failing():
      self._stream.flush()

  def isatty(self) -> bool:
    """Return whether a person watches; False for a closed stream."""
    return is_terminal(self._stream)

  def finish(self) -> None:
    """Flush; if that fails, empty the buffer into nothing, so that Python can end in peace."""
    self.flush()
    if self.failed is not None:
      with contextlib.suppress(OSError, ValueError, AttributeError):
        _to_nothing(self._stream.fileno())

  def __getattr__(self, name: str) -> object:
    return getattr(self._stream, name)

  @contextlib.contextmanager
  def _failing(self) -> Iterator[None]:
    try:
      yield
    except (OSError, ValueError) as error:  # ValueError: the stream is closed
      self.failed = self.failed or error
    except AttributeError:
      if self._stream is not None:  # None: closed before Python began
        raise


def say(text: str, *, error: bool = False) -> None:
  """Print a line on standard output (or error) at once, or drop it where that is impossible."""
  stream = sys.stderr if error else sys.stdout
  if stream is not None:
    print(text, file=Tolerant(stream), flush=True)


def is_terminal(stream: Any) -> bool:
  """Return whether a stream is a terminal; False if it is closed."""
  try:
    return bool(stream.isatty())
  except (AttributeError, OSError, ValueError):
    return False


@contextlib.contextmanager
def tolerant() -> Iterator[Tolerant]:
  """Make standard output and standard error tolerant in the `with` block.

  Returns:
    A context whose value is standard output.
  """
  keep_free()
  before = sys.stdout, sys.stderr
  out, err = (Tolerant(stream) for stream in before)
  sys.stdout, sys.stderr = out, err
  try:
    yield out
  finally:
    sys.stdout, sys.stderr = before
    out.finish()
    err.finish()


def keep_free() -> None:
  """Open the standard streams that the caller closed, as nothing.

  Else the next file to be opened, such as a checkpoint, would get the number of standard error,
  and libraries would write their messages into it.
  """
  for number in (0, 1, 2):
    try:
      os.fstat(number)
    except OSError:
      _to_nothing(number)


def _to_nothing(number: int) -> None:
  """Make a file descriptor lead to nothing."""
  nothing = os.open(os.devnull, os.O_RDWR)
  if nothing != number:
    os.dup2(nothing, number)
    os.close(nothing)
