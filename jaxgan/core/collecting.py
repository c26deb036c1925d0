"""Python's collector of garbage that refers to itself, which slows the start of a training."""

import contextlib
import gc
from collections.abc import Iterator

OBJECTS = 50_000
"""New objects from which on the collector looks at them; Python's own number is 700 or 2000."""


@contextlib.contextmanager
def seldom() -> Iterator[None]:
  """Let the collector run seldom inside of the block; what it does not see is freed as ever.

  Imports and the tracing of a program make a million objects, nearly none of them garbage. The
  collector looks at them again and again, which is a quarter of the time of tracing (measured:
  `benchmarks/results.md`). A collector that is switched off, or that looks yet more seldom, stays
  as it is.

  Example:
    >>> before = gc.get_threshold()
    >>> with seldom():
    ...   inside = gc.get_threshold()
    >>> inside[0] >= OBJECTS, gc.get_threshold() == before
    (True, True)
  """
  before = gc.get_threshold()
  first, *later = before
  gc.set_threshold(max(first, OBJECTS) if first else 0, *later)
  try:
    yield
  finally:
    gc.set_threshold(*before)
