"""The small classifier: sizes, ranges, and dropout in training alone."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.networks.classifier import Classifier


def pixels(*shape, seed=0):
  return jnp.uint8(np.random.default_rng(seed).integers(0, 256, shape))


@pytest.mark.parametrize(
  'size, convolutions, smallest', [(8, 1, 4), (16, 1, 8), (28, 2, 7), (32, 2, 8), (64, 3, 8)]
)
def test_it_halves_down_to_eight_pixels_and_once_at_least(key, size, convolutions, smallest):
  x = jnp.zeros((2, size, size, 3), jnp.uint8)
  net = Classifier(10, maps=True)
  maps, variables = jax.eval_shape(lambda: net.init_with_output(key, x))
  layers = [name for name in variables['params'] if name.startswith('Conv')]
  assert len(layers) == convolutions
  assert maps.shape[:3] == (2, smallest, smallest)


def test_features_are_zero_or_above_and_logits_are_linear_in_them(key):
  x = pixels(5, 8, 8, 1)
  net = Classifier(3, features=7)
  variables = net.init(key, x)
  features, logits = net.apply(variables, x)
  chex.assert_shape([features, logits], [(5, 7), (5, 3)])
  assert features.min() >= 0 and features.max() > 0
  last = variables['params']['Dense_1']
  expected = features @ last['weight']['kernel'] + last['bias'][None]
  chex.assert_trees_all_close(logits, expected, rtol=1e-5, atol=1e-6)


def test_bytes_and_their_values_as_floats_are_the_same_images(key):
  x = pixels(2, 8, 8, 1)
  net = Classifier(3, features=7)
  variables = net.init(key, x)
  chex.assert_trees_all_equal(net.apply(variables, x), net.apply(variables, x.astype(jnp.float32)))


def test_dropout_falls_on_logits_in_training_alone(key):
  x = pixels(4, 8, 8, 1)
  net = Classifier(3, features=32)
  variables = net.init(key, x)
  features, logits = net.apply(variables, x)
  seen = [net.apply(variables, x, train=True, rngs={'dropout': jax.random.key(i)}) for i in (1, 2)]
  for trained, _ in seen:
    chex.assert_trees_all_equal(trained, features)
  assert (seen[0][1] != seen[1][1]).any() and (seen[0][1] != logits).any()


def test_maps_are_of_images_of_any_size(key):
  net = Classifier(3, maps=True)
  variables = net.init(key, pixels(1, 32, 32, 1))
  chex.assert_shape(net.apply(variables, pixels(2, 20, 28, 1)), (2, 5, 7, 64))
