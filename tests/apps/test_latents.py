"""Ways between points, and functions of rows in batches."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.apps import latents
from jaxgan.training.run import load

N = 5
T = jnp.linspace(0, 1, N)


def pair(key, shape=(7,)):
  a, b = jax.random.normal(key, (2, *shape))
  return jnp.broadcast_to(a, (N, *shape)), jnp.broadcast_to(b, (N, *shape))


@pytest.mark.parametrize('way', [latents.straight, latents.spherical])
@pytest.mark.parametrize('shape', [(7,), (3, 4)])
def test_ways_begin_and_end_at_their_points(key, way, shape):
  a, b = pair(key, shape)
  found = way(a, b, T)
  chex.assert_trees_all_close(found[0], a[0], atol=1e-5)
  chex.assert_trees_all_close(found[-1], b[0], atol=1e-5)


def test_a_great_circle_keeps_the_norm_and_the_pace(key):
  a, b = pair(key)
  unit = lambda x: x / jnp.linalg.norm(x, axis=1, keepdims=True)
  found = latents.spherical(2 * unit(a), 2 * unit(b), T)
  np.testing.assert_allclose(jnp.linalg.norm(found, axis=1), 2, rtol=1e-5)
  steps = (unit(found)[1:] * unit(found)[:-1]).sum(1)
  np.testing.assert_allclose(steps, steps[0], rtol=1e-5)
  assert float(jnp.linalg.norm(latents.straight(a, b, T)[2])) < float(jnp.linalg.norm(a[0]))


def test_a_great_circle_to_the_same_point_stays(key):
  a, _ = pair(key)
  chex.assert_trees_all_close(latents.spherical(a, a, T), a, rtol=1e-6)


def test_batches_are_nothing_to_the_rows(key):
  x = np.asarray(jax.random.normal(key, (11, 3)))
  sizes = []

  def double(x, i):
    sizes.append(len(x))
    return 2 * x, i

  doubled, numbers = latents.in_batches(double, x, np.arange(11), size=4)
  np.testing.assert_array_equal(doubled, 2 * x)
  np.testing.assert_array_equal(numbers, np.arange(11))
  assert sizes == [4, 4, 4]


def test_a_run_has_the_space_of_its_latents(plain, uniform):
  normal, flat = load(plain), load(uniform)
  assert latents.space(normal).between is latents.spherical
  assert latents.space(flat).between is latents.straight
  wide = jnp.array([[-3.0, 0.5, 2.0]])
  np.testing.assert_array_equal(latents.space(flat).inside(wide), [[-1, 0.5, 1]])
  np.testing.assert_array_equal(latents.space(normal).inside(wide), wide)


def test_labels_are_asked_for_or_go_round(plain, conditional):
  np.testing.assert_array_equal(latents.labels(load(conditional), 12, None), np.arange(12) % 10)
  np.testing.assert_array_equal(latents.labels(load(conditional), 3, 7), [7, 7, 7])
  np.testing.assert_array_equal(latents.labels(load(plain), 2, None), [0, 0])
  with pytest.raises(ValueError, match='draws no classes'):
    latents.labels(load(plain), 2, 1)


def test_features_are_the_critics_last_hidden_layer(plain):
  run = load(plain)
  images = jnp.zeros((3, 16, 16, 1))
  found = run.bound(latents.features(run))(images, jnp.zeros(3, jnp.int32))
  chex.assert_shape(found, (3, 24))
