"""Counts of the modes found: of mixtures of Gaussians in the plane, and of stacked digits."""

from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from jaxgan.evaluation.metrics import checks

NEAR = 3.0  # standard deviations from a mode
CEILING = 1 - np.exp(-(NEAR**2) / 2)
"""The share of high quality of an ideal sampler, 0.98889; a higher one means too little spread."""


class Modes(NamedTuple):
  """The result of `mixture`.

  Attributes:
    found: the number of modes with a sample of high quality.
    high_quality: the share of samples of high quality.
    reverse_kl: KL(fake | uniform) over the modes.
    spread: the samples' standard deviation within a mode, divided by that of the data.
  """

  found: int
  high_quality: float
  reverse_kl: float
  spread: float


def mixture(samples: np.ndarray, means: np.ndarray, std: float) -> Modes:
  """Count the modes of a mixture of M equal round Gaussians that samples reach.

  A sample is of high quality if it lies within three standard deviations of the nearest mean. Only
  such samples count for the modes and for the divergence sum_m p_m log(p_m M). The spread is a
  median over the modes with two samples or more. An ideal sampler has 0.98, because the tails are
  cut; 0 means that each mode is a single point.

  Args:
    samples: `[N, 2]`.
    means: the means of the Gaussians, `[M, 2]`.
    std: the standard deviation of each.

  Raises:
    ValueError: the widths differ, or a number is not finite.

  References: Lin et al., PacGAN, 2018 (its protocol, but for the spread).
  """
  samples, means = checks.pair(samples, means, names=('samples', 'means'))
  distances = cdist(samples, means)
  nearest, near = distances.argmin(1), distances.min(1) < NEAR * std
  counts = np.bincount(nearest[near], minlength=len(means))
  inside = [samples[near & (nearest == m)] for m in np.flatnonzero(counts > 1)]
  spreads = [np.sqrt(x.var(0, ddof=1).mean()) / std for x in inside]
  spread = float(np.median(spreads)) if spreads else 0.0
  return Modes(int((counts > 0).sum()), float(near.mean()), divergence(counts), spread)


class Stacked(NamedTuple):
  """The result of `stacked`.

  Attributes:
    found: the number of combinations of digits found, at most 1000.
    reverse_kl: KL(fake | uniform) over the combinations.
    floor: the `reverse_kl` of an ideal sampler.
  """

  found: int
  reverse_kl: float
  floor: float


def stacked(digits: np.ndarray) -> Stacked:
  """Count the combinations of three digits that samples reach.

  The floor is (M - 1) / 2N with M = 1000: 0.0192 for the usual N = 26 000.

  Args:
    digits: `[N, 3]` from 0 to 9, as a classifier reads the three channels.

  Raises:
    ValueError: the shape is another, or a value is not a digit.

  References: Metz et al., Unrolled GANs, 2017; Lin et al., PacGAN, 2018.
  """
  digits = np.asarray(digits)
  if digits.ndim != 2 or digits.shape[1] != 3 or digits.min() < 0 or digits.max() > 9:
    raise ValueError(f'expected digits 0 to 9, [N, 3], got {digits.dtype}{list(digits.shape)}')
  counts = np.bincount(digits @ np.array([100, 10, 1]), minlength=1000)
  return Stacked(int((counts > 0).sum()), divergence(counts), 999 / (2 * len(digits)))


def divergence(counts: np.ndarray) -> float:
  """Return KL(p | uniform) = sum p log(p M) of counts `[M]`; infinite if all counts are 0."""
  if not counts.sum():
    return float('inf')
  p = counts[counts > 0] / counts.sum()
  return float((p * np.log(p * len(counts))).sum())
