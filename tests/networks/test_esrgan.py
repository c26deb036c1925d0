"""Dense blocks and the RRDB generator."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.networks.esrgan import DenseBlock, RRDBNet, tenth
from jaxgan.nn.convolutions import Conv
from jaxgan.nn.elementwise import leaky_relu


def test_a_dense_block_without_weights_adds_nothing(filled, images):
  x, net = images(2, 5, 5, 4), DenseBlock(3)
  nothing = jax.tree.map(jnp.zeros_like, filled(net, x))
  chex.assert_trees_all_equal(jax.jit(net.apply)(nothing, x), x)


def test_a_dense_block_convolves_all_that_came_before(filled, images):
  """The definition: each convolution sees the input joined with all earlier outputs."""
  x, net = images(2, 5, 6, 4), DenseBlock(3)
  variables = filled(net, x)
  params, seen = variables['params'], x
  assert sorted(params) == [f'Conv_{i}' for i in range(5)]
  for i, growth in enumerate([3, 3, 3, 3, 4]):
    more = Conv(growth).apply({'params': params[f'Conv_{i}']}, seen)
    seen = jnp.concatenate([seen, leaky_relu(more)], -1)
  wanted = x + 0.2 * more
  chex.assert_trees_all_close(jax.jit(net.apply)(variables, x), wanted, rtol=1e-5, atol=1e-5)


def test_dense_blocks_without_weights_add_a_fifth_each(filled, images):
  """x + 0.2 x: two blocks are one convolution of what is 1.2^2 as large."""
  x = images(2, 5, 5, 1)
  net, none = RRDBNet(1, 4, 2, 3), RRDBNet(1, 4, 0, 3)
  params = dict(filled(net, x)['params'])
  blocks = [name for name in params if name.startswith('DenseBlock')]
  assert len(blocks) == 2 * 3
  bare = {name: part for name, part in params.items() if name not in blocks}
  params |= {name: jax.tree.map(jnp.zeros_like, params[name]) for name in blocks}
  kernel = bare['Conv_1']['weight']['kernel']
  bare['Conv_1'] = {**bare['Conv_1'], 'weight': {'kernel': 1.2**2 * kernel}}
  made = jax.jit(net.apply)({'params': params}, x)
  chex.assert_shape(made, (2, 20, 20, 1))
  chex.assert_trees_all_close(made, jax.jit(none.apply)({'params': bare}, x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('doublings', [0, 1, 3])
def test_each_doubling_doubles(key, doublings):
  net = RRDBNet(3, 4, 1, 4, doublings)
  made = jax.eval_shape(lambda: net.init_with_output(key, jnp.zeros((1, 4, 6, 3)))[0])
  chex.assert_shape(made, (1, 4 * 2**doublings, 6 * 2**doublings, 3))


def test_weights_of_blocks_start_a_tenth_of_he(key):
  w = tenth(key, (3, 3, 64, 64), jnp.float32)
  np.testing.assert_allclose(w.std(), 0.1 * np.sqrt(2 / (9 * 64)), rtol=0.02)
