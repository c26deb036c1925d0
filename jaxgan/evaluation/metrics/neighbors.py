"""Precision, recall, density and coverage, from distances to nearest neighbors."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from jaxgan.evaluation.metrics import checks

ROWS = 512  # rows of the distance matrix that are in memory at a time

Distances = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Coverage(NamedTuple):
  """The result of `prdc`: three shares, and the density, which may exceed 1."""

  precision: float
  recall: float
  density: float
  coverage: float


def prdc(real: np.ndarray, fake: np.ndarray, k: int = 5) -> Coverage:
  """Return precision, recall, density and coverage.

  Each sample has a ball whose radius is the distance to its k-th nearest other sample of the same
  set. A duplicate is another sample, and the border belongs to the ball.

  precision: the share of fake samples within the ball of a real one.
  recall: the share of real samples within the ball of a fake one.
  density: the mean number of real balls around a fake sample, divided by k.
  coverage: the share of real samples with a fake sample in their ball.

  Args:
    real: features `[N, d]`, N > k.
    fake: features `[M, d]`, M > k.
    k: which neighbor gives the radius, 1 or more.

  Raises:
    ValueError: a set has k samples or fewer, or the widths d differ.

  References: Kynkaanniemi et al., Improved Precision and Recall, 2019; Naeem et al., Reliable
  Fidelity and Diversity Metrics, 2020.
  """
  real, fake = checks.pair(real, fake, k + 1)
  real_radii, fake_radii, between = radii(real, k), radii(fake, k), metric(real, fake)
  inside = np.zeros(len(fake), int)
  recalled, covered = [], []
  for i in range(0, len(real), ROWS):
    distances, radius = between(real[i : i + ROWS], fake), real_radii[i : i + ROWS]
    inside += (distances <= radius[:, None]).sum(0)
    recalled.append((distances <= fake_radii[None]).any(1))
    covered.append(distances.min(1) <= radius)
  return Coverage(
    precision=float((inside > 0).mean()),
    recall=float(np.concatenate(recalled).mean()),
    density=float(inside.mean() / k),
    coverage=float(np.concatenate(covered).mean()),
  )


def radii(x: np.ndarray, k: int) -> np.ndarray:
  """Return the distance of each sample `[N, d]` to its k-th nearest other sample, `[N]`."""
  found, between = [], metric(x)
  for i in range(0, len(x), ROWS):
    distances = between(x[i : i + ROWS], x)
    distances[np.arange(len(distances)), np.arange(i, i + len(distances))] = np.inf  # itself
    found.append(np.partition(distances, k - 1, axis=1)[:, k - 1])
  return np.concatenate(found)


def metric(*samples: np.ndarray) -> Distances:
  """Choose a function for the Euclidean distances `[M, N]` of float64 `[M, d]` and `[N, d]`.

  Whole numbers, such as pixels, use a matrix product, which is as exact and many times faster.

  Args:
    samples: all sets of samples that the function will get.
  """
  largest = max(float(np.abs(x).max(initial=0)) for x in samples)
  whole = all((x == np.rint(x)).all() for x in samples)
  return _of_whole if whole and 4 * largest**2 * samples[0].shape[1] < 2**53 else cdist


def _of_whole(a: np.ndarray, b: np.ndarray) -> np.ndarray:
  """Return the root of |a|^2 + |b|^2 - 2 a b, whose terms are all exact."""
  squares = [np.einsum('nd,nd->n', x, x) for x in (a, b)]
  return np.sqrt(squares[0][:, None] + squares[1][None] - 2 * (a @ b.T))
