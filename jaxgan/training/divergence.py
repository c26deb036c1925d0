"""Follows how many steps in a row were skipped, and says when a run has diverged."""

import collections

from jaxgan.core.typing import Array

LIMIT = 10
"""Steps in a row with something left out at which a run is taken to have diverged."""
BEHIND = 8
"""Steps that the host may be ahead of the device before it waits."""


class Watch:
  """Follows the count of `guarded` a few steps behind, so that the host never waits for the device.

  The lag is fixed: several processes come to the same answer at the same step.
  """

  def __init__(self) -> None:
    self._counts: collections.deque[Array] = collections.deque()
    self._row = 0

  def diverged(self, in_a_row: Array, *, now: bool) -> bool:
    """Whether `LIMIT` steps in a row were left out; with `now` up to the step of this count."""
    self._counts.append(in_a_row)
    while self._counts and (now or len(self._counts) > BEHIND):
      self._row = int(self._counts.popleft())
      if self._row >= LIMIT:
        return True
    return False

  @property
  def sound(self) -> bool:
    """Whether the last step looked at was taken."""
    return self._row == 0
