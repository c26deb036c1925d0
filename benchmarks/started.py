"""One start of a training, measured: `python -m benchmarks.started STEPS OPTIONS-OF-TRAIN`.

It prints its figures as JSON and ends the process, since what comes after is no part of a start.
`benchmarks.start` calls it, each time in a fresh process.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

Seconds = dict[str, list[float]]


class Clock:
  """Wall and processor seconds since the process began, and of the phases of its start."""

  def __init__(self) -> None:
    self.began = time.time() - float(os.environ.get('BENCHMARK_BEGAN', time.time()))
    self._zero = time.perf_counter() - self.began
    self.reached: Seconds = {}
    self.phases: Seconds = {}

  def now(self) -> list[float]:
    """Return wall and processor seconds, all threads."""
    return [time.perf_counter() - self._zero, time.process_time()]

  def mark(self, name: str) -> None:
    """Note when a point of the start was reached."""
    self.reached[name] = self.now()

  def timed(self, phase: str, call: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Return what a call returns, and add its seconds to a phase."""
    before = self.now()
    try:
      return call(*args, **options)
    finally:
      passed = [b - a for a, b in zip(before, self.now(), strict=True)]
      so_far = self.phases.get(phase, [0, 0])
      self.phases[phase] = [a + b for a, b in zip(so_far, passed, strict=True)]

  def watch(self, place: Any, name: str, phase: str) -> None:
    """Count the time of a function or method as that of a phase, from now on."""
    call = getattr(place, name)
    setattr(place, name, lambda *args, **options: self.timed(phase, call, *args, **options))


def main(argv: list[str]) -> int:
  """Start a training, and print the figures after so many steps."""
  clock, last = Clock(), int(argv[0])
  from jaxgan import main as command
  from jaxgan.parallel import devices
  from jaxgan.training import loop, session, steps

  clock.mark('import')
  clock.watch(session, 'open_data', 'data')
  clock.watch(session.variants, 'build', 'build')
  clock.watch(session.Session, 'restore', 'init')
  clock.watch(loop, '_picture', 'picture')
  devices.compiled = lambda *given: _compiled(clock, *given)
  clock.watch(steps.Step, '__call__', 'steps')
  follow(clock, loop, steps.Step, last)
  return command.main(argv[1:])


def _compiled(clock: Clock, step: Any, state: Any, batches: Any) -> Any:
  """Do what `devices.compiled` does, in three phases."""
  given = getattr(step, 'keywords', {})
  traced = clock.timed('trace', getattr(step, 'func', step).trace, state, batches, **given)
  lowered = clock.timed('lower', traced.lower)
  program = clock.timed('compile', lowered.compile)
  return lambda *arrays: program(*arrays, **given)


def follow(clock: Clock, loop: Any, step: Any, last: int) -> None:
  """Wait for the result of each step; after the last one save, draw, print and end."""
  import jax

  play, vitals, count = step.__call__, loop.Vitals, [0]
  held: list[Any] = []

  def vital(session: Any) -> Any:
    held.append(session)
    return vitals(session)

  def played(self: Any, state: Any, batch: Any) -> Any:
    found = jax.block_until_ready(play(self, state, batch))
    count[0] += 1
    if count[0] in (1, last):
      clock.mark('first step' if count[0] == 1 else 'last step')
    if count[0] == last:
      _end(clock, held[0], found[0], last, loop)
    return found

  loop.Vitals, step.__call__ = vital, played


def _end(clock: Clock, session: Any, state: Any, step: int, loop: Any) -> None:
  """Save the first checkpoint and draw the next picture, print all figures, end the process."""
  import jax

  session.state = state
  clock.timed('checkpoint', session.checkpoints.save, step, state, wait=True)
  with jax.transfer_guard('allow'):
    clock.timed('later picture', loop._draw, session, step)
  figures = {'reached': clock.reached, 'phases': clock.phases}
  print(json.dumps(figures), flush=True)
  os._exit(0)


if __name__ == '__main__':
  sys.exit(main(sys.argv[1:]))
