"""Variables by NumPy: to compile JAX's own generator for each network would take seconds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest


@pytest.fixture
def images():
  """Images of any shape, N(0, 1)."""
  return lambda *shape, seed=0: jnp.float32(np.random.default_rng(seed).standard_normal(shape))


@pytest.fixture
def filled():
  """`filled(net, *inputs, **keywords)`: its variables, all N(0, 1/2) but for positive variances."""

  def fill(net, *inputs, **keywords):
    key = jax.random.key(0)
    draw = np.random.default_rng(1).standard_normal
    start = lambda: net.init({'params': key, 'dropout': key}, *inputs, **keywords)

    def leaf(path, x):
      value = draw(x.shape) / 2
      return jnp.float32(0.5 + abs(value) if path[-1].key == 'var' else value)

    return jax.tree_util.tree_map_with_path(leaf, jax.eval_shape(start))

  return fill
