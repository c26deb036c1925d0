"""The Fréchet distance between two sets of features, each described by a Gaussian."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jaxgan.evaluation.metrics import checks
from jaxgan.evaluation.metrics.moments import Moments


class Reference(NamedTuple):
  """The Gaussian of real features: N, mean `[d]`, and root L `[d, d]` with L L' = covariance."""

  n: int
  mean: np.ndarray
  root: np.ndarray


def reference(moments: Moments) -> Reference:
  """Factor the covariance of real features once, for many distances.

  Raises:
    ValueError: the moments are of fewer than 2 rows.
  """
  return Reference(moments.n, moments.mean, _root(moments.covariance))


def distance(fake: Moments, real: Reference) -> float:
  """Return the squared Fréchet distance between two Gaussians, 0 or above.

  d^2 = |mu_1 - mu_2|^2 + tr(S_1 + S_2 - 2 (S_1 S_2)^(1/2))

  The trace of the square root is the sum of the singular values of L_1' L_2, where S = L L'.

  Args:
    fake: the moments of the generated features.
    real: the reference, see `reference`.

  Raises:
    ValueError: the numbers of features differ, or `fake` is of fewer than 2 rows.

  References: Heusel et al., GANs Trained by a Two Time-Scale Update Rule, 2017.
  """
  _same_width(fake.mean, real.mean)
  trace = np.linalg.svd(_root(fake.covariance).T @ real.root, compute_uv=False).sum()
  spread = np.trace(fake.covariance) + np.sum(real.root**2)
  return float(np.sum((fake.mean - real.mean) ** 2) + spread - 2 * trace)


def distance_of(fake: np.ndarray, real: Reference) -> float:
  """Return `distance` of features `[N, d]`; if N < d, a faster way uses a Gram matrix `[N, N]`."""
  fake = checks.features('fake', fake, 2)
  _same_width(fake[0], real.mean)
  mean = fake.mean(0)
  centred = (fake - mean) / np.sqrt(len(fake) - 1)
  inner = centred @ real.root
  gram = inner @ inner.T if len(fake) < len(mean) else inner.T @ inner
  spread = np.sum(centred**2) + np.sum(real.root**2)
  return float(np.sum((mean - real.mean) ** 2) + spread - 2 * _root_trace(gram))


def without_bias(
  fake: np.ndarray, real: Reference, *, points: int = 10, seed: int = 0
) -> tuple[float, float]:
  """Return the distance extrapolated to infinitely many samples, and the error of the fit.

  A straight line in 1 / n is fitted to the distances of random subsets of n = N/4 ... N samples;
  the result is its value at 1 / n = 0. The bias is about c / n with another c for each model, so
  the order of two models at one N may be wrong.

  Args:
    fake: features `[N, d]`, N of 8 or more.
    real: the reference, see `reference`.
    points: the number of subsets.
    seed: the seed of the subsets.

  Returns:
    The distance, and the standard deviation of the residuals of the fit.

  Raises:
    ValueError: there are too few samples, or the numbers of features differ.

  References: Chong and Forsyth, Effectively Unbiased FID and Inception Score, 2020.
  """
  fake = checks.features('fake', fake, 8)
  random, width = np.random.default_rng(seed), len(fake)
  sizes = np.linspace(width / 4, width, points).astype(int)
  values = [distance_of(fake[random.permutation(width)[:n]], real) for n in sizes]
  design = np.stack([1 / sizes, np.ones(points)], 1)
  solution, *_ = np.linalg.lstsq(design, np.array(values), rcond=None)
  return float(solution[1]), float(np.std(values - design @ solution))


def _root(covariance: np.ndarray) -> np.ndarray:
  """Return L with L L' = covariance; eigenvalues below the rounding error count as zero."""
  values, vectors = np.linalg.eigh(covariance)
  rounding = len(values) * np.finfo(values.dtype).eps * np.abs(values).max()
  return vectors * np.sqrt(np.where(values > rounding, values, 0))


def _root_trace(symmetric: np.ndarray) -> float:
  values = np.linalg.eigvalsh((symmetric + symmetric.T) / 2)
  return float(np.sqrt(np.maximum(values, 0)).sum())


def _same_width(a: np.ndarray, b: np.ndarray) -> None:
  if a.shape != b.shape:
    raise ValueError(
      f'fake has {a.size} features and the reference {b.size}: use one feature network for both'
    )
