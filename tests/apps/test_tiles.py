import itertools

import chex
import numpy as np
import pytest

from jaxgan.apps.tiles import fitted, ramp, starts, through


def image(*shape):
  return np.random.default_rng(0).random((1, *shape, 3), np.float32)


def larger(x):
  return x.repeat(2, 1).repeat(2, 2)


def average(x):
  """Of 3x3 neighbors, reflected: it sees one pixel beyond."""
  wide = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode='symmetric')
  return (
    sum(wide[:, i : i + x.shape[1], j : j + x.shape[2]] for i in range(3) for j in range(3)) / 9
  )


@pytest.mark.parametrize('shape', [(5, 7), (16, 16), (40, 9), (33, 50)])
@pytest.mark.parametrize('tile', [0, 16])
def test_tiles_change_nothing_that_looks_no_further(shape, tile):
  x = image(*shape)
  made = through(larger, x, scale=2, multiple=4, smallest=8, tile=tile, overlap=4)
  chex.assert_trees_all_close(made, larger(x), atol=1e-6)


def test_what_looks_beyond_a_tile_differs_at_seams_by_less_than_without_overlap():
  x, seen = image(64, 64), []

  def noted(x):
    seen.append(x.shape)
    return average(x)

  apart = [
    np.abs(through(noted, x, tile=24, overlap=overlap) - average(x)).max() for overlap in (0, 8)
  ]
  assert apart[1] < apart[0] / 3
  assert set(seen) == {(1, 24, 24, 3)}  # one size, which compiles once


def test_sizes_are_filled_up_by_reflection():
  seen = []
  made = through(lambda x: seen.append(x) or x, image(5, 7), multiple=4, smallest=6)
  assert seen[0].shape == (1, 8, 8, 3) and made.shape == (1, 5, 7, 3)
  chex.assert_trees_all_equal(seen[0][:, 5:], seen[0][:, 4:1:-1])


def test_tiles_cover_everything_and_share_what_they_should():
  for size in range(1, 80):
    begun = starts(size, 16, 5)
    covered = {i for start in begun for i in range(start, start + 16)}
    assert set(range(size)) <= covered
    assert all(b - a <= 11 for a, b in itertools.pairwise(begun))
    assert size <= 16 or max(covered) == size - 1
  chex.assert_trees_all_close(ramp(6, 2), np.array([7, 20, 27, 27, 20, 7]) / 27)


def test_tiles_are_as_small_as_their_number_allows():
  for size in range(17, 200):
    side = fitted(size, 16, 4, 1)
    assert side <= 16 and len(starts(size, side, 4)) == len(starts(size, 16, 4))
    assert side == 1 or len(starts(size, side - 1, 4)) > len(starts(size, side, 4))
  assert fitted(12, 16, 4, 1) == 12 and fitted(100, 64, 16, 16) == 64  # 58, rounded up


def test_little_is_computed_twice():
  seen = []
  through(lambda x: seen.append(x.shape) or x, image(256, 256), tile=128, overlap=16)
  assert seen == 9 * [(1, 96, 96, 3)]
  seen.clear()
  through(lambda x: seen.append(x.shape) or x, image(70, 40), smallest=40, tile=64, overlap=4)
  assert set(seen) == {(1, 48, 40, 3)}  # never smaller than the network takes


@pytest.mark.parametrize('tile, overlap', [(4, 0), (16, 8), (16, -1)])
def test_impossible_tiles_are_refused(tile, overlap):
  with pytest.raises(ValueError, match='give larger tiles'):
    through(larger, image(40, 40), scale=2, smallest=8, tile=tile, overlap=overlap)
