import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core.network import linen
from jaxgan.networks import described

TABLE = np.array([[1.0, 0.0], [0.0, 2.0]], np.float32)


class Through(nn.Module):
  """Returns what it is given."""

  @nn.compact
  def __call__(self, z, *, train):
    return z


def test_a_text_is_the_same_by_number_and_by_vector():
  net = linen(described.Generator(Through(), TABLE, size=3))
  z = jnp.ones((2, 4))
  variables = net.init(jax.random.key(0), z, jnp.array([0, 1]))
  by_number, _ = net.apply(variables, z, jnp.array([0, 1]), train=False)
  by_vector, _ = net.apply(variables, z, jnp.asarray(TABLE), train=False)
  chex.assert_trees_all_equal(by_number, by_vector)
  assert by_number.shape == (2, 7)  # the latent, then the text
  assert (by_number[0, 4:] != by_number[1, 4:]).all()


def test_an_augmented_text_is_drawn_from_its_own_normal_distribution():
  """With W = 0 and the bias (m, ln s), the numbers of a text are m + s z."""
  net = linen(described.Generator(Through(), TABLE, size=1, augmented=True))
  z = jax.random.normal(jax.random.key(1), (2, 3))
  variables = net.init(jax.random.key(0), z, jnp.array([0, 1]))
  dense = variables['params']['Dense_0']
  bias = jnp.array([0.5, jnp.log(2.0)])
  own = {'Dense_0': {'weight': jax.tree.map(jnp.zeros_like, dense['weight']), 'bias': bias}}
  found, _ = net.apply({'params': own}, z, jnp.array([0, 1]), train=False)
  chex.assert_trees_all_close(found, jnp.concatenate([z[:, 1:], 0.5 + 2 * z[:, :1]], 1))
  (_, seen), _ = net.features({'params': own}, z, jnp.array([0, 1]), train=False)
  chex.assert_trees_all_close(seen, jnp.tile(bias, (2, 1)))


def test_the_critic_compares_image_and_text():
  """With the weights (0, 0, 1) it is the product of what it sees and the text alone."""
  net = linen(described.Critic(Through(), TABLE, size=2))
  images = jnp.array([[1.0, 3.0], [1.0, 3.0]])
  variables = net.init(jax.random.key(0), images, jnp.array([0, 1]))
  own = {
    'Dense_0': {'weight': {'kernel': jnp.eye(2)}, 'bias': jnp.zeros(2)},
    'Dense_1': {
      'weight': {'kernel': jnp.array([0, 0, 0, 0, 1.0, 1.0])[:, None]},
      'bias': jnp.zeros(1),
    },
  }
  chex.assert_trees_all_equal_shapes(own, dict(variables['params']))
  logits, _ = net.apply({'params': own}, images, jnp.array([0, 1]), train=False)
  chex.assert_trees_all_close(logits, jnp.array([1.0, 6.0]))
