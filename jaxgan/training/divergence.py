"""Detection of divergence: counts how many steps in a row had updates skipped."""

import collections

import numpy as np

from jaxgan.core.typing import Array

LIMIT = 10
"""After so many steps in a row with a skipped update, a run counts as diverged."""
BEHIND = 8
"""How many steps the host may be ahead of the device before it waits."""


class Watch:
  """A watch on the count of `guarded`, read a few steps late so that the host need not wait.

  The delay is a fixed number of steps, so several processes get the same answer at the same step.
  """

  def __init__(self) -> None:
    self._counts: collections.deque[tuple[Array, int]] = collections.deque()
    self._row = 0

  def diverged(self, in_a_row: Array, *, now: bool) -> bool:
    """Return whether `LIMIT` steps in a row were skipped.

    Args:
      in_a_row: the device's count of skipped steps in a row, after the newest step; or `[n]`, after
        each of the newest n.
      now: wait for this count; otherwise only counts of `BEHIND` steps ago are read.
    """
    self._counts.extend((in_a_row, i) for i in range(in_a_row.size))
    while self._counts and (now or len(self._counts) > BEHIND):
      counts, i = self._counts.popleft()
      self._row = int(np.ravel(counts)[i])
      if self._row >= LIMIT:
        return True
    return False

  @property
  def sound(self) -> bool:
    """Return whether the newest step that was read was not skipped."""
    return self._row == 0
