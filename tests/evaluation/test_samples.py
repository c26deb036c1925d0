"""A sample is the same in whatever order its images come."""

import numpy as np
import pytest

from jaxgan import data
from jaxgan.evaluation import samples
from jaxgan.evaluation.features import FeatureNetwork
from jaxgan.evaluation.metrics import moments

IMAGES = np.random.default_rng(0).integers(0, 256, (90, 8, 8, 1)).astype(np.uint8)
IMAGES[60:] = IMAGES[:30]  # some of them twice


def rows(images):
  flat = images.reshape(len(images), -1).astype(np.float64)
  return flat[:, :6], flat[:, :2]


NETWORK = FeatureNetwork('rows', 'hash', '', rows)


def same(a, b):
  for one, other in ((a.features, b.features), (a.logits, b.logits), (a.digests, b.digests)):
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize('num', [None, 40])
def test_the_order_of_images_does_not_matter(num):
  shuffled = np.random.default_rng(1).permutation(IMAGES)
  first, second = (samples.seen(NETWORK, x, num) for x in (IMAGES, shuffled))
  same(first, second)
  assert len(first) == (num or 90)
  np.testing.assert_array_equal(first.images.all(), second.images.all())


def test_features_belong_to_the_images_at_the_same_place():
  sample = samples.seen(NETWORK, data.from_arrays(IMAGES), 50)
  np.testing.assert_array_equal(rows(sample.images.all())[0], sample.features)
  part = samples.part(sample, np.array([7, 3]))
  np.testing.assert_array_equal(rows(part.images.all())[0], sample.features[[7, 3]])
  np.testing.assert_array_equal(part.pixels(np.array([1]))[0, :6], sample.features[3])


def test_given_features_have_an_order_of_their_own():
  x = np.random.default_rng(2).normal(size=(20, 3))
  same(samples.given(x), samples.given(x[::-1]))
  with pytest.raises(ValueError, match='first 7'):
    samples.given(np.where(np.arange(20)[:, None] == 7, np.nan, x))


def test_every_image_is_drawn_equally_often():
  """Also equal ones, each for itself; another stream draws others."""
  times = np.zeros(90)
  for stream in range(600):
    chosen = samples.drawn(90, 30, stream)
    assert len(set(chosen.tolist())) == 30 and (np.diff(chosen) > 0).all()
    times[chosen] += 1
  assert abs(times / 600 - 1 / 3).max() < 0.09
  np.testing.assert_array_equal(samples.drawn(5, 9, 0), np.arange(5))


def test_halves_share_no_image():
  sample = samples.seen(NETWORK, IMAGES[:41])
  one, other = samples.halves(sample, samples.TRAIN)
  assert (len(one), len(other)) == (20, 21)
  np.testing.assert_array_equal(np.sort([*one.digests, *other.digests]), sample.digests)


def test_moments_are_added_up_in_parts(monkeypatch):
  sample = samples.seen(NETWORK, IMAGES)
  whole = moments.of(sample.features)
  monkeypatch.setattr(samples, 'ROWS', 40)
  parts = samples.moments_of(sample)
  assert parts.n == whole.n == 90
  np.testing.assert_allclose(parts.mean, whole.mean, rtol=1e-12)
  np.testing.assert_allclose(parts.scatter, whole.scatter, rtol=1e-9)
