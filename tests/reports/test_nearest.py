"""The nearest training image is the nearest, and copies are seen."""

import dataclasses

import numpy as np
import pytest

from jaxgan import data
from jaxgan.reports import nearest


@pytest.fixture(scope='module')
def source():
  random = np.random.default_rng(0)
  smooth = random.integers(0, 256, (50, 4, 4, 1)).astype(np.uint8)
  return data.from_arrays(smooth.repeat(5, 1).repeat(5, 2))  # 20 x 20 pixels


def test_copies_are_found_at_distance_zero(source):
  found = nearest.nearest(source.images(np.array([7, 3, 49])), source)
  np.testing.assert_array_equal(found.training, found.samples)
  assert (found.distances < 1e-3).all() and found.usual > 0.1
  assert found.searched == found.of == 50


def test_distances_are_those_of_the_averaged_pixels(source):
  sample = np.full((1, 20, 20, 1), 255, np.uint8)
  found = nearest.nearest(sample, source)
  every = nearest.described(source.all())
  direct = np.sqrt(((every - 1) ** 2).mean(1))
  assert found.distances[0] == pytest.approx(direct.min(), abs=1e-5)
  np.testing.assert_array_equal(found.training[0], source.all()[direct.argmin()])


@pytest.mark.parametrize('size', [4, 16, 20, 32, 33])
def test_a_description_averages_blocks(size):
  images = np.random.default_rng(0).integers(0, 256, (3, size, size, 2)).astype(np.uint8)
  rows = nearest.described(images)
  assert rows.shape == (3, min(size, 16) ** 2 * 2)
  np.testing.assert_allclose(rows.mean(1), images.mean((1, 2, 3)) / 255, atol=1e-5)
  if size == 32:
    blocks = images.reshape(3, 16, 2, 16, 2, 2).mean((2, 4)) / 255
    np.testing.assert_allclose(rows, blocks.reshape(3, -1), atol=1e-6)


def test_a_large_set_is_searched_in_part(source, monkeypatch):
  monkeypatch.setattr(nearest, 'MOST', 10)
  read = []
  watched = dataclasses.replace(source, images=lambda i: read.extend(i) or source.images(i))
  found = nearest.nearest(source.images(np.arange(2)), watched)
  assert (found.searched, found.of) == (10, 50) and len(set(read)) == 10


def test_images_of_another_size_are_refused(source):
  with pytest.raises(ValueError, match='20, 20, 1'):
    nearest.nearest(np.zeros((1, 8, 8, 1), np.uint8), source)
