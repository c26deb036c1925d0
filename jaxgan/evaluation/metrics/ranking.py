"""How well scores tell two kinds of samples apart."""

import numpy as np
from scipy import stats

from jaxgan.evaluation.metrics.intervals import Interval


def auroc(normal: np.ndarray, abnormal: np.ndarray, confidence: float = 0.95) -> Interval:
  """The probability that an abnormal sample scores above a normal one; ties count half.

  0.5 is chance, 1 a perfect order. The interval is DeLong's, from the variance of each sample's
  share of the other kind that it stands right to.

  Args:
    normal: scores `[N]`.
    abnormal: scores `[M]`, which should be higher.
    confidence: of the interval.

  References: DeLong, DeLong and Clarke-Pearson, Comparing the Areas under Two or More Correlated
  Receiver Operating Characteristic Curves, 1988.

  Raises:
    ValueError: no scores of one kind, another shape, or scores that are not finite.
  """
  normal, abnormal = _scores('normal', normal), _scores('abnormal', abnormal)
  whole = stats.rankdata(np.concatenate([normal, abnormal]))
  below = (whole[len(normal) :] - stats.rankdata(abnormal)) / len(normal)
  above = 1 - (whole[: len(normal)] - stats.rankdata(normal)) / len(abnormal)
  value = float(below.mean())
  spread = lambda x: x.var(ddof=1) / len(x) if len(x) > 1 else np.inf
  half = stats.norm.ppf((1 + confidence) / 2) * np.sqrt(spread(below) + spread(above))
  return Interval(value, float(max(value - half, 0)), float(min(value + half, 1)))


def _scores(name: str, values: np.ndarray) -> np.ndarray:
  values = np.asarray(values, np.float64)
  if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
    raise ValueError(
      f'{name} should be finite scores [N], one or more, got shape {list(values.shape)}'
    )
  return values
