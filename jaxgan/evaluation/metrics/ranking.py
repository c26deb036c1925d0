"""Measures of how well a score separates two kinds of samples."""

import numpy as np
from scipy import stats

from jaxgan.evaluation.metrics.intervals import Interval, wilson


def auroc(normal: np.ndarray, abnormal: np.ndarray, confidence: float = 0.95) -> Interval:
  """Return the area under the ROC curve, with DeLong's interval.

  AUROC = P(abnormal score > normal score) + P(equal scores) / 2

  0.5 is chance, 1 is a perfect separation. For the interval, each sample has the share of the other
  kind that it is ordered correctly with; the variances of these shares give its width. If these are
  0, as for a perfect separation, the interval is Wilson's for the smaller number of scores.

  Args:
    normal: scores `[N]`.
    abnormal: scores `[M]`, which should be higher.
    confidence: the level of the interval, between 0 and 1.

  Raises:
    ValueError: there are no scores of one kind, or they have another shape or are not finite.

  Example:
    >>> round(auroc(np.array([0.1, 0.2]), np.array([0.15, 0.3])).value, 4)
    0.75

  References: DeLong, DeLong and Clarke-Pearson, Comparing the Areas under Two or More Correlated
  Receiver Operating Characteristic Curves, 1988.
  """
  normal, abnormal = _scores('normal', normal), _scores('abnormal', abnormal)
  whole = stats.rankdata(np.concatenate([normal, abnormal]))
  below = (whole[len(normal) :] - stats.rankdata(abnormal)) / len(normal)
  above = 1 - (whole[: len(normal)] - stats.rankdata(normal)) / len(abnormal)
  value = float(below.mean())
  spread = lambda x: x.var(ddof=1) / len(x) if len(x) > 1 else np.inf
  if not spread(below) + spread(above):  # all pairs in order: DeLong's interval would have no width
    trials = min(len(normal), len(abnormal))
    return wilson(value * trials, trials)
  half = stats.norm.ppf((1 + confidence) / 2) * np.sqrt(spread(below) + spread(above))
  return Interval(value, float(max(value - half, 0)), float(min(value + half, 1)))


def _scores(name: str, values: np.ndarray) -> np.ndarray:
  values = np.asarray(values, np.float64)
  if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
    raise ValueError(
      f'{name} should be finite scores [N], one or more, got shape {list(values.shape)}'
    )
  return values
