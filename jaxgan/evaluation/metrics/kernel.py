"""The kernel distance: the squared maximum mean discrepancy of a cubic kernel, without bias."""

import numpy as np

from jaxgan.evaluation.metrics import checks


def distance(real: np.ndarray, fake: np.ndarray) -> float:
  """MMD^2 under k(a, b) = (a . b / d + 1)^3, its unbiased estimate, which may be below 0.

  mean of k(x, x') + mean of k(y, y') - 2 mean of k(x, y), pairs of one sample with itself left out.

  References: Binkowski et al., Demystifying MMD GANs, 2018.
  """
  real, fake = checks.pair(real, fake, 2)
  inside = sum(_others_mean(_kernel(x, x)) for x in (real, fake))
  return float(inside - 2 * _kernel(real, fake).mean())


def in_subsets(
  real: np.ndarray, fake: np.ndarray, *, subsets: int = 100, size: int = 1000, seed: int = 2020
) -> tuple[float, float]:
  """Mean and deviation of `distance` over random subsets of `size`, drawn as torch-fidelity does.

  The deviation is no interval of confidence: subsets overlap. Repeat with other generator seeds.

  Raises:
    ValueError: fewer rows than `size`.
  """
  real, fake = checks.pair(real, fake, size)
  random = np.random.RandomState(seed)
  draw = lambda x: x[random.choice(len(x), size, replace=False)]
  values = []
  for _ in range(subsets):
    chosen = draw(fake), draw(real)  # in this order, for numbers that can be compared
    values.append(distance(chosen[1], chosen[0]))
  return float(np.mean(values)), float(np.std(values))


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
  return (a @ b.T / a.shape[1] + 1) ** 3


def _others_mean(gram: np.ndarray) -> float:
  n = len(gram)
  return (gram.sum() - np.trace(gram)) / (n * (n - 1))
