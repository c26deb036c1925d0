"""Heads: what they return, and of which length."""

import chex
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.networks import heads


def test_logits_are_a_linear_map_of_flat_features():
  net, x = heads.Classes(3), jax.random.normal(jax.random.key(0), (4, 2, 2, 5))
  variables = net.init(jax.random.key(1), x, train=False)
  weight, bias = (jax.tree.leaves(variables['params']['Dense_0'][n])[0] for n in ('weight', 'bias'))
  made = net.apply(variables, x, train=False)
  chex.assert_trees_all_close(made, x.reshape(4, 20) @ weight + bias[None], rtol=1e-5)


def test_directions_have_length_one_and_classes_are_their_cosines_with_proxies():
  net, x = heads.Proxies(3, 6), jax.random.normal(jax.random.key(0), (4, 5))
  variables = net.init(jax.random.key(1), x, train=False)
  cosines, seen = np.split(np.asarray(net.apply(variables, x, train=False)), [3], -1)
  chex.assert_trees_all_close((seen**2).sum(-1), np.ones(4), rtol=1e-5)
  proxies = np.asarray(variables['params']['proxies'])
  wanted = seen @ proxies / np.linalg.norm(proxies, axis=0)
  chex.assert_trees_all_close(cosines, wanted, rtol=1e-4, atol=1e-6)
  longer, _ = np.split(np.asarray(net.apply(variables, 2 * x, train=False)), [3], -1)
  chex.assert_trees_all_close(longer, cosines, rtol=1e-5, atol=1e-6)  # biases are zero at the start


def test_a_vector_of_zeros_has_a_gradient():
  slope = jax.grad(lambda x: heads.unit(x).sum())(jnp.zeros(3))
  assert np.isfinite(slope).all()


def test_each_map_has_its_own_perceptron_of_patches():
  net, maps = (
    heads.Patches(6),
    (jnp.ones((2, 3, 4)), jax.random.normal(jax.random.key(0), (2, 5, 1))),
  )
  variables = net.init(jax.random.key(1), *maps, train=False)
  made = net.apply(variables, *maps, train=False)
  assert [x.shape for x in made] == [(2, 3, 6), (2, 5, 6)]
  for x in made:
    chex.assert_trees_all_close((x**2).sum(-1), jnp.ones(x.shape[:2]), rtol=1e-5)
  one = net.apply(variables, maps[0], 2 * maps[1], train=False)  # of the second alone
  chex.assert_trees_all_equal(one[0], made[0])
