"""Palettes: exact colors where maps have few, else means, and always the same of the same maps."""

import numpy as np
import pytest

from jaxgan.data import from_arrays, label_maps

COLORS = np.array([[240, 240, 230], [170, 200, 250], [200, 220, 170]], np.uint8)


def maps(count=6, size=16):
  """Maps of three colors: half of the pixels have the first, a third the second."""
  numbers = np.random.default_rng(0).choice(3, (count, size, size), p=[1 / 2, 1 / 3, 1 / 6])
  return COLORS[numbers]


def test_few_colors_are_taken_exactly_the_most_frequent_first():
  found = label_maps.palette(from_arrays(maps()), 3)
  np.testing.assert_array_equal(found.colors, COLORS)
  assert (found.exact, found.covered, found.error) == (True, 1.0, 0.0)
  assert str(found) == '3 colors, which 100.0% of the pixels have exactly'


def test_colors_of_edges_do_not_count():
  """A resized map has mixed colors, a few pixels of each."""
  images = maps()
  images[:, 0, 0] = np.random.default_rng(1).integers(0, 256, (len(images), 3))
  found = label_maps.palette(from_arrays(images), 3)
  np.testing.assert_array_equal(found.colors, COLORS)
  assert found.exact and 0.99 < found.covered < 1


def test_more_labels_than_colors_repeat_the_last():
  found = label_maps.palette(from_arrays(maps()), 5)
  np.testing.assert_array_equal(found.colors, COLORS[[0, 1, 2, 2, 2]])


@pytest.mark.parametrize('channels', [1, 3])
def test_noise_on_colors_is_averaged_away(channels):
  """As JPEG has it: no color is frequent, and the three means are the three colors."""
  true = maps()[..., -channels:]
  noise = np.random.default_rng(2).integers(-9, 10, true.shape)
  noisy = np.clip(true.astype(int) + noise, 0, 255).astype(np.uint8)
  found = label_maps.palette(from_arrays(noisy), 3)
  assert not found.exact or channels == 1
  np.testing.assert_allclose(found.colors, COLORS[:, -channels:], atol=4)
  again = label_maps.palette(from_arrays(noisy), 3)
  np.testing.assert_array_equal(found.colors, again.colors)
  assert 4 < found.error < 7 and 'means of similar colors' in str(found)


def test_a_palette_has_a_color():
  with pytest.raises(ValueError, match='1 label or more, got 0'):
    label_maps.palette(from_arrays(maps()), 0)
