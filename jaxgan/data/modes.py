"""The modes of a column of numbers, by a variational Gaussian mixture.

It is written here, not taken from a library, because the fit decides what a row's numbers mean: a
run that continues needs the same fit, whatever is installed. In one dimension it is short.
"""

import numpy as np

SAMPLED = 2000
"""Values that a fit uses at most, evenly spaced in their order by size."""
ROUNDS = 1000
TRUST = 0.01
"""Imagined values at the mean of all, by which a mode without values has a mean."""
STILL = 1e-4
"""Change of a responsibility at which a fit ends."""

Modes = tuple[tuple[float, float], ...]
"""Mean and standard deviation of each mode."""


def fit(
  values: np.ndarray, most: int = 10, concentration: float = 1e-3, share: float = 0.005
) -> Modes:
  """Fit a mixture of normal distributions, which finds by itself how many modes there are.

  The weights have a Dirichlet prior that is so small that a mode which others explain goes empty.
  Means and precisions have the conjugate Normal-Gamma prior, around the mean and the variance of
  all values. Coordinate ascent on the variational bound begins at quantiles: the same values always
  give the same modes.

  Args:
    values: finite numbers `[n]`, n > 0.
    most: the largest number of modes.
    concentration: the Dirichlet prior of each weight.
    share: modes of a smaller weight are dropped.

  Returns:
    mean and standard deviation of each mode, by rising mean.

  Reference: Bishop, Pattern Recognition and Machine Learning, 2006, section 10.2.

  Example:
    >>> two = np.concatenate([np.linspace(-1, 1, 50), np.linspace(99, 101, 50)])
    >>> [round(mean) for mean, _ in fit(two)]
    [0, 100]
  """
  x = np.sort(np.asarray(values, np.float64))
  x = x[np.linspace(0, len(x) - 1, min(len(x), SAMPLED)).round().astype(int)]
  center, scale = x.mean(), x.std()
  if scale < 1e-100:
    return ((float(center), 1.0),)
  z = (x - center) / scale
  weights, means, deviations = _fitted(z, min(most, len(np.unique(z))), concentration)
  kept = np.flatnonzero(weights >= min(share, weights.max()))
  kept = kept[np.argsort(means[kept])]
  return tuple((float(center + scale * means[k]), float(scale * deviations[k])) for k in kept)


def _fitted(z: np.ndarray, most: int, prior: float) -> tuple[np.ndarray, ...]:
  """Return weights, means and standard deviations of the modes of standardized values."""
  from scipy.special import digamma  # only runs of tables need it, and it slows every start

  starts = np.quantile(z, (np.arange(most) + 0.5) / most)
  near = np.abs(z[:, None] - starts).argmin(1)
  chances = np.eye(most)[near]
  for _ in range(ROUNDS):
    counts = chances.sum(0)
    total = counts + TRUST
    means = chances.T @ z / total
    squares = (chances * (z[:, None] - means) ** 2).sum(0) + TRUST * means**2
    shape, rate = (counts + 1) / 2, (1 + squares) / 2  # one imagined value of variance 1
    log_weight = digamma(prior + counts) - digamma(most * prior + len(z))
    log_precision = digamma(shape) - np.log(rate)
    far = shape / rate * (z[:, None] - means) ** 2 + 1 / total
    scores = log_weight + (log_precision - far) / 2
    new = np.exp(scores - scores.max(1, keepdims=True))
    new /= new.sum(1, keepdims=True)
    moved, chances = np.abs(new - chances).max(), new
    if moved < STILL:
      break
  return chances.mean(0), means, np.sqrt(rate / shape)
