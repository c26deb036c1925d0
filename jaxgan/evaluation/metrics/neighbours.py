"""Precision, recall, density and coverage, by the distances to nearest neighbours."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from jaxgan.evaluation.metrics import checks

ROWS = 512  # of a matrix of distances held at once

Distances = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Coverage(NamedTuple):
  """Four shares, density apart, which may exceed 1; by k-th neighbours."""

  precision: float
  recall: float
  density: float
  coverage: float


def prdc(real: np.ndarray, fake: np.ndarray, k: int = 5) -> Coverage:
  """How much of fake lies among real, and of real among fake.

  Around each sample lies a ball to its k-th other sample (duplicates are others). precision: share
  of fakes within a ball of a real; recall: of reals within a ball of a fake; density: balls of
  reals that a fake lies in, by k; coverage: share of reals whose ball has a fake in it. On the
  border is within.

  References: Kynkaanniemi et al., Improved Precision and Recall, 2019; Naeem et al., Reliable
  Fidelity and Diversity Metrics, 2020.

  Raises:
    ValueError: no more than k samples of one kind.
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
  """The distance of each sample to its k-th other one, `[N]`."""
  found, between = [], metric(x)
  for i in range(0, len(x), ROWS):
    distances = between(x[i : i + ROWS], x)
    distances[np.arange(len(distances)), np.arange(i, i + len(distances))] = np.inf  # itself
    found.append(np.partition(distances, k - 1, axis=1)[:, k - 1])
  return np.concatenate(found)


def metric(*samples: np.ndarray) -> Distances:
  """The Euclidean distances `[M, N]` of such samples, float64 `[M, d]` and `[N, d]`.

  Of whole numbers, such as pixels, by a product of matrices: as exact, and many times faster.
  """
  largest = max(float(np.abs(x).max(initial=0)) for x in samples)
  whole = all((x == np.rint(x)).all() for x in samples)
  return _of_whole if whole and 4 * largest**2 * samples[0].shape[1] < 2**53 else cdist


def _of_whole(a: np.ndarray, b: np.ndarray) -> np.ndarray:
  """The root of |a|^2 + |b|^2 - 2 a b, none of which is rounded."""
  squares = [np.einsum('nd,nd->n', x, x) for x in (a, b)]
  return np.sqrt(squares[0][:, None] + squares[1][None] - 2 * (a @ b.T))
