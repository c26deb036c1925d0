"""Resampling against pixels written out, JAX's own and Flax's."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest

from jaxgan import resample


def images(key, height=6, width=4):
  return jax.random.normal(key, (2, height, width, 3))


def test_upsample_repeats_each_pixel_in_a_block():
  x = jnp.array([[1.0, 2.0], [3.0, 4.0]])[None, :, :, None]
  expected = jnp.array([[1.0, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]])
  chex.assert_trees_all_equal(resample.upsample(x)[0, :, :, 0], expected)


def test_upsample_is_nearest_neighbour(key):
  x = images(key)
  chex.assert_trees_all_equal(
    resample.upsample(x), jax.image.resize(x, (2, 12, 8, 3), method='nearest')
  )


def test_pool_is_the_mean_of_blocks(key):
  x = images(key)
  blocks = x.reshape(2, 3, 2, 2, 2, 3).mean((2, 4))
  chex.assert_trees_all_close(resample.pool(x), blocks, atol=1e-6)
  chex.assert_trees_all_close(resample.pool(x), nn.avg_pool(x, (2, 2), (2, 2)), atol=1e-6)


def test_pool_undoes_upsample(key):
  x = images(key, 5, 7)
  chex.assert_trees_all_close(resample.pool(resample.upsample(x)), x, atol=1e-6)


def test_gradient_of_upsample_is_four_times_pool(key):
  x, t = images(key, 3, 2), images(jax.random.fold_in(key, 1))
  _, pull = jax.vjp(resample.upsample, x)
  chex.assert_trees_all_close(pull(t)[0], 4 * resample.pool(t), atol=1e-6)


@pytest.mark.parametrize('dtype', [jnp.bfloat16, jnp.float32])
def test_dtype_is_kept(key, dtype):
  x = images(key).astype(dtype)
  chex.assert_type([resample.upsample(x), resample.pool(x)], dtype)


@pytest.mark.parametrize('size', [(5, 4), (4, 5)])
def test_pool_refuses_odd_sizes(key, size):
  with pytest.raises(ValueError, match='even height and width'):
    resample.pool(images(key, *size))
