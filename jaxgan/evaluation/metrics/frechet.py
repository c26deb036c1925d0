"""The Fréchet distance between two sets of features, each taken for a Gaussian."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jaxgan.evaluation.metrics import checks
from jaxgan.evaluation.metrics.moments import Moments


class Reference(NamedTuple):
  """What is measured against: N, mean `[d]`, and L `[d, d]` with L L' the covariance."""

  n: int
  mean: np.ndarray
  root: np.ndarray


def reference(moments: Moments) -> Reference:
  """Factor the covariance once for many distances."""
  return Reference(moments.n, moments.mean, _root(moments.covariance))


def distance(fake: Moments, real: Reference) -> float:
  """|mu_1 - mu_2|^2 + tr(S_1 + S_2 - 2 (S_1 S_2)^(1/2)), the square of a distance; 0 or above.

  The root's trace is the sum of the singular values of L_1' L_2, where S = L L'.

  References: Heusel et al., GANs Trained by a Two Time-Scale Update Rule, 2017.
  """
  _same_width(fake.mean, real.mean)
  trace = np.linalg.svd(_root(fake.covariance).T @ real.root, compute_uv=False).sum()
  spread = np.trace(fake.covariance) + np.sum(real.root**2)
  return float(np.sum((fake.mean - real.mean) ** 2) + spread - 2 * trace)


def distance_of(fake: np.ndarray, real: Reference) -> float:
  """`distance` of features `[N, d]`, through a Gram matrix `[N, N]` where N < d."""
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
  """The distance at infinitely many samples, and how much the fit leaves over (its deviation).

  A line in 1 / n through the distances of random subsets of n = N/4 ... N; the value at 0. The bias
  falls as c / n with a c of the model's own, so models that are compared at one N may trade places.

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
  """L with L L' the covariance; an eigenvalue that rounding may have made of zero is zero."""
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
