"""What samples show by themselves, and beside real images: numbers for the doctor."""

from typing import NamedTuple

import numpy as np

from jaxgan.evaluation.metrics import neighbors

SIZE = 16
"""Pixels of each side to which images are averaged before they are compared."""
DIRECTIONS = 32
"""Principal directions of real images in which samples are compared with them."""
NEAREST = 3
"""The neighbor whose distance makes the radius of precision and recall."""


class Look(NamedTuple):
  """What samples show. NaN where it needs real images and there are none.

  Args:
    spread: mean distance of two samples, over that of two real images; without real images over
      the distance of two images of independent pixels with the same deviation.
    contrast: standard deviation of all values.
    extreme: share of values beyond 0.98 of -1 to 1, less that of real images.
    checker: strength of the pattern with a period of two pixels, over that in real images.
    grain: energy of differences between neighboring pixels, relative to the deviation, over that
      of real images; noise has a high one.
    precision: share of samples that lie among real images.
    recall: share of real images that lie among samples.
    coverage: share of real images that have a sample nearby.
    nearness: median distance of a sample to its nearest training image, over that of a real image
      to its nearest other one.
    real_contrast: the contrast of real images.
    distinct: number of different images among those real images.
    real_recall: recall of another part of the real images, the best that can be reached.
  """

  spread: float
  contrast: float
  extreme: float
  checker: float
  grain: float
  precision: float = np.nan
  recall: float = np.nan
  coverage: float = np.nan
  nearness: float = np.nan
  real_contrast: float = np.nan
  real_recall: float = np.nan
  distinct: float = np.nan


def look(fake: np.ndarray, real: np.ndarray | None = None) -> Look:
  """Measure samples, `[n, H, W, C]` in [-1, 1], beside real images of the same shape if given.

  Args:
    fake: samples, two or more.
    real: training images.
  """
  fake = np.nan_to_num(fake.astype(np.float64), nan=0.0, posinf=1.0, neginf=-1.0)
  alone = Look(
    spread=_distance(fake) / max(np.sqrt(2 * fake[0].size) * fake.std(), 1e-9),
    contrast=float(fake.std()),
    extreme=_extreme(fake),
    checker=_checker(fake),
    grain=_grain(fake),
  )
  if real is None or len(real) < 2:
    return alone
  real = real.astype(np.float64)
  beside = alone._replace(
    spread=_distance(fake) / max(_distance(real), 1e-9),
    extreme=alone.extreme - _extreme(real),
    checker=alone.checker / max(_checker(real), 1e-3),
    grain=alone.grain / max(_grain(real), 1e-3),
    real_contrast=float(real.std()),
    distinct=float(len(np.unique(real.reshape(len(real), -1), axis=0))),
  )
  return _compared(beside, fake, real)


def _compared(found: Look, fake: np.ndarray, real: np.ndarray) -> Look:
  """Add what distances to the nearest images tell."""
  rows = _rows(np.concatenate([real, fake]))
  real_rows, fake_rows = _directions(rows[: len(real)], rows[len(real) :])
  own = _nearest(real_rows, real_rows, skip=True)
  found = found._replace(
    nearness=float(np.median(_nearest(fake_rows, real_rows)) / max(np.median(own), 1e-9))
  )
  half = min(len(real) // 2, len(fake))
  if half <= NEAREST:
    return found
  first, second = real_rows[0::2][:half], real_rows[1::2][:half]  # as they are ordered
  among = neighbors.prdc(first, fake_rows[:half], NEAREST)
  best = neighbors.prdc(first, second, NEAREST)
  return found._replace(
    precision=float(among.precision),
    recall=float(among.recall),
    coverage=float(among.coverage),
    real_recall=float(best.recall),
  )


def _distance(images: np.ndarray) -> float:
  """Return the mean distance of two images, from each to the next few."""
  rows = images.reshape(len(images), -1)
  shifts = range(1, min(len(rows), 6))
  return float(np.mean([np.linalg.norm(rows - np.roll(rows, s, 0), axis=1).mean() for s in shifts]))


def _extreme(images: np.ndarray) -> float:
  return float((np.abs(images) > 0.98).mean())


def _checker(images: np.ndarray) -> float:
  """Return how much of the deviation repeats with a period of two pixels over a whole image."""
  height, width = (side // 2 * 2 for side in images.shape[1:3])
  x = images[:, :height, :width] - images.mean((1, 2), keepdims=True)
  rows, columns = (-1.0) ** np.arange(height), (-1.0) ** np.arange(width)
  waves = (rows[:, None] * columns, rows[:, None] * np.ones(width), np.ones((height, 1)) * columns)
  strength = sum(np.abs((x * wave[None, ..., None]).mean((1, 2))).mean() for wave in waves)
  return float(strength / max(images.std(), 1e-6))


def _grain(images: np.ndarray) -> float:
  steps = (np.diff(images, axis=1) ** 2).mean() + (np.diff(images, axis=2) ** 2).mean()
  return float(steps / max(2 * images.var(), 1e-9))


def _rows(images: np.ndarray) -> np.ndarray:
  """Return images as rows, averaged over boxes to about `SIZE` pixels a side."""
  factor = max(1, images.shape[1] // SIZE)
  n, height, width, channels = images.shape
  height, width = height // factor, width // factor
  x = images[:, : height * factor, : width * factor]
  x = x.reshape(n, height, factor, width, factor, channels).mean((2, 4))
  return x.reshape(n, -1)


def _directions(real: np.ndarray, fake: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Return both in the principal directions of the real ones."""
  mean = real.mean(0)
  _, _, axes = np.linalg.svd(real - mean, full_matrices=False)
  axes = axes[:DIRECTIONS].T
  return (real - mean) @ axes, (fake - mean) @ axes


def _nearest(x: np.ndarray, y: np.ndarray, *, skip: bool = False) -> np.ndarray:
  """Return the distance of each row of x to the nearest row of y; `skip` its own place."""
  apart = np.maximum((x**2).sum(1)[:, None] + (y**2).sum(1)[None] - 2 * x @ y.T, 0)
  if skip:
    np.fill_diagonal(apart, np.inf)
  return np.sqrt(apart.min(1))
