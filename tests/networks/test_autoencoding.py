"""Autoencoding critics."""

import math

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core.network import linen, with_features
from jaxgan.networks.autoencoding import (
  AutoencodingCritic,
  Decoder,
  Encoder,
  mean_absolute,
  root_mean_square,
)
from jaxgan.networks.dcgan import Critic, Generator, ladder


@pytest.fixture
def critic():
  sizes = ladder(13)
  decoder = Generator(sizes, (4,), 2, norm=False)
  return AutoencodingCritic(Critic((4,), outputs=5, norm=False), decoder)


def test_the_distance_is_a_mean_over_each_image():
  apart = jnp.array([[[3.0, -4.0]], [[0.0, 2.0]]])
  np.testing.assert_allclose(root_mean_square(apart), [math.sqrt(12.5), math.sqrt(2)], rtol=1e-6)
  assert np.isfinite(jax.grad(lambda x: root_mean_square(x).sum())(jnp.zeros((2, 3)))).all()


def test_the_logit_is_the_error_of_restoring_the_image(critic, filled, images):
  """The decoder without weights makes grey, tanh(0): the energy is the image's own size."""
  x = images(3, 13, 13, 2)
  variables = dict(filled(critic, x))
  grey = jax.tree.map(jnp.zeros_like, variables['params']['decoder'])
  variables['params'] = {**variables['params'], 'decoder': grey}
  logits = critic.apply(variables, x)
  chex.assert_trees_all_close(logits, -root_mean_square(x), rtol=1e-6)


def test_features_are_codes(critic, images):
  x, net = images(3, 13, 13, 2), linen(critic)
  (logits, codes), _ = with_features(net)(net.init(jax.random.key(0), x), x, train=True)
  chex.assert_shape([logits, codes], [(3,), (3, 5)])


def test_the_logit_may_be_a_mean_of_absolute_values(critic, filled, images):
  x = images(3, 13, 13, 2)
  variables = dict(filled(critic, x))
  grey = jax.tree.map(jnp.zeros_like, variables['params']['decoder'])
  variables['params'] = {**variables['params'], 'decoder': grey}
  logits = critic.clone(distance=mean_absolute).apply(variables, x)
  chex.assert_trees_all_close(logits, -jnp.abs(x).mean((1, 2, 3)), rtol=1e-6)


def parameters(network, *inputs):
  shapes = jax.eval_shape(network.init, jax.random.key(0), *inputs, train=False)['params']
  return sum(math.prod(x.shape) for x in jax.tree.leaves(shapes))


def test_began_has_the_parameters_that_its_layers_count():
  """Each size has two convolutions; the encoder's channels rise by n with each, the decoder's not.

  For faces of 64 pixels, n = 128 and codes of 64: four sizes, of which the smallest has 8 pixels.
  """
  n, code, sizes = 128, 64, (8, 16, 32, 64)
  conv = lambda a, b: 9 * a * b + b
  image, latent = jnp.zeros((1, 64, 64, 3)), jnp.zeros((1, code))
  decoder = (code + 1) * 64 * n + 8 * conv(n, n) + conv(n, 3)
  assert parameters(Decoder(sizes, n, 3), latent) == decoder == 1_716_611
  first = conv(3, n) + 2 * conv(n, n)
  wider = [
    conv(i * n, i * n) + conv(i * n, i * n + n) + conv(i * n + n, i * n + n) for i in (1, 2, 3)
  ]
  encoder = first + sum(wider) + (64 * 4 * n + 1) * code
  assert parameters(Encoder(sizes, n, code), image) == encoder


def test_began_enlarges_by_nearest_neighbor_and_bounds_nothing():
  """With convolutions that only copy, the image is the dense map, doubled and cut to 13 pixels."""
  decoder, z = Decoder((7, 13), 1, 1), jnp.ones((1, 1))
  copying = jnp.zeros((3, 3, 1, 1)).at[1, 1].set(1)
  shapes = jax.eval_shape(decoder.init, jax.random.key(0), z, train=False)
  small = jnp.arange(49.0)
  told = {(3, 3, 1, 1): copying, (1, 49): small[None]}
  variables = jax.tree.map(lambda x: told.get(x.shape, jnp.zeros(x.shape)), shapes)
  image = decoder.apply(variables, z, train=False)[0, ..., 0]
  np.testing.assert_allclose(image, np.kron(small.reshape(7, 7), np.ones((2, 2)))[:13, :13])
