"""Resampling against pixels written out, JAX's own and Flax's."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxgan.ops import resample
from jaxgan.ops.resample import bicubic, resize, shuffle


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


def test_max_pool_is_flaxs(key):
  x = images(key)
  chex.assert_trees_all_equal(resample.max_pool(x), nn.max_pool(x, (2, 2), (2, 2)))


# --- filters

FILTERS = [(1, 1), (1, 3, 3, 1), (1, 2, 3, 5), (1, 4, 2, 0, 7, 3)]


def filtered(x, taps, up):
  """Written out from the equations, in float64."""
  taps, x = np.float64(taps) / sum(taps), np.float64(x)
  k, gain = len(taps), 2 if up else 1

  def one(x):  # along the first axis
    n = len(x)
    y = np.zeros((2 * n if up else n // 2, *x.shape[1:]))
    for i in range(n):
      for j in range(len(y)):
        t = j - 2 * i + k // 2 - 1 if up else 2 * j - i + k // 2
        if 0 <= t < k:
          y[j] += gain * taps[t] * x[i]
    return y

  for axis in (1, 2):
    x = np.moveaxis(one(np.moveaxis(x, axis, 0)), 0, axis)
  return x


@pytest.mark.parametrize('taps', FILTERS)
def test_filters_are_their_equations(key, taps):
  x = images(key)
  np.testing.assert_allclose(resample.upsample_fir(x, taps), filtered(x, taps, True), atol=1e-5)
  np.testing.assert_allclose(resample.downsample_fir(x, taps), filtered(x, taps, False), atol=1e-5)


def test_two_equal_taps_repeat_and_average(key):
  x = images(key)
  chex.assert_trees_all_close(resample.upsample_fir(x, (1, 1)), resample.upsample(x), atol=1e-6)
  chex.assert_trees_all_close(resample.downsample_fir(x, (1, 1)), resample.pool(x), atol=1e-6)


def test_one_three_three_one_is_linear_interpolation_inside_the_border(key):
  x = images(key)
  expected = jax.image.resize(x, (2, 12, 8, 3), 'linear')[:, 1:-1, 1:-1]
  chex.assert_trees_all_close(resample.upsample_fir(x)[:, 1:-1, 1:-1], expected, atol=1e-5)


@pytest.mark.parametrize('taps', [(1, 3, 3, 1), (1, 1)])
def test_for_symmetric_taps_one_is_the_transpose_of_the_other(key, taps):
  x, t = images(key, 3, 2), images(jax.random.fold_in(key, 1))
  pull = jax.vjp(lambda x: resample.upsample_fir(x, taps), x)[1]
  chex.assert_trees_all_close(pull(t)[0], 4 * resample.downsample_fir(t, taps), atol=1e-5)


def test_filters_refuse_odd_numbers_and_keep_the_dtype(key):
  x = images(key).astype(jnp.bfloat16)
  chex.assert_type([resample.upsample_fir(x), resample.downsample_fir(x)], jnp.bfloat16)
  for change in (resample.upsample_fir, resample.downsample_fir):
    with pytest.raises(ValueError, match='even number of taps'):
      change(x, (1, 2, 1))
  with pytest.raises(ValueError, match='even height and width'):
    resample.downsample_fir(images(key, 5, 4))


def drawn(*shape):
  return jnp.float32(np.random.default_rng(0).uniform(-1, 1, shape))


@pytest.mark.parametrize('sizes', [(32, 8), (30, 7), (8, 32), (16, 18), (9, 9)])
def test_bicubic_is_that_of_jax(sizes):
  x, (size, new) = drawn(1, sizes[0], 12, 2), sizes
  expected = jax.image.resize(x, (1, new, 5, 2), 'cubic')
  chex.assert_trees_all_close(
    jax.jit(resize, static_argnums=(1, 2))(x, new, 5), expected, atol=1e-5
  )
  chex.assert_trees_all_close(bicubic(size, new).sum(1), np.ones(new, np.float32), atol=1e-6)


def test_bicubic_is_that_of_pillow():
  array = np.random.default_rng(0).integers(0, 256, (24, 36), np.uint8)
  expected = np.asarray(Image.fromarray(array).resize((9, 6), Image.Resampling.BICUBIC))
  made = resize(jnp.float32(array)[None, :, :, None], 6, 9)[0, :, :, 0]
  assert np.abs(np.clip(made, 0, 255) - expected).max() <= 1  # Pillow rounds in between


def test_channels_become_pixels():
  x = jnp.arange(2 * 3 * 8.0).reshape(1, 2, 3, 8)
  made = shuffle(x)
  chex.assert_shape(made, (1, 4, 6, 2))
  for i, j, k, l, c in np.ndindex(2, 3, 2, 2, 2):
    assert made[0, 2 * i + k, 2 * j + l, c] == x[0, i, j, 4 * c + 2 * k + l]


def test_unshuffling_undoes_shuffling():
  x = jnp.arange(2 * 4 * 6 * 3.0).reshape(2, 4, 6, 3)
  small = resample.unshuffle(x)
  assert small.shape == (2, 2, 3, 12)
  np.testing.assert_array_equal(resample.shuffle(small), x)
  np.testing.assert_array_equal(small[0, 0, 0, :4], [x[0, i, j, 0] for i in (0, 1) for j in (0, 1)])
  with pytest.raises(ValueError, match='a multiple of 2'):
    resample.unshuffle(x[:, :3])
