"""Where weights start: bounds, moments and singular values."""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import pytest

from arrays import matrix
from jaxgan.nn import initializers


@pytest.mark.parametrize('gain', [1.0, 2**0.5])
@pytest.mark.parametrize('shape, fans', [((40, 60), 100), ((3, 3, 40, 60), 900)])
def test_glorot_is_uniform_within_its_bound(key, gain, shape, fans):
  w = initializers.glorot(gain)(key, shape)
  bound = gain * np.sqrt(6 / fans)
  assert 0.99 * bound < np.abs(w).max() <= bound
  np.testing.assert_allclose(w.std(), bound / np.sqrt(3), rtol=0.03)  # five errors of 2400 draws
  assert abs(w.mean()) < 5 * bound / np.sqrt(3 * w.size)


def test_uniform_is_symmetric(key):
  w = initializers.uniform(0.05)(key, (200, 100))
  assert -0.05 <= w.min() < -0.0499 and 0.0499 < w.max() <= 0.05
  assert abs(w.mean()) < 5 * 0.05 / np.sqrt(3 * w.size)
  np.testing.assert_allclose(w.std(), 0.05 / np.sqrt(3), rtol=0.02)


def test_normal_has_a_deviation_of_a_fiftieth(key):
  w = initializers.normal(key, (200, 100), jnp.float32)
  np.testing.assert_allclose(w.std(), 0.02, rtol=0.03)


def test_orthogonal_kernels_start_with_singular_values_of_one(key):
  for shape in ((3, 3, 2, 8), (5, 7)):
    sizes = np.linalg.svd(matrix(initializers.orthogonal(key, shape)))[1]
    np.testing.assert_allclose(sizes, 1, rtol=1e-5)


def test_swapped_counts_inputs_on_the_last_axis(key):
  """Glorot's of a kernel [out, in]: the fans are the same, the places change."""
  start = nn.initializers.lecun_normal()
  w = initializers.swapped(start)(key, (3, 3, 40, 60))
  assert w.shape == (3, 3, 40, 60)
  np.testing.assert_array_equal(w, start(key, (3, 3, 60, 40)).swapaxes(-1, -2))
  np.testing.assert_allclose(w.std(), 1 / np.sqrt(9 * 60), rtol=0.03)
