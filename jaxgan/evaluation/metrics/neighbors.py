"""Precision, recall, density, coverage and outliers, from distances to nearest neighbors."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from jaxgan.evaluation.metrics import checks

ROWS = 512  # rows of the distance matrix that are in memory at a time
TINY = 1e-10  # added to distances by which others are divided: copies have none between them

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


def nearest(
  known: np.ndarray, asked: np.ndarray, k: int, *, itself: bool = True
) -> tuple[np.ndarray, np.ndarray]:
  """Return the distances and the numbers of the k nearest known samples, `[M, k]`, nearest first.

  Args:
    known: float64 `[N, d]`.
    asked: float64 `[M, d]`.
    k: how many, fewer than N.
    itself: whether a sample is its own neighbor; False is for `asked` equal to `known`.
  """
  center, found = known.mean(0), []
  known, asked = known - center, asked - center
  lengths = np.einsum('nd,nd->n', known, known)
  for i in range(0, len(asked), ROWS):
    rows = asked[i : i + ROWS]
    squares = lengths[None] - 2 * (rows @ known.T)
    if not itself:
      squares[np.arange(len(rows)), np.arange(i, i + len(rows))] = np.inf
    chosen = np.argpartition(squares, k - 1, axis=1)[:, :k]
    each = [np.linalg.norm(rows - known[column], axis=-1) for column in chosen.T]
    distances = np.stack(each, 1)
    order = distances.argsort(1)
    found.append([np.take_along_axis(x, order, 1) for x in (distances, chosen)])
  distances, numbers = zip(*found, strict=True)
  return np.concatenate(distances), np.concatenate(numbers)


class Outliers(NamedTuple):
  """The result of `outliers`, for each asked sample."""

  factors: np.ndarray
  """How much sparser the known samples are around it than around its neighbors, `[M]`."""
  distances: np.ndarray
  """Its mean distance to its neighbors, `[M]`."""
  nearest: np.ndarray
  """The number of the nearest known sample, `[M]`."""


def outliers(known: np.ndarray, asked: np.ndarray, k: int = 20) -> Outliers:
  """Return the local outlier factor of each asked sample among known ones.

  N(x) are the k nearest known samples of x, and r(y) is the distance of a known sample to its k-th
  nearest other one:

    reach(x) = mean over y in N(x) of max(|x - y|, r(y))
    factor(x) = reach(x) * mean over y in N(x) of 1 / reach(y)

  It is about 1 where the known samples are as dense as around the neighbors, and higher outside.

  Args:
    known: features `[N, d]`, N > k.
    asked: features `[M, d]`.
    k: number of neighbors, 1 or more.

  Raises:
    ValueError: there are k known samples or fewer, or the widths d differ.

  Example:
    >>> known = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> outliers(known, np.array([[1.5], [9.0]]), k=2).factors.round(2)
    array([0.67, 4.33])

  Reference: Breunig et al., LOF: Identifying Density-Based Local Outliers, 2000.
  """
  checks.features('known', known, k + 1)
  known, asked = checks.pair(known, asked, names=('known', 'asked'))
  own, others = nearest(known, known, k, itself=False)
  distances, numbers = nearest(known, asked, k)
  reach = lambda d, n: np.maximum(d, own[:, -1][n]).mean(1) + TINY
  density = 1 / reach(own, others)
  factors = reach(distances, numbers) * density[numbers].mean(1)
  return Outliers(factors, distances.mean(1), numbers[:, 0])


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
