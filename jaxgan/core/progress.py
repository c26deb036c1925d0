"""Progress of a long command: a bar on a terminal, elsewhere a plain line every ten seconds."""

import contextlib
import contextvars
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from concurrent.futures import Future, wait
from functools import partial
from typing import TypeVar

from tqdm import tqdm

from jaxgan.core import console

Thing = TypeVar('Thing')
EVERY = 10.0
"""Seconds from one plain line to the next."""
DELAY = 1.0
"""Seconds until a bar appears, so that short work shows none."""
TICK = 0.25
"""Seconds from one look at work in another thread to the next."""
_told: list[float] = []
"""When the last line was printed, for each command that runs: none in a library."""


Watch = Callable[[str, int, int | None], None]
_watch: contextvars.ContextVar[Watch | None] = contextvars.ContextVar('_watch', default=None)
"""What is called in place of showing progress, for each thread."""


@contextlib.contextmanager
def watched(watch: Watch) -> Iterator[None]:
  """Call `watch(name, done, total)` in the `with` block for each thing, and show nothing."""
  token = _watch.set(watch)
  try:
    yield
  finally:
    _watch.reset(token)


@contextlib.contextmanager
def told() -> Iterator[None]:
  """Print plain lines in the `with` block, which is a command; without it there are only bars."""
  _told.append(time.monotonic())
  try:
    yield
  finally:
    _told.pop()


def over(things: Iterable[Thing], name: str, total: int | None = None) -> Iterator[Thing]:
  """Yield things, and show on standard error how many are done.

  Loops may be nested. Lines of all loops together come every `EVERY` seconds at most.

  Args:
    things: what to yield.
    name: a word for the work, such as 'classifier'.
    total: the number of things; their length if None.
  """
  if total is None and isinstance(things, Sized):
    total = len(things)
  if watch := _watch.get():
    for done, thing in enumerate(things):
      watch(name, done, total)
      yield thing
    return
  if console.is_terminal(sys.stderr):
    screen = console.Tolerant(sys.stderr)
    yield from tqdm(things, name, total, leave=False, file=screen, delay=DELAY)
    return
  began = time.monotonic()
  for done, thing in enumerate(things):
    _seldom(partial(_line, name, done, total, time.monotonic() - began))
    yield thing


def _line(name: str, done: int, total: int | None, seconds: float) -> str:
  """Return a line on how far the work is, and how long it still takes."""
  if total is None:
    return f'{name} {done}'
  left = f', {tqdm.format_interval((total - done) * seconds / done)} left' if done else ''
  return f'{name} {done} of {total}{left}'


def during(work: Future[Thing], name: str) -> Thing:
  """Wait for work that another thread does, and show on standard error how long it takes.

  Args:
    work: what to wait for.
    name: words for the work, such as 'compiling the training step'.

  Returns:
    The result of the work; an exception of the work is raised.
  """
  began = time.monotonic()
  terminal = _watch.get() is None and console.is_terminal(sys.stderr)
  screen = console.Tolerant(sys.stderr) if terminal else None
  shown = dict(bar_format='{desc}: {elapsed}', leave=False, delay=DELAY, miniters=0)
  with tqdm(desc=name, file=screen, disable=not terminal, **shown) as bar:
    while wait([work], TICK).not_done:
      bar.update(0)
      if not terminal:
        _seldom(lambda: f'{name}, {tqdm.format_interval(time.monotonic() - began)} so far')
  return work.result()


def _seldom(line: Callable[[], str]) -> None:
  """Print a line in a command that runs, unless the last one is less than `EVERY` seconds old."""
  if _told and _watch.get() is None and (now := time.monotonic()) - _told[-1] >= EVERY:
    _told[-1] = now
    console.say(f'jaxgan: {line()}', error=True)
