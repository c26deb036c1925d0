"""Slants: nothing at 0, each image by itself, and the matrix of the formula."""

import chex
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.augmentation.slants import slanted


def ramps(n, size=9):
  """Images whose values are x, and those whose values are y, about the center."""
  x = jnp.arange(size) - (size - 1) / 2
  across = jnp.broadcast_to(x[None, None, :, None], (n, size, size, 1))
  return across, across.swapaxes(1, 2)


def test_nothing_changes_at_zero(key):
  x = jax.random.normal(key, (3, 8, 8, 2))
  chex.assert_trees_all_equal(slanted(x, key, 0.0), x)


def test_pixels_come_from_where_the_formula_says(key):
  """At the center the values of a ramp are the shift; one pixel on, they show the matrix."""
  n, slant, size = 500, 0.4, 9
  across, down = (np.asarray(slanted(x, key, slant))[..., 0] for x in ramps(n))
  middle = size // 2
  c, f = across[:, middle, middle], down[:, middle, middle]
  a, b = across[:, middle, middle + 1] - c - 1, across[:, middle + 1, middle] - c
  d, e = down[:, middle, middle + 1] - f, down[:, middle + 1, middle] - f - 1
  most = dict(a=(a, 0.2), b=(b, 0.4), c=(c, 0.6), d=(d, 0.2), e=(e, 0.2), f=(f, 0.6))
  for name, (found, limit) in most.items():
    assert 0.97 * limit < np.abs(found).max() <= limit + 1e-5, name
    assert abs(found.mean()) < 0.1 * limit, name
  assert abs(np.corrcoef([a, b, c, d, e, f]) - np.eye(6)).max() < 0.17


def test_gradients_reach_the_images(key):
  x = jax.random.normal(key, (2, 8, 8, 1))
  slopes = jax.grad(lambda x: slanted(x, key).sum())(x)
  assert np.isfinite(slopes).all()
  assert slopes.sum() == 0 or abs(slopes.sum() - x.size) < 1e-2  # weights of a pixel add to one
