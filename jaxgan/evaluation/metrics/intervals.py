"""Confidence intervals."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats


class Interval(NamedTuple):
  """A value and the ends of its confidence interval."""

  value: float
  low: float
  high: float


def wilson(successes: float, trials: int, confidence: float = 0.95) -> Interval:
  """Return Wilson's interval of a proportion, which is also valid near 0 and 1.

  (p + z^2/2n +- z sqrt(p (1 - p)/n + z^2/4n^2)) / (1 + z^2/n)

  Args:
    successes: from 0 to `trials`; may be a fraction.
    trials: n, 1 or more.
    confidence: between 0 and 1.

  Raises:
    ValueError: there is no trial, or `successes` is out of range.

  Example:
    >>> [round(x, 3) for x in wilson(5, 10)]
    [0.5, 0.237, 0.763]

  References: Wilson, 1927.
  """
  if trials < 1 or not 0 <= successes <= trials:
    raise ValueError(f'expected 0 <= successes <= trials and a trial, got {successes} of {trials}')
  z, p = stats.norm.ppf((1 + confidence) / 2), successes / trials
  centre, scale = p + z**2 / (2 * trials), 1 + z**2 / trials
  half = z * np.sqrt(p * (1 - p) / trials + z**2 / (4 * trials**2))
  low, high = (centre - half) / scale, (centre + half) / scale
  # Without this, rounding would give 1e-18 in place of 0 for no success; likewise 1 for all.
  return Interval(p, float(low) if p > 0 else 0.0, float(high) if p < 1 else 1.0)


def repeats(values: Sequence[float], confidence: float = 0.95) -> Interval:
  """Return the interval of the mean of independent repeats, by Student's t.

  It is infinite for a single repeat, and if a value is not finite.
  """
  mean, n = float(np.mean(values)), len(values)
  if n < 2 or not np.isfinite(values).all():
    return Interval(mean, float('-inf'), float('inf'))
  error = np.std(values, ddof=1) / np.sqrt(n)
  half = float(stats.t.ppf((1 + confidence) / 2, n - 1) * error)
  return Interval(mean, mean - half, mean + half)


def share(values: Sequence[float], trials: int) -> Interval:
  """Return the interval of a share from repeats; it stays in [0, 1] and never has width 0.

  It is that of `repeats`, cut at 0 and 1; if there is one repeat or all are equal, it is Wilson's.

  Args:
    values: the share in each repeat.
    trials: the number of samples of all repeats together.

  Example:
    >>> [round(x, 3) for x in share([1.0, 1.0], 20)]
    [1.0, 0.839, 1.0]
  """
  found = repeats(values)
  if len(values) == 1 or found.low == found.high:
    return wilson(found.value * trials, trials)
  return Interval(found.value, max(found.low, 0.0), min(found.high, 1.0))
