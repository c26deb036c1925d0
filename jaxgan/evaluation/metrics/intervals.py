"""How sure a number is."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats


class Interval(NamedTuple):
  """A value and the ends of its interval of confidence."""

  value: float
  low: float
  high: float


def wilson(successes: float, trials: int, confidence: float = 0.95) -> Interval:
  """The interval of a proportion, which also holds near 0 and 1.

  (p + z^2/2n +- z sqrt(p (1 - p)/n + z^2/4n^2)) / (1 + z^2/n).

  References: Wilson, 1927.
  """
  if trials < 1 or not 0 <= successes <= trials:
    raise ValueError(f'expected 0 <= successes <= trials and a trial, got {successes} of {trials}')
  z, p = stats.norm.ppf((1 + confidence) / 2), successes / trials
  centre, scale = p + z**2 / (2 * trials), 1 + z**2 / trials
  half = z * np.sqrt(p * (1 - p) / trials + z**2 / (4 * trials**2))
  low, high = (centre - half) / scale, (centre + half) / scale
  # None and all of them reach the ends, which rounding would miss by 1e-18.
  return Interval(p, float(low) if p > 0 else 0.0, float(high) if p < 1 else 1.0)


def repeats(values: Sequence[float], confidence: float = 0.95) -> Interval:
  """The interval of a mean over independent repeats, by Student's t.

  Endless for a single one, and where a value is.
  """
  mean, n = float(np.mean(values)), len(values)
  if n < 2 or not np.isfinite(values).all():
    return Interval(mean, float('-inf'), float('inf'))
  error = np.std(values, ddof=1) / np.sqrt(n)
  half = float(stats.t.ppf((1 + confidence) / 2, n - 1) * error)
  return Interval(mean, mean - half, mean + half)
