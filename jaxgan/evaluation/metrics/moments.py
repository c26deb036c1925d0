"""Mean and covariance of features that come in batches, from any number of hosts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jaxgan.evaluation.metrics import checks


class Moments(NamedTuple):
  """N, mean `[d]` and scatter `[d, d]` (sum of outer products of what deviates from the mean).

  `merge` is associative, so the order of batches and hosts does not matter but for rounding.
  """

  n: int
  mean: np.ndarray
  scatter: np.ndarray

  @property
  def covariance(self) -> np.ndarray:
    """scatter / (N - 1), as `np.cov` has it.

    Raises:
      ValueError: fewer than two rows.
    """
    if self.n < 2:
      raise ValueError(f'a covariance needs 2 rows or more, got {self.n}')
    return self.scatter / (self.n - 1)


def of(x: np.ndarray) -> Moments:
  """The moments of features `[N, d]`."""
  x = checks.features('features', x)
  mean = x.mean(0)
  return Moments(len(x), mean, (x - mean).T @ (x - mean))


def merge(a: Moments, b: Moments) -> Moments:
  """The moments of both sets together.

  References: Chan, Golub and LeVeque, Updating Formulae and a Pairwise Algorithm, 1979.
  """
  if a.mean.shape != b.mean.shape:
    raise ValueError(f'moments of {a.mean.size} and {b.mean.size} features do not go together')
  n, apart = a.n + b.n, b.mean - a.mean
  mean = a.mean + apart * (b.n / n)
  between = np.outer(apart, apart) * (a.n * b.n / n)
  return Moments(n, mean, a.scatter + b.scatter + between)
