"""Samples: the features and logits of images, in an order that depends on the images alone."""

import dataclasses
import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from jaxgan import data
from jaxgan.core import progress
from jaxgan.data.source import Source
from jaxgan.evaluation.features import FeatureNetwork
from jaxgan.evaluation.metrics import checks, moments

ROWS = 10_000  # rows of features that are converted to float64 at a time


@dataclass(frozen=True)
class Sample:
  """The features and logits of images, sorted by the images' digests.

  Scores therefore do not change when the images come in another order: a random choice with a
  given seed takes the same rows.

  Attributes:
    features: `[N, d]`.
    logits: `[N, classes]`; `[N, 0]` where the network has no logits.
    digests: a hash of each image, `[N]`, sorted; equal images have equal digests.
    images: the source of the images, for metrics of pixels; None where only features are known.
  """

  features: np.ndarray
  logits: np.ndarray
  digests: np.ndarray
  images: Source | None

  def __len__(self) -> int:
    return len(self.digests)

  def some(self, num: int, stream: int) -> np.ndarray:
    """Draw `num` row numbers with the stream's seed and sort them; all if there are fewer."""
    return drawn(len(self), num, stream)

  def pixels(self, chosen: np.ndarray) -> np.ndarray:
    """Read the pixels of these rows, float64 `[n, pixels]`."""
    assert self.images
    return self.images.images(chosen).reshape(len(chosen), -1).astype(np.float64)


TRAIN, TEST, FAKE = 0, 1, 2
"""Streams of random choices: of equal sets, different streams choose different rows."""


def drawn(count: int, num: int, stream: int) -> np.ndarray:
  """Draw `num` different numbers below `count` and sort them; all if `num` is not smaller."""
  if num >= count:
    return np.arange(count)
  return np.sort(np.random.default_rng([0, stream]).permutation(count)[:num])


def seen(
  network: FeatureNetwork, images: np.ndarray | Source, num: int | None = None, stream: int = FAKE
) -> Sample:
  """Return the features and logits of images, computed once for all metrics.

  Images are read in parts and not kept in memory, so that large data sets work.

  Args:
    network: the feature network.
    images: uint8 `[N, S, S, C]`, or a source of them.
    num: how many images to draw at random; None: all.
    stream: the seed of this choice.
  """
  source = images if isinstance(images, Source) else data.from_arrays(images, identity='given')
  digests = np.concatenate(
    [_digests(part) for part in progress.over(source.parts(), 'reading of images, part')]
  )
  order = np.argsort(digests, kind='stable')
  order = order[drawn(len(order), num or len(order), stream)]
  chosen = dataclasses.replace(
    source, count=len(order), images=lambda indices: source.images(order[indices])
  )
  parts = progress.over(chosen.parts(), 'features of images, part')
  features, logits = zip(*(network.apply(part) for part in parts), strict=True)
  return Sample(np.concatenate(features), np.concatenate(logits), digests[order], chosen)


def given(features: np.ndarray, logits: np.ndarray | None = None) -> Sample:
  """Return a sample of features `[N, d]` and logits computed elsewhere, without images."""
  checks.features('features', features)  # before sorting: an error names the first wrong row
  logits = np.zeros((len(features), 0)) if logits is None else logits
  rows = features.reshape(len(features), -1), logits.reshape(len(features), -1)
  digests = _digests(np.concatenate(rows, 1))
  order = np.argsort(digests, kind='stable')
  return Sample(features[order], logits[order], digests[order], None)


def thinned(sample: Sample, num: int, stream: int = FAKE) -> Sample:
  """Return `num` rows of a sample, drawn with the stream's seed; all rows if there are fewer."""
  return part(sample, sample.some(num, stream))


def _digests(rows: np.ndarray) -> np.ndarray:
  """Return 16 bytes for each row; equal rows have equal bytes."""
  digest = lambda row: hashlib.blake2b(row.tobytes(), digest_size=16).digest()
  return np.array([digest(row) for row in rows], 'S16')


def moments_of(sample: Sample) -> moments.Moments:
  """Return the moments of a sample's features, computed in parts to save memory."""
  x = sample.features
  parts = (moments.of(x[i : i + ROWS]) for i in range(0, len(x), ROWS))
  return functools.reduce(moments.merge, parts)


def halves(sample: Sample, stream: int) -> tuple[Sample, Sample]:
  """Split a sample at random into two halves, whose sizes differ by one image at most."""
  half = sample.some(len(sample) // 2, stream)
  return part(sample, half), part(sample, np.setdiff1d(np.arange(len(sample)), half))


def part(sample: Sample, chosen: np.ndarray) -> Sample:
  """Return these rows of a sample."""
  images = sample.images and dataclasses.replace(
    sample.images, count=len(chosen), images=lambda i: _images(sample)(chosen[i])
  )
  return Sample(sample.features[chosen], sample.logits[chosen], sample.digests[chosen], images)


def _images(sample: Sample) -> Callable[[np.ndarray], np.ndarray]:
  assert sample.images
  return sample.images.images
