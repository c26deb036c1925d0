"""Functions of single elements in closed form."""

import chex
import jax.numpy as jnp

from jaxgan.nn import elementwise


def test_leaky_relu():
  chex.assert_trees_all_close(
    elementwise.leaky_relu(jnp.array([-2.0, 0, 3])), jnp.array([-0.4, 0, 3])
  )
