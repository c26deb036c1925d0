"""How many modes are found: of mixtures of Gaussians in the plane, and of stacked digits."""

from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from jaxgan.evaluation.metrics import checks

NEAR = 3.0  # deviations from a mode
CEILING = 1 - np.exp(-(NEAR**2) / 2)
"""The share of high quality of an ideal sampler of the plane, 0.98889; above it spread was lost."""


class Modes(NamedTuple):
  """Modes with a sample near, share of samples near one, KL(fake | uniform), spread by the real."""

  found: int
  high_quality: float
  reverse_kl: float
  spread: float


def mixture(samples: np.ndarray, means: np.ndarray, deviation: float) -> Modes:
  """Samples `[N, 2]` of a mixture of equal round Gaussians with these means `[M, 2]`.

  A sample is of high quality within three deviations of the nearest mean; only such are counted for
  modes and for the divergence sum_m p_m log(p_m M). spread: the deviation within a mode over that
  of the data, the median over modes found with two samples or more (0.98 of an ideal sampler, since
  the tails are cut; 0 is a mode that is a point).

  References: Lin et al., PacGAN, 2018 (its protocol, but for the spread).
  """
  samples, means = checks.pair(samples, means)
  distances = cdist(samples, means)
  nearest, near = distances.argmin(1), distances.min(1) < NEAR * deviation
  counts = np.bincount(nearest[near], minlength=len(means))
  inside = [samples[near & (nearest == m)] for m in np.flatnonzero(counts > 1)]
  spreads = [np.sqrt(x.var(0, ddof=1).mean()) / deviation for x in inside]
  spread = float(np.median(spreads)) if spreads else 0.0
  return Modes(int((counts > 0).sum()), float(near.mean()), divergence(counts), spread)


class Stacked(NamedTuple):
  """Combinations of digits found, of 1000; KL(fake | uniform), and what an ideal sampler has."""

  found: int
  reverse_kl: float
  floor: float


def stacked(digits: np.ndarray) -> Stacked:
  """Digits `[N, 3]` from 0 to 9, as a classifier reads the three channels.

  The floor is (M - 1) / 2N, of M = 1000: 0.0192 for the usual N = 26 000.

  References: Metz et al., Unrolled GANs, 2017; Lin et al., PacGAN, 2018.

  Raises:
    ValueError: what is not a digit.
  """
  digits = np.asarray(digits)
  if digits.ndim != 2 or digits.shape[1] != 3 or digits.min() < 0 or digits.max() > 9:
    raise ValueError(f'expected digits 0 to 9, [N, 3], got {digits.dtype}{list(digits.shape)}')
  counts = np.bincount(digits @ np.array([100, 10, 1]), minlength=1000)
  return Stacked(int((counts > 0).sum()), divergence(counts), 999 / (2 * len(digits)))


def divergence(counts: np.ndarray) -> float:
  """KL(p | uniform) = sum p log(p M) of counts `[M]`; infinite where nothing was counted."""
  if not counts.sum():
    return float('inf')
  p = counts[counts > 0] / counts.sum()
  return float((p * np.log(p * len(counts))).sum())
