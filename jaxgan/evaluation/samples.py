"""What a network makes of images, in an order that follows from what they show alone."""

import dataclasses
import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from jaxgan import data
from jaxgan.data.source import Source
from jaxgan.evaluation.features import FeatureNetwork
from jaxgan.evaluation.metrics import checks, moments

ROWS = 10_000  # of features that are taken in float64 at a time


@dataclass(frozen=True)
class Sample:
  """What a network makes of images, in an order that follows from what they show alone.

  Scores therefore do not change when the images come in another order: whoever takes some of them
  draws by seed from rows that are the same.

  Attributes:
    features: `[N, d]`.
    logits: `[N, classes]`, of no classes where the network gives none.
    digests: `[N]`, sorted; equal for equal images.
    images: to be read where pixels matter, index by index; None where features were given.
  """

  features: np.ndarray
  logits: np.ndarray
  digests: np.ndarray
  images: Source | None

  def __len__(self) -> int:
    return len(self.digests)

  def some(self, num: int, stream: int) -> np.ndarray:
    """Return which rows stand for all, `[num]`, sorted: all, or drawn by the stream's seed."""
    return drawn(len(self), num, stream)

  def pixels(self, chosen: np.ndarray) -> np.ndarray:
    """Read the pixels of these rows, float64 `[n, pixels]`."""
    assert self.images
    return self.images.images(chosen).reshape(len(chosen), -1).astype(np.float64)


TRAIN, TEST, FAKE = 0, 1, 2
"""Streams of random choices, so that equal sets are not thinned out alike."""


def drawn(count: int, num: int, stream: int) -> np.ndarray:
  """Draw `num` of `count` numbers without repetition, sorted; all of them where num is not less."""
  if num >= count:
    return np.arange(count)
  return np.sort(np.random.default_rng([0, stream]).permutation(count)[:num])


def seen(
  network: FeatureNetwork, images: np.ndarray | Source, num: int | None = None, stream: int = FAKE
) -> Sample:
  """Return what the network makes of images, once for all metrics, for it may be slow.

  Images are read in parts and not kept, so that sets which stream need not fit in memory.

  Args:
    network: the features and logits.
    images: uint8 `[N, S, S, C]`, or a source of them.
    num: how many are drawn of them, by seed; all if not given.
    stream: which seed.
  """
  source = images if isinstance(images, Source) else data.from_arrays(images, identity='given')
  digests = np.concatenate([_digests(part) for part in source.parts()])
  order = np.argsort(digests, kind='stable')
  order = order[drawn(len(order), num or len(order), stream)]
  chosen = dataclasses.replace(
    source, count=len(order), images=lambda indices: source.images(order[indices])
  )
  features, logits = zip(*(network.apply(part) for part in chosen.parts()), strict=True)
  return Sample(np.concatenate(features), np.concatenate(logits), digests[order], chosen)


def given(features: np.ndarray, logits: np.ndarray | None = None) -> Sample:
  """Return a sample of features `[N, d]` (and logits) that someone computed, without images."""
  checks.features('features', features)  # before the rows are sorted, for it names the first
  logits = np.zeros((len(features), 0)) if logits is None else logits
  rows = features.reshape(len(features), -1), logits.reshape(len(features), -1)
  digests = _digests(np.concatenate(rows, 1))
  order = np.argsort(digests, kind='stable')
  return Sample(features[order], logits[order], digests[order], None)


def thinned(sample: Sample, num: int, stream: int = FAKE) -> Sample:
  """Return `num` of a sample, drawn by seed; all where there are no more."""
  return part(sample, sample.some(num, stream))


def _digests(rows: np.ndarray) -> np.ndarray:
  """16 bytes for each row, equal for equal ones."""
  digest = lambda row: hashlib.blake2b(row.tobytes(), digest_size=16).digest()
  return np.array([digest(row) for row in rows], 'S16')


def moments_of(sample: Sample) -> moments.Moments:
  """Return the moments of a sample's features, added up in parts."""
  x = sample.features
  parts = (moments.of(x[i : i + ROWS]) for i in range(0, len(x), ROWS))
  return functools.reduce(moments.merge, parts)


def halves(sample: Sample, stream: int) -> tuple[Sample, Sample]:
  """Return two halves at random, equal but for one image."""
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
