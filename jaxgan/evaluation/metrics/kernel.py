"""The kernel distance: an unbiased estimate of the squared MMD with a cubic kernel."""

import numpy as np

from jaxgan.evaluation.metrics import checks


def distance(real: np.ndarray, fake: np.ndarray) -> float:
  """Return the unbiased estimate of the squared maximum mean discrepancy; it may be below 0.

  MMD^2 = mean k(x, x') + mean k(y, y') - 2 mean k(x, y),  k(a, b) = (a . b / d + 1)^3

  Pairs of a sample with itself do not count.

  Args:
    real: features x, `[N, d]`, N of 2 or more.
    fake: features y, `[M, d]`, M of 2 or more.

  Raises:
    ValueError: there are too few rows, or the widths d differ.

  References: Binkowski et al., Demystifying MMD GANs, 2018.
  """
  real, fake = checks.pair(real, fake, 2)
  inside = sum(_others_mean(_kernel(x, x)) for x in (real, fake))
  return float(inside - 2 * _kernel(real, fake).mean())


def in_subsets(
  real: np.ndarray, fake: np.ndarray, *, subsets: int = 100, size: int = 1000, seed: int = 2020
) -> tuple[float, float]:
  """Return the mean and standard deviation of `distance` over random subsets.

  The subsets are those of torch-fidelity. They overlap, so the standard deviation gives no
  confidence interval: for that, repeat with other seeds of the generator.

  Args:
    real: features `[N, d]`.
    fake: features `[M, d]`.
    subsets: the number of subsets.
    size: rows in a subset of each, at most N and M.
    seed: the seed of the subsets.

  Raises:
    ValueError: there are fewer rows than `size`.
  """
  real, fake = checks.pair(real, fake, size)
  random = np.random.RandomState(seed)
  draw = lambda x: x[random.choice(len(x), size, replace=False)]
  values = []
  for _ in range(subsets):
    chosen = draw(fake), draw(real)  # in the order of torch-fidelity, to draw the same subsets
    values.append(distance(chosen[1], chosen[0]))
  return float(np.mean(values)), float(np.std(values))


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
  return (a @ b.T / a.shape[1] + 1) ** 3


def _others_mean(gram: np.ndarray) -> float:
  n = len(gram)
  return (gram.sum() - np.trace(gram)) / (n * (n - 1))
