"""The nearest training images of samples, in pixels: do samples repeat what the critic saw?"""

import math
from typing import NamedTuple

import numpy as np

from jaxgan.data.source import Source

SIDE = 16  # pixels on a side at which images are compared
PAIRS = 12
MOST = 20_000  # training images that are searched
BYTES = 2**28  # of training images that are searched
PART = 1024


class Nearest(NamedTuple):
  """Samples and their nearest training images.

  Attributes:
    samples: uint8 `[n, H, W, C]`.
    training: the nearest training image of each, uint8 `[n, H, W, C]`.
    distances: root of the mean squared difference of pixels from 0 to 1, `[n]`.
    usual: the median distance of training images to the nearest other training image.
    searched: the number of training images that were searched.
    of: the number of training images.
  """

  samples: np.ndarray
  training: np.ndarray
  distances: np.ndarray
  usual: float
  searched: int
  of: int


def nearest(samples: np.ndarray, source: Source) -> Nearest:
  """Find the nearest training image of each sample.

  Images are averaged over blocks of pixels to at most 16 x 16, so that small shifts count little.
  A large data set is searched in part; the part is always the same.

  Args:
    samples: uint8 `[n, H, W, C]`, of the source's size.
    source: the training images.

  Raises:
    ValueError: the samples have another size or other channels than the training images.
  """
  if samples.shape[1:] != source.spec.shape:
    raise ValueError(f'samples are {samples.shape[1:]}, training images {source.spec.shape}')
  count = min(len(source), MOST, max(BYTES // math.prod(source.spec.shape), 2))
  order = np.sort(np.random.default_rng(0).permutation(len(source))[:count])
  parts = np.split(order, range(PART, count, PART))
  rows = np.concatenate([described(source.images(part)) for part in parts])
  found, distances = _closest(described(samples), rows)
  some = np.random.default_rng(1).permutation(count)[:64]
  usual = float(np.median(_closest(rows[some], rows, apart=some)[1])) if count > 1 else math.nan
  training = source.images(order[found])
  return Nearest(samples, training, distances, usual, count, len(source))


def described(images: np.ndarray) -> np.ndarray:
  """Return images as rows of averages over blocks of pixels, from 0 to 1, float32 `[n, d]`."""
  size = images.shape[1]
  edges = np.linspace(0, size, min(size, SIDE) + 1)
  pixels = np.arange(size)
  overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
  weights = np.clip(overlap, 0, None).astype(np.float32)
  weights /= 255 * weights.sum(1, keepdims=True)
  across = np.tensordot(weights, images.astype(np.float32), (1, 1))  # [h, n, W, C]
  both = np.tensordot(255 * weights, across, (1, 2))  # [w, h, n, C]
  return both.transpose(2, 1, 0, 3).reshape(len(images), -1)


def _closest(
  rows: np.ndarray, among: np.ndarray, apart: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
  """Return the nearest of `among` for each row, and the distance; never the one of `apart`."""
  squares = (rows**2).sum(1)[:, None] + (among**2).sum(1) - 2 * rows @ among.T
  if apart is not None:
    squares[np.arange(len(rows)), apart] = np.inf
  found = squares.argmin(1)
  difference = rows - among[found]
  return found, np.sqrt((difference**2).mean(1))
