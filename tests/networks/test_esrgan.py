"""Dense blocks and the RRDB generator."""

import chex
import jax
import jax.numpy as jnp

from jaxgan.networks.esrgan import DenseBlock


def test_a_dense_block_without_weights_adds_nothing(filled, images):
  x, net = images(2, 5, 5, 4), DenseBlock(3)
  nothing = jax.tree.map(jnp.zeros_like, filled(net, x))
  chex.assert_trees_all_equal(jax.jit(net.apply)(nothing, x), x)
