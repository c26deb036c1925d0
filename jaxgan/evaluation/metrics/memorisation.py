"""Whether samples are copies of the images trained on."""

from typing import NamedTuple

import numpy as np

from jaxgan.evaluation.metrics import checks
from jaxgan.evaluation.metrics.neighbours import metric, radii


class Memorisation(NamedTuple):
  """Shares; `threshold` is what `nearer_to_train` exceeds by chance once in forty."""

  nearer_to_train: float
  threshold: float
  median_ratio: float
  authentic: float
  copies: float

  @property
  def flagged(self) -> bool:
    """Whether samples lie nearer to the training images than chance has it."""
    return self.nearer_to_train > self.threshold


def memorisation(fake: np.ndarray, train: np.ndarray, held_out: np.ndarray) -> Memorisation:
  """Compares the way to training images with that to as many held out; each `[N, pixels]`.

  nearer_to_train: share of samples nearer to train than to held_out (ties half), 0.5 if none is
  learnt by heart; median_ratio: of the two distances; authentic: share of samples farther from
  their training image than that is from its nearest fellow; copies: share at no distance.

  References: Alaa et al., How Faithful is your Synthetic Data?, 2022 (authenticity).

  Raises:
    ValueError: unequally many training and held-out images, which would decide by themselves.
  """
  train, fake = checks.pair(train, fake, 2)
  held_out, fake = checks.pair(held_out, fake, 2)
  if len(train) != len(held_out):
    raise ValueError(
      f'expected equally many images of train and held_out, got {len(train)} and {len(held_out)}'
    )
  between = metric(fake, train, held_out)
  distances = between(fake, train)
  near, far = distances.min(1), between(fake, held_out).min(1)
  fellow = radii(train, 1)[distances.argmin(1)]
  return Memorisation(
    nearer_to_train=float(np.mean((near < far) + 0.5 * (near == far))),
    threshold=float(0.5 + 1.96 * 0.5 / np.sqrt(len(fake))),
    median_ratio=float(np.median(near / np.maximum(far, 1e-9))),
    authentic=float(np.mean(near > fellow)),
    copies=float(np.mean(near < 1e-6)),
  )
