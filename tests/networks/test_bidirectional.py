"""An encoder of images, and a critic of pairs."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.networks import bidirectional, mlp

X = jax.random.normal(jax.random.key(0), (4, 3, 3, 2))
Z = jax.random.normal(jax.random.key(1), (4, 5))


def test_image_and_latent_meet_in_one_dense_layer():
  """Of units W x + V z + b, of which the logit is a function: a shift of both can cancel."""
  net = bidirectional.PairCritic(mlp.Critic((), outputs=6), 6)
  variables = net.init(jax.random.key(2), X, Z, train=False)
  weight = lambda tree: np.asarray(next(x for x in jax.tree.leaves(tree) if x.ndim == 2))
  params = variables['params']
  of_image, of_latent = weight(params['images']), weight(params['Dense_0'])
  assert of_image.shape == (18, 6) and of_latent.shape == (5, 6)
  shift = jnp.ones(5)
  moved = np.linalg.lstsq(of_image.T, -(shift @ of_latent), rcond=None)[0].reshape(3, 3, 2)
  one = net.apply(variables, X, Z, train=False)
  other = net.apply(variables, X + moved[None], Z + shift[None], train=False)
  assert one.shape == (4,)
  np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-6)
  assert not np.allclose(one, net.apply(variables, X, Z + shift[None], train=False), rtol=1e-3)


def test_an_encoder_returns_latents_without_bounds():
  net = bidirectional.Encoder(mlp.Critic((), outputs=6), 5)
  variables = net.init(jax.random.key(2), X, train=False)
  made = net.apply(variables, X, train=False)
  assert made.shape == (4, 5)
  far = net.apply(variables, 1e6 * X, train=False)
  np.testing.assert_allclose(far, 1e6 * made, rtol=1e-3)  # leaky ReLU is the same at every scale
