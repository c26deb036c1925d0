"""Mean and covariance of features, computed in batches on any number of hosts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jaxgan.evaluation.metrics import checks


class Moments(NamedTuple):
  """The moments of N rows of features.

  `merge` is associative: the order of batches and hosts changes only the rounding.

  Attributes:
    n: N.
    mean: `[d]`.
    scatter: the sum of (x - mean) (x - mean)' over the rows x, `[d, d]`.
  """

  n: int
  mean: np.ndarray
  scatter: np.ndarray

  @property
  def covariance(self) -> np.ndarray:
    """Return scatter / (N - 1), the same as `np.cov`.

    Raises:
      ValueError: there are fewer than two rows.
    """
    if self.n < 2:
      raise ValueError(f'a covariance needs 2 rows or more, got {self.n}')
    return self.scatter / (self.n - 1)


def of(x: np.ndarray) -> Moments:
  """Return the moments of features `[N, d]`.

  Raises:
    ValueError: the shape is another, N is 0, or a number is not finite.
  """
  x = checks.features('features', x)
  mean = x.mean(0)
  return Moments(len(x), mean, (x - mean).T @ (x - mean))


def merge(a: Moments, b: Moments) -> Moments:
  """Return the moments of the union of two sets.

  Raises:
    ValueError: the numbers of features differ.

  References: Chan, Golub and LeVeque, Updating Formulae and a Pairwise Algorithm, 1979.
  """
  if a.mean.shape != b.mean.shape:
    raise ValueError(f'moments of {a.mean.size} and {b.mean.size} features do not go together')
  n, apart = a.n + b.n, b.mean - a.mean
  mean = a.mean + apart * (b.n / n)
  between = np.outer(apart, apart) * (a.n * b.n / n)
  return Moments(n, mean, a.scatter + b.scatter + between)
