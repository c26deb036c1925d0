"""Memorization: tests whether samples are copies of training images."""

from typing import NamedTuple

import numpy as np

from jaxgan.evaluation.metrics import checks
from jaxgan.evaluation.metrics.neighbors import metric, radii


class Memorization(NamedTuple):
  """The result of `memorization`.

  Attributes:
    nearer_to_train: the share of samples nearer to a training image than to any held-out image.
    threshold: what `nearer_to_train` exceeds by chance in one of forty cases.
    median_ratio: the median of distance to train / distance to held-out.
    authentic: the share of samples farther from their nearest training image than that image is
      from its nearest training image.
    copies: the share of samples at distance 0 from a training image.
  """

  nearer_to_train: float
  threshold: float
  median_ratio: float
  authentic: float
  copies: float

  @property
  def flagged(self) -> bool:
    """Return whether samples lie nearer to the training images than chance explains."""
    return self.nearer_to_train > self.threshold


def memorization(fake: np.ndarray, train: np.ndarray, held_out: np.ndarray) -> Memorization:
  """Compare the samples' distances to training images with those to held-out images.

  A generator that memorized nothing has a `nearer_to_train` of 0.5; equal distances count half.

  Args:
    fake: samples `[N, pixels]`.
    train: training images `[M, pixels]`.
    held_out: held-out images `[M, pixels]`.

  Raises:
    ValueError: the numbers of training and held-out images differ, which would change the result.

  References: Alaa et al., How Faithful is your Synthetic Data?, 2022 (authenticity).
  """
  train, fake = checks.pair(train, fake, 2, ('train', 'fake'))
  held_out, fake = checks.pair(held_out, fake, 2, ('held_out', 'fake'))
  if len(train) != len(held_out):
    raise ValueError(
      f'expected equally many images of train and held_out, got {len(train)} and {len(held_out)}'
    )
  between = metric(fake, train, held_out)
  distances = between(fake, train)
  near, far = distances.min(1), between(fake, held_out).min(1)
  fellow = radii(train, 1)[distances.argmin(1)]
  return Memorization(
    nearer_to_train=float(np.mean((near < far) + 0.5 * (near == far))),
    threshold=float(0.5 + 1.96 * 0.5 / np.sqrt(len(fake))),
    median_ratio=float(np.median(near / np.maximum(far, 1e-9))),
    authentic=float(np.mean(near > fellow)),
    copies=float(np.mean(near < 1e-6)),
  )
