"""Asked to stop: SIGINT and SIGTERM, heard at the same step by every process of a run."""

import contextlib
import itertools
import signal
from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax.experimental import multihost_utils


class Stopped(Exception):
  """A signal asked the run to stop; the step it had reached is saved."""

  def __init__(self, signum: int, step: int):
    super().__init__(f'stopped by {signal.Signals(signum).name} at step {step}, which is saved')
    self.signum = signum


Asked = Callable[[], int]
"""Called once a step by every process: the signal that asks to stop now, or 0."""


@contextlib.contextmanager
def heard() -> Iterator[Asked]:
  """Listens while it lasts; a second signal acts as if nobody listened."""
  if jax.process_count() > 1:
    with _relayed() as asked:
      yield asked
    return
  caught: list[int] = []
  with _handled((signal.SIGINT, signal.SIGTERM), caught.append):
    yield lambda: caught[0] if caught else 0


@contextlib.contextmanager
def _relayed() -> Iterator[Asked]:
  """JAX's notifier hears SIGTERM, and tells all processes of a step that none has begun yet."""
  interrupted: list[int] = []

  def relay(signum: int) -> None:
    interrupted.append(signum)
    signal.raise_signal(signal.SIGTERM)

  calls = itertools.count()  # not the step: that goes back when a run is rolled back

  def asked() -> int:
    if not multihost_utils.reached_preemption_sync_point(next(calls)):
      return 0
    return signal.SIGINT if interrupted else signal.SIGTERM

  with _handled((signal.SIGINT,), relay):
    yield asked


@contextlib.contextmanager
def _handled(kinds: tuple[int, ...], react: Callable[[int], Any]) -> Iterator[None]:
  """The first of these signals is passed on; after it all are handled as they were before."""
  before: dict[int, Any] = {}

  def restore() -> None:
    for kind, handler in before.items():
      signal.signal(kind, handler)

  def listen(signum: int, frame: Any) -> None:
    restore()
    react(signum)

  with contextlib.suppress(ValueError):  # not the main thread: signals go elsewhere
    for kind in kinds:
      before[kind] = signal.signal(kind, listen)
  try:
    yield
  finally:
    restore()
