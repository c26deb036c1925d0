"""StarGAN's networks: what they keep apart, and how far they halve images."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.networks.stargan import Critic, Generator, critic_layers


@pytest.mark.parametrize('shape', [(8, 8), (28, 28), (24, 40)])
def test_the_generator_keeps_sizes(key, shape):
  net, x = Generator(3, channels=1, width=4, blocks=1), jnp.zeros((2, *shape, 3))
  made = jax.eval_shape(lambda: net.init_with_output(key, x, jnp.zeros(2, jnp.int32))[0])
  chex.assert_shape(made, (2, *shape, 1))


def test_images_do_not_see_each_other(key):
  net, x = Generator(3, channels=3, width=4, blocks=1), np.random.default_rng(0)
  x, domains = jnp.float32(x.uniform(-1, 1, (3, 8, 8, 3))), jnp.array([0, 2, 1])
  variables = jax.jit(net.init)(key, x, domains)
  changed = jnp.concatenate([-x[:1], x[1:2], x[2:] / 2])
  one, other = (jax.jit(net.apply)(variables, images, domains) for images in (x, changed))
  np.testing.assert_allclose(one[1], other[1], atol=1e-5)
  assert (one[0] != other[0]).any()


@pytest.mark.parametrize('size', [4, 7, 8, 20, 28, 128, 256])
def test_two_pixels_are_left_or_more(key, size):
  layers = critic_layers(size)
  side = jax.eval_shape(
    lambda: Critic(layers, 1).init_with_output(key, jnp.zeros((1, size, size, 3)), train=True)[0]
  ).shape[1]
  assert side == size >> layers and (side in (2, 3) or layers == 6)


def test_an_image_that_is_too_small_is_refused():
  with pytest.raises(ValueError, match='needs images of 4 pixels or more, these are 3'):
    critic_layers(3)
