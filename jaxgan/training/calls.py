"""How many training steps the next call of the device plays."""

import itertools
import statistics
import time

import jax

from jaxgan.recipes import stages
from jaxgan.recipes.calls import MOST
from jaxgan.recipes.config import Scores
from jaxgan.recipes.option_groups import part
from jaxgan.training import steps
from jaxgan.training.session import Session

LONG = 4e-3
"""Seconds from which on a call is so long that the start of the next costs nothing."""
SAMPLES = 64
"""Steps from the first, of which the second half tells how long a step takes."""
WORTH = 30.0
"""Seconds of training that must remain, to compile one more program for them."""


class Calls:
  """Chooses how many steps of a stage each call plays: one, or a fixed number of several.

  A step after which something is due (a log, signals, a picture, a checkpoint, a score, the end of
  the stage or of the run) is played alone. So is every step while updates are skipped: then a run
  that diverges returns to its checkpoint at the same step, whatever the number.

  If the run has no number, a GPU begins with one step a call. It changes to several when they are
  compiled, in a thread, if the time of a step shows that this is worth it.

  Args:
    session: the run.
    stage: the number of the stage.
  """

  def __init__(self, session: Session, stage: int) -> None:
    config = session.config
    self._session, self._stage = session, stage
    self._rhythms = [config.log_every, config.sample_every, config.checkpoint_every]
    self._rhythms += [part(config, Scores).eval_every or config.length]
    self._count, self._coming = config.steps_per_call or 1, 1
    self._times: list[float] = []
    self._measures = config.steps_per_call is None and _waits_for_its_host(session)

  def next(self, step: int, *, sound: bool) -> int:
    """Return how many steps the call after a number of steps plays.

    Args:
      step: the steps played so far.
      sound: whether the newest known step was not skipped.
    """
    if self._measures:
      self._measure(step)
    if self._coming > 1 and self._session.steps.of(self._stage, self._coming).compiled:
      self._count, self._coming = self._coming, 1
      self._session.say(f'{self._count} steps a call from step {step} on: one is very short')
    if self._count == 1:
      return 1
    last = step + self._count
    alone = any(last // rhythm > step // rhythm for rhythm in self._rhythms)
    inside = stages.index(self._session.recipe, last) == self._stage
    several = sound and not alone and inside and last < self._session.config.length
    return self._count if several else 1

  def _measure(self, step: int) -> None:
    """Note the time; after enough of them, begin to compile several steps if it is worth it."""
    self._times.append(time.perf_counter())
    if len(self._times) <= SAMPLES:
      return
    self._measures = False
    late = self._times[SAMPLES // 2 :]
    seconds = statistics.median(b - a for a, b in itertools.pairwise(late))
    self._coming = fitting(seconds)
    if (self._session.config.length - step) * seconds < WORTH:
      self._coming = 1
    if self._coming > 1:
      self._begin()

  def _begin(self) -> None:
    """Begin to compile several steps, in a thread."""
    now, stage = self._session, self._session.recipe.stages[self._stage]
    batch = steps.batch_shapes(stage, now.config, now.mesh, now.source, self._coming)
    now.steps.of(self._stage, self._coming).begin(now.state, batch)


def fitting(seconds: float) -> int:
  """Return how many steps of so many seconds make a call that is long enough: 1, 2, 4 or 8.

  Example:
    >>> [fitting(seconds) for seconds in (1e-4, 1e-3, 1.5e-3, 3e-3)]
    [8, 4, 2, 1]
  """
  count = 1
  while 2 * count <= MOST and 2 * count * seconds <= LONG:
    count *= 2
  return count


def _waits_for_its_host(session: Session) -> bool:
  """Return whether calls may become longer: on a device other than the CPU, in one process."""
  platform = session.mesh.devices.flat[0].platform
  return platform != 'cpu' and jax.process_count() == 1
