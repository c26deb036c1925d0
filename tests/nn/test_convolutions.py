"""Convolutional layers against Flax's, and each other's transposes."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from arrays import draw
from by_path import count
from jaxgan.nn.convolutions import Conv, ConvTranspose
from jaxgan.nn.dense import Dense
from jaxgan.ops import convolution


def test_transposed_convolution_of_explicit_padding_and_two_sizes(key):
  """It is the transpose: <conv(x), g> = <x, tconv(g)>."""
  net = ConvTranspose(2, (6, 10), 3, pads=1, use_bias=False)
  x, g = jax.random.normal(key, (1, 6, 10, 2)), jax.random.normal(key, (1, 3, 5, 4))
  variables = net.init(key, g)
  kernel = variables['params']['weight']['kernel']
  forward = convolution.convolve(x, kernel, 2, 1)
  np.testing.assert_allclose((forward * g).sum(), (x * net.apply(variables, g)).sum(), rtol=1e-4)


@pytest.mark.parametrize('size, stride, kernel', [(6, 1, 3), (6, 2, 4), (7, 2, 5), (7, 2, 4)])
def test_conv_is_flaxs(key, size, stride, kernel):
  x = draw(2, size, size, 3)
  ours, theirs = Conv(5, kernel, stride), nn.Conv(5, (kernel, kernel), stride)
  params = ours.init(key, x)['params']
  assert count(params) == kernel * kernel * 3 * 5 + 5
  params = {**params, 'bias': jnp.arange(5.0)}
  y = ours.apply({'params': params}, x)
  chex.assert_shape(y, (2, -(-size // stride), -(-size // stride), 5))
  flat = {'kernel': params['weight']['kernel'], 'bias': params['bias']}
  chex.assert_trees_all_close(y, theirs.apply({'params': flat}, x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('size, stride, kernel', [(8, 2, 4), (7, 2, 5), (7, 2, 4), (4, 1, 3)])
def test_conv_transpose_is_the_transpose_of_conv(key, size, stride, kernel):
  """<conv(x), g> = <x, transpose(g)> for one kernel."""
  small = -(-size // stride)
  x, g = draw(2, size, size, 3), draw(2, small, small, 5)
  there = Conv(5, kernel, stride, use_bias=False)
  back = ConvTranspose(3, size, kernel, stride, use_bias=False)
  variables = back.init(key, g)
  assert count(variables) == kernel * kernel * 3 * 5
  chex.assert_trees_all_equal_shapes(variables, there.init(key, x))
  y = back.apply(variables, g)
  chex.assert_equal_shape([y, x])
  forward = there.apply(variables, x)
  np.testing.assert_allclose((forward * g).sum(), (x * y).sum(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('layer', [Conv(3), Conv(3, stride=2), ConvTranspose(3, 8), Dense(3)])
def test_biases_start_at_zero_and_are_added(key, layer):
  x = draw(2, 4, 4, 5)
  params = layer.init(key, x)['params']
  chex.assert_trees_all_equal(params['bias'], jnp.zeros(3))
  bare = layer.clone(use_bias=False)
  assert 'bias' not in bare.init(key, x)['params']
  y = bare.apply({'params': {'weight': params['weight']}}, x)
  chex.assert_trees_all_equal(layer.apply({'params': params}, x), y)
  moved = layer.apply({'params': {**params, 'bias': jnp.arange(3.0)}}, x)
  chex.assert_trees_all_equal(moved, y + jnp.broadcast_to(jnp.arange(3.0), y.shape))


@pytest.mark.parametrize('layer, fan', [(Conv, 9 * 40), (ConvTranspose, 9 * 40)])
def test_fans_are_counted_from_the_inputs(key, layer, fan):
  """He's start: a deviation of sqrt(2 / fan), of the channels that come in."""
  size = {'size': 12} if layer is ConvTranspose else {}
  made = layer(10, kernel=3, **size, start=nn.initializers.he_normal())
  variables = made.init(key, jnp.zeros((1, 6, 6, 40)))
  np.testing.assert_allclose(jax.tree.leaves(variables)[1].std(), np.sqrt(2 / fan), rtol=0.05)


def test_grouped_conv_has_a_kernel_of_its_groups_inputs(key):
  x = draw(2, 4, 4, 8)
  y, variables = Conv(12, groups=4).init_with_output(key, x)
  assert variables['params']['weight']['kernel'].shape == (3, 3, 2, 12)
  chex.assert_shape(y, (2, 4, 4, 12))
