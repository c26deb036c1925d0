"""The mixtures of the plane: their modes, by closed forms."""

import numpy as np
import pytest
import tensorflow_datasets as tfds

from jaxgan import data
from jaxgan.data import mixtures


@pytest.mark.parametrize(('name', 'count'), [('ring8', 8), ('grid25', 25)])
def test_modes_are_as_stated(name, count):
  means, std = mixtures.MIXTURES[name]()
  assert len(np.unique(means.round(9), axis=0)) == count  # the ring leaves out the circle's end
  points, modes = mixtures.draw(name, 'train')
  for mode in range(count):
    inside = points[modes == mode]
    error = std / np.sqrt(len(inside))
    np.testing.assert_allclose(inside.mean(0), means[mode], atol=5 * error)
    np.testing.assert_allclose(inside.std(0), std, rtol=0.1)
  np.testing.assert_allclose(points.std(0), 1, atol=0.02)
  shares = np.bincount(modes) / len(modes)
  np.testing.assert_allclose(shares, 1 / count, rtol=0.15)


def test_the_ring_and_the_grid_have_the_sizes_of_their_source():
  ring, grid = mixtures.ring(), mixtures.grid()
  np.testing.assert_allclose(np.linalg.norm(ring[0], axis=1), 2 / 1.41421356, rtol=1e-6)
  np.testing.assert_allclose(ring[1], 0.02 / 1.41421356, rtol=1e-6)
  assert sorted(set(grid[0][:, 0].round(6))) == [
    round(x / 2.82842712, 6) for x in (-4, -2, 0, 2, 4)
  ]
  np.testing.assert_allclose(grid[1], 0.05 / 2.82842712, rtol=1e-6)


def test_is_prepared_as_a_set_of_tfds(tmp_path, monkeypatch):
  monkeypatch.setattr(mixtures, 'COUNTS', {'train': 500, 'test': 100})
  made = mixtures.load('ring8', tmp_path)
  again = mixtures.load('ring8', tmp_path)
  np.testing.assert_array_equal(made.points, again.points)
  drawn, modes = mixtures.draw('ring8', 'train')
  order = np.lexsort(drawn.T)
  np.testing.assert_array_equal(made.points, drawn[order])
  np.testing.assert_array_equal(made.modes, modes[order])
  builder = tfds.builder_from_directory(tmp_path / 'ring8' / '1.0.0')
  assert len(builder.as_data_source(split='test')) == 100
  assert made.fingerprint != mixtures.load('ring8', tmp_path, 'test').fingerprint


def test_wrong_names_are_refused(tmp_path):
  with pytest.raises(ValueError, match="no mixture 'ring9', only ring8, grid25"):
    mixtures.load('ring9', tmp_path)
  with pytest.raises(ValueError, match="no split 'validation', only train, test"):
    mixtures.load('ring8', tmp_path, 'validation')
  with pytest.raises(ValueError, match='jaxgan plane --dataset=ring8'):
    data.load('ring8', data_dir=tmp_path)
