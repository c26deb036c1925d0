"""SPADE's generator: the authors' sizes, and what the map does at each pixel."""

import math

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.networks.spade import Block, Generator, SpatialNorm, at_size, doublings


@pytest.mark.parametrize('labels, millions', [(36, 93.0), (151, 96.5), (184, 97.5)])
def test_the_authors_sizes(labels, millions):
  """Parameters for Cityscapes, ADE20K and COCO-Stuff as reported by Tan et al., 2021 (CLADE)."""
  maps = jax.ShapeDtypeStruct((1, 256, 256, labels), jnp.float32)
  start = lambda maps: Generator(3).init_with_output(jax.random.key(0), maps, train=True)
  made, variables = jax.eval_shape(start, maps)
  chex.assert_shape(made, (1, 256, 256, 3))
  count = sum(math.prod(x.shape) for x in jax.tree.leaves(variables['params']))
  assert round(count / 1e6, 1) == millions


@pytest.mark.parametrize('size, times', [(16, 1), (28, 1), (48, 2), (64, 3), (256, 5), (512, 5)])
def test_the_first_map_has_8_pixels_or_a_few_more(size, times):
  assert doublings(size) == times and size % 2**times == 0


@pytest.mark.parametrize('size', [8, 14, 15, 17])
def test_sizes_that_do_not_halve_are_refused(size):
  with pytest.raises(ValueError, match=f'even size from 16 pixels on, these are {size}'):
    doublings(size)


def test_maps_are_resized_by_the_nearest_pixel():
  maps = jnp.arange(16).reshape(1, 4, 4, 1)
  assert at_size(maps, 2).ravel().tolist() == [0, 2, 8, 10]
  assert at_size(maps, 4).tolist() == maps.tolist()


def test_each_pixel_is_scaled_and_shifted_by_what_its_label_says(filled, images):
  """What a pixel gets depends on the labels within two pixels of it."""
  x, net = images(2, 8, 14, 3), SpatialNorm(4)
  label = lambda k: jnp.broadcast_to(jax.nn.one_hot(k, 2), (2, 8, 14, 2))
  variables = filled(net, x, label(0), train=False)
  put = lambda maps: net.apply(variables, x, maps, train=True, mutable=['batch_stats'])[0]
  first, second = np.asarray(put(label(0))), np.asarray(put(label(1)))
  assert abs(first - second).max() > 0.1
  both = np.asarray(put(jnp.concatenate([label(0)[:, :, :7], label(1)[:, :, 7:]], 2)))
  np.testing.assert_allclose(both[:, :, :5], first[:, :, :5], rtol=1e-4, atol=1e-5)
  np.testing.assert_allclose(both[:, :, 9:], second[:, :, 9:], rtol=1e-4, atol=1e-5)
  assert abs(both[:, :, 6] - first[:, :, 6]).max() > 0.01


def test_without_modulation_it_is_plain_batch_norm(filled, images):
  x, net = 3 + 2 * images(4, 8, 8, 3), SpatialNorm(4)
  variables = filled(net, x, jnp.zeros((4, 8, 8, 2)), train=False)
  rest = jax.tree.map(jnp.zeros_like, variables)
  made = net.apply(rest, x, jnp.ones((4, 8, 8, 2)), train=True, mutable=['batch_stats'])[0]
  np.testing.assert_allclose(made.mean((0, 1, 2)), 0, atol=1e-5)
  np.testing.assert_allclose(made.std((0, 1, 2)), 1, rtol=1e-4)


@pytest.mark.parametrize('width, norms', [(4, 2), (6, 3)])
def test_a_shortcut_is_learned_where_channels_change(width, norms):
  x, maps = jnp.zeros((1, 4, 4, 4)), jnp.zeros((1, 8, 8, 2))
  start = lambda: Block(width, 3).init(jax.random.key(0), x, maps, train=True)
  params = jax.eval_shape(start)['params']
  assert sum(name.startswith('SpatialNorm') for name in params) == norms
  assert sum(name.startswith('Conv') for name in params) == norms
