"""Autoencoding critics."""

import math

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core.network import linen, with_features
from jaxgan.networks.autoencoding import AutoencodingCritic, root_mean_square
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
