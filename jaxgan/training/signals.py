"""Signals to stop, SIGINT and SIGTERM: every process of a run reacts to them at the same step."""

import contextlib
import itertools
import signal
from collections.abc import Callable, Iterator
from types import FrameType

import jax
from jax.experimental import multihost_utils


class Stopped(Exception):
  """A signal asked the run to stop; the step it had reached is saved."""

  def __init__(self, signum: int, step: int):
    super().__init__(f'stopped by {signal.Signals(signum).name} at step {step}, which is saved')
    self.signum = signum


Asked = Callable[[], int]
"""A function that every process calls once per step: it returns the signal to stop, or 0."""
Handler = Callable[[int, FrameType | None], object] | int | None
"""What Python does at a signal, see `signal.signal`."""


@contextlib.contextmanager
def heard() -> Iterator[Asked]:
  """Catch the first signal to stop inside the `with` block; a second one acts as usual."""
  if jax.process_count() > 1:
    with _relayed() as asked:
      yield asked
    return
  caught: list[int] = []
  with _handled((signal.SIGINT, signal.SIGTERM), caught.append):
    yield lambda: caught[0] if caught else 0


@contextlib.contextmanager
def _relayed() -> Iterator[Asked]:
  """Stop through JAX, which catches SIGTERM and chooses a step that no process has begun."""
  interrupted: list[int] = []

  def relay(signum: int) -> None:
    interrupted.append(signum)
    signal.raise_signal(signal.SIGTERM)

  calls = itertools.count()  # not the step, which decreases when a run is rolled back

  def asked() -> int:
    if not multihost_utils.reached_preemption_sync_point(next(calls)):
      return 0
    return signal.SIGINT if interrupted else signal.SIGTERM

  with _handled((signal.SIGINT,), relay):
    yield asked


@contextlib.contextmanager
def _handled(kinds: tuple[int, ...], react: Callable[[int], object]) -> Iterator[None]:
  """Call `react` for the first of these signals, and restore the earlier handlers."""
  before: dict[int, Handler] = {}

  def restore() -> None:
    for kind, handler in before.items():
      signal.signal(kind, handler)

  def listen(signum: int, frame: FrameType | None) -> None:
    restore()
    react(signum)

  with contextlib.suppress(ValueError):  # not the main thread: signals go elsewhere
    for kind in kinds:
      before[kind] = signal.signal(kind, listen)
  try:
    yield
  finally:
    restore()
