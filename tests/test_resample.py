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


def outer(taps):
  f = jnp.array(taps) / sum(taps)
  return (f[:, None] * f[None])[:, :, None, None]


def convolved(x, taps, pads, stride=1, zeros=1):
  """By `lax`, a channel at a time; `zeros` is how far apart the pixels of x are put."""
  c = x.shape[-1]
  kernel = jnp.broadcast_to(jnp.flip(outer(taps), (0, 1)), (len(taps), len(taps), 1, c))
  spread = jnp.zeros((len(x), zeros * x.shape[1], zeros * x.shape[2], c))
  spread = spread.at[:, ::zeros, ::zeros].set(x)
  return jax.lax.conv_general_dilated(
    spread,
    kernel,
    (stride, stride),
    (pads, pads),
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
    feature_group_count=c,
  )


@pytest.mark.parametrize(
  'taps, pads', [((1, 2, 1), (1, 1)), ((1, 3, 3, 2), (2, 1)), ((3, 1), (0, 1))]
)
@pytest.mark.parametrize('stride', [1, 2])
def test_filtered_is_a_convolution(key, taps, pads, stride):
  x = images(key)
  ours = resample.filtered(x, taps, pads, stride)
  chex.assert_trees_all_close(ours, convolved(x, taps, pads, stride), atol=1e-5)


def test_upsample_fir_is_zeros_and_a_filter(key):
  x = images(key)
  expected = 4 * convolved(x, (1, 3, 3, 1), (2, 1), zeros=2)
  chex.assert_trees_all_close(resample.upsample_fir(x, (1, 3, 3, 1)), expected, atol=1e-5)
  chex.assert_trees_all_close(resample.upsample_fir(x, (1, 1)), resample.upsample(x), atol=1e-6)


def test_downsample_fir_is_a_filter_and_every_other_pixel(key):
  x = images(key)
  expected = convolved(x, (1, 3, 3, 1), (1, 1), stride=2)
  chex.assert_trees_all_close(resample.downsample_fir(x, (1, 3, 3, 1)), expected, atol=1e-5)
  chex.assert_trees_all_close(resample.downsample_fir(x, (1, 1)), resample.pool(x), atol=1e-6)
  with pytest.raises(ValueError, match='even height and width'):
    resample.downsample_fir(images(key, 5, 4))


def test_constants_stay_inside_the_border():
  x = jnp.full((1, 6, 6, 1), 3.0)
  for y in (resample.upsample_fir(x), resample.downsample_fir(x)):
    chex.assert_trees_all_close(y[:, 1:-1, 1:-1], 3 * jnp.ones_like(y)[:, 1:-1, 1:-1], atol=1e-6)
