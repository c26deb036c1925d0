"""Signals to stop, such as SIGTERM: every process of a run reacts to them at the same step."""

import contextlib
import itertools
import signal
import time
from collections.abc import Callable, Iterator
from types import FrameType

import jax
from jax.experimental import multihost_utils

from jaxgan.parallel import hosts

NAMES = (
  *('SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'),  # terminals, systems, containers
  *('SIGUSR1', 'SIGUSR2', 'SIGXCPU', 'SIGALRM', 'SIGPWR'),  # schedulers, limits, a power failure
  'SIGBREAK',  # Windows
)
"""The signals that end a process unless it catches them, and are sent to end it."""
KINDS = tuple(getattr(signal, name) for name in NAMES if hasattr(signal, name))
ALWAYS = (signal.SIGINT, signal.SIGTERM)
"""Caught even if another handler is there, which gets the second signal."""
REPEATED = (getattr(signal, 'SIGXCPU', None),)
"""Sent every second by the system itself, which is no second wish to end."""
TOGETHER = 1.0
"""Seconds in which further signals belong to the first: a terminal that closes, `timeout` and
systemd send two at once. Only Ctrl-C counts again at once, because a person pressed it."""
HALT, TIME = -1, -2
"""Stand for the number of a signal where `stop` was set, or the time of the run is over."""


class Stopped(Exception):
  """A signal asked the run to stop; the step it had reached is saved."""

  def __init__(self, signum: int, step: int) -> None:
    super().__init__(f'stopped by {signal.Signals(signum).name} at step {step}, which is saved')
    self.signum = signum


Asked = Callable[[], int]
"""A function that every process calls once per step: it returns what asks to stop, or 0."""
Handler = Callable[[int, FrameType | None], object] | int | None
"""What Python does at a signal, see `signal.signal`."""


@contextlib.contextmanager
def heard(until: float = float('inf')) -> Iterator[Asked]:
  """Catch the first signal to stop inside the `with` block; a second one acts as usual.

  A signal that is ignored, as SIGHUP is under `nohup`, stays so.

  Args:
    until: when the run should stop by itself, in seconds of `time.monotonic`.
  """
  over = lambda: TIME if time.monotonic() >= until else 0
  if jax.process_count() > 1:
    with _relayed(over) as asked:
      yield asked
    return
  caught: list[int] = []
  with _handled(KINDS, caught.append):
    yield lambda: caught[0] if caught else over()


@contextlib.contextmanager
def _relayed(over: Asked) -> Iterator[Asked]:
  """Stop through JAX, which catches SIGTERM and chooses a step that no process has begun."""
  reasons: list[int] = []

  def relay(reason: int) -> None:
    reasons.append(reason)
    signal.raise_signal(signal.SIGTERM)

  calls = itertools.count()  # not the step, which decreases when a run is rolled back
  agreed: list[int] = []  # JAX says it once, and a run that is rolled back asks again

  def asked() -> int:
    if agreed:
      return agreed[0]
    if not reasons and over():
      relay(TIME)
    if not multihost_utils.reached_preemption_sync_point(next(calls)):
      return 0
    said = [int(text) for text in hosts.share(str(reasons[0] if reasons else 0))]
    agreed.append(next(filter(None, said), int(signal.SIGTERM)))  # the same in all processes
    return agreed[0]

  with _handled(tuple(kind for kind in KINDS if kind != signal.SIGTERM), relay):
    yield asked


@contextlib.contextmanager
def _handled(kinds: tuple[int, ...], react: Callable[[int], object]) -> Iterator[None]:
  """Call `react` for the first of these signals, and restore the earlier handlers."""
  before: dict[int, Handler] = {}
  first: list[float] = []

  def restore() -> None:
    for kind, handler in before.items():
      signal.signal(kind, handler)

  def listen(signum: int, frame: FrameType | None) -> None:
    if not first:
      first.append(time.monotonic())
      react(signum)
    elif signum not in REPEATED and not _together(signum, first[0]):
      restore()
      signal.raise_signal(signum)

  with contextlib.suppress(ValueError):  # not the main thread: signals go elsewhere
    for kind in filter(_free, kinds):
      before[kind] = signal.signal(kind, listen)
  try:
    yield
  finally:
    restore()


def _free(kind: int) -> bool:
  """Return whether a signal may be caught: nobody ignores it, and no other code uses it."""
  handler = signal.getsignal(kind)
  return handler == signal.SIG_DFL or (kind in ALWAYS and handler not in (signal.SIG_IGN, None))


def _together(signum: int, first: float) -> bool:
  """Return whether a signal was sent together with the first one."""
  return signum != signal.SIGINT and time.monotonic() - first < TOGETHER
