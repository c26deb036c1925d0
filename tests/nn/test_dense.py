"""Linear layers against NumPy."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from arrays import draw
from by_path import count
from jaxgan.nn.dense import Dense, Embed, Maxout
from jaxgan.nn.spectral_norm import spectral_norm


def test_spectral_embedding_divides_the_whole_table(key):
  layer = Embed(10, 6, spectral=True)
  labels = jnp.array([3, 0, 3])
  variables = layer.init(key, labels)
  table = variables['params']['weight']['kernel']
  divided, _ = spectral_norm(table, variables['spectral']['weight']['u'])
  chex.assert_trees_all_close(layer.apply(variables, labels), divided[labels], rtol=1e-6)


@pytest.mark.parametrize('shape', [(4, 6), (2, 3, 6)])
def test_dense_against_numpy(key, shape):
  x, layer = draw(*shape), Dense(5)
  params = layer.init(key, x)['params']
  assert count(params) == 6 * 5 + 5
  expected = np.float64(x) @ np.float64(params['weight']['kernel'])
  np.testing.assert_allclose(layer.apply({'params': params}, x), expected, rtol=1e-5, atol=1e-7)


def test_embed_looks_rows_up(key):
  layer, labels = Embed(4, 7), jnp.array([2, 0, 2])
  variables = layer.init(key, labels)
  assert count(variables) == 4 * 7
  table = variables['params']['weight']['kernel']
  chex.assert_trees_all_equal(layer.apply(variables, labels), table[jnp.array([2, 0, 2])])


def test_maxout_is_the_largest_of_its_pieces(key):
  layer, x = Maxout(3, 4), draw(5, 6)
  variables = layer.init(key, x)
  assert count(variables) == 6 * 12 + 12
  dense = jax.tree.map(np.float64, variables['params']['Dense_0'])
  bias = np.linspace(-0.1, 0.1, 12)
  dense = {**dense, 'bias': bias}
  y = layer.apply({'params': {'Dense_0': jax.tree.map(jnp.float32, dense)}}, x)
  chex.assert_shape(y, (5, 3))
  for unit in range(3):
    pieces = [
      np.float64(x) @ dense['weight']['kernel'][:, 4 * unit + k] + bias[4 * unit + k]
      for k in range(4)
    ]
    np.testing.assert_allclose(y[:, unit], np.max(pieces, axis=0), rtol=1e-5)
