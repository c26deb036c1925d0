"""Penalties against closed forms and against slopes worked out image by image."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core import network_transforms
from jaxgan.losses import gradient_penalties
from jaxgan.losses.gradient_penalties import input_gradients, norms
from linear_scores import SHAPE, linear, of_norm, pair


def bowl(x):
  """A score whose slope is the image itself, which shows where a penalty looks."""
  return (x**2).reshape(len(x), -1).sum(1) / 2


# --- where the slopes are taken


@pytest.mark.parametrize('shape', [(4096, 7), (4096, 2, 3, 2)])
def test_interpolates_have_one_uniform_place_an_image(key, shape):
  noise, fake = pair(key, shape)
  real = fake + 1 + jnp.abs(noise)  # never close, so that the division below is well conditioned
  points = gradient_penalties.interpolates(real, fake, key)
  chex.assert_equal_shape([points, real])
  places = np.asarray((points - fake) / (real - fake)).reshape(len(real), -1)
  place = places.mean(axis=1)
  np.testing.assert_allclose(places, np.broadcast_to(place[:, None], places.shape), atol=5e-6)
  assert place.min() >= -1e-5 and place.max() <= 1 + 1e-5
  # Five standard errors of 4096 uniform draws; one place for the whole batch has no spread.
  np.testing.assert_allclose(place.mean(), 1 / 2, atol=5 / np.sqrt(12 * 4096))
  np.testing.assert_allclose(place.var(), 1 / 12, atol=5 / np.sqrt(180 * 4096))
  neighbors = np.corrcoef(place[:-1], place[1:])[0, 1]
  assert abs(neighbors) < 5 / np.sqrt(4096)


@pytest.mark.parametrize('target', [1.0, 3.0])
def test_gradient_penalty_looks_at_the_interpolates(key, target):
  real, fake = pair(key)
  points = np.float64(gradient_penalties.interpolates(real, fake, key)).reshape(len(real), -1)
  expected = 10 * np.mean((np.linalg.norm(points, axis=1) - target) ** 2)
  value = gradient_penalties.gradient_penalty(target=target)(bowl, real, fake, key)
  np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_surroundings_lie_within_half_a_deviation_of_the_reals(key):
  real = 3 + 2 * jax.random.normal(key, (1024, 16, 16, 1))
  points = gradient_penalties.surroundings(real, key, scale=0.5)
  offsets = np.float64(points - real).reshape(len(real), -1) / (0.5 * np.std(real))
  assert offsets.min() > -1e-5 and offsets.max() < 1 + 1e-5
  # a u: of mean a / 2 within an image, and a / 2 is uniform on (0, 1/2) over images.
  means = offsets.mean(1)
  np.testing.assert_allclose(means.mean(), 1 / 4, atol=5 / np.sqrt(48 * 1024))
  np.testing.assert_allclose(means.var(), 1 / 48, rtol=0.1)
  # u by itself is uniform for each element: divided by 2 E = a its variance is 1/12.
  np.testing.assert_allclose((offsets / (2 * means[:, None])).var(), 1 / 12, rtol=0.01)


def test_dragan_looks_around_the_reals_and_never_at_the_fakes(key):
  real = pair(key)[0]
  points = np.float64(gradient_penalties.surroundings(real, key, 0.5)).reshape(len(real), -1)
  expected = 10 * np.mean((np.linalg.norm(points, axis=1) - 1) ** 2)
  value = gradient_penalties.dragan()(bowl, real, jnp.full_like(real, jnp.nan), key)
  np.testing.assert_allclose(value, expected, rtol=1e-5)


@pytest.mark.parametrize(
  'penalty', [gradient_penalties.gradient_penalty(), gradient_penalties.one_sided()]
)
@pytest.mark.parametrize('shape', [(5, 4, 5, 3), (1, 4, 5, 3), (6, 4, 5, 1), (6, 60)])
def test_unequal_shapes_raise(penalty, shape, key):
  real = jnp.zeros(SHAPE)
  with pytest.raises(ValueError) as error:
    penalty(bowl, real, jnp.zeros(shape), key)
  assert str(real.shape) in str(error.value) and str(shape) in str(error.value)


# --- values


@pytest.mark.parametrize(
  'factory, length, expected',
  [
    (gradient_penalties.gradient_penalty, 1.0, 0.0),
    (gradient_penalties.gradient_penalty, 2.0, 7.0),  # 7 (2 - 1)^2
    (gradient_penalties.gradient_penalty, 0.5, 1.75),  # 7 (1/2 - 1)^2
    (gradient_penalties.one_sided, 1.0, 0.0),
    (gradient_penalties.one_sided, 0.5, 0.0),
    (gradient_penalties.one_sided, 3.0, 28.0),  # 7 (3 - 1)^2
    (gradient_penalties.dragan, 1.0, 0.0),
    (gradient_penalties.dragan, 3.0, 28.0),
    (gradient_penalties.r1, 2.0, 14.0),  # 7/2 2^2
    (gradient_penalties.r2, 2.0, 14.0),
  ],
)
@pytest.mark.parametrize('shape', [(6, 60), SHAPE])
def test_linear_critic(factory, length, expected, shape, key):
  score = linear(of_norm(length, shape[1:]))
  value = factory(7.0)(score, *pair(key, shape), key)
  chex.assert_shape(value, ())
  np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-10)


def test_drift_is_the_mean_square_of_real_logits(key):
  real = jnp.array([[3.0], [-4.0]])
  value = gradient_penalties.drift()(lambda x: x[:, 0], real, jnp.full_like(real, jnp.nan), key)
  np.testing.assert_allclose(value, 1e-3 * 12.5)  # (9 + 16) / 2


def test_r1_and_r2_of_a_quadratic_critic(key):
  generator = np.random.default_rng(2)
  matrix, offset = generator.standard_normal((5, 5)), generator.standard_normal(5)
  matrix += matrix.T
  x = generator.standard_normal((8, 5))
  score = lambda x: ((x @ jnp.float32(matrix)) * x).sum(1) / 2 + x @ jnp.float32(offset)
  x32, unseen = jnp.float32(x), jnp.full((8, 5), jnp.nan)
  expected = 0.3 / 2 * np.mean(np.sum((x @ matrix + offset) ** 2, axis=1))  # slope A x + b
  np.testing.assert_allclose(
    gradient_penalties.r1(0.3)(score, x32, unseen, key), expected, rtol=1e-5
  )
  np.testing.assert_allclose(
    gradient_penalties.r2(0.3)(score, unseen, x32, key), expected, rtol=1e-5
  )


# --- a nonlinear critic, tanh(x V) w, with its penalties in float64


def tanh_critic(first, second):
  return lambda x: jnp.tanh(x.reshape(len(x), -1) @ first) @ second


def tanh_slopes(first, second, x):
  """Image by image: V (w (1 - tanh^2(x V)))."""
  rows = [first @ (second * (1 - np.tanh(row @ first) ** 2)) for row in x.reshape(len(x), -1)]
  return np.stack(rows).reshape(x.shape)


def tanh_example():
  generator = np.random.default_rng(3)
  x = generator.standard_normal(SHAPE).astype(np.float32)
  first = 0.3 * generator.standard_normal((60, 8)).astype(np.float32)
  second = 0.4 * generator.standard_normal(8).astype(np.float32)
  return x, first, second


def lengths(first, second, x):
  return np.linalg.norm(tanh_slopes(first, second, np.float64(x)).reshape(len(x), -1), axis=1)


# Real and fake are equal here, so that every interpolate is the image itself.
COSTS = {
  'gradient_penalty': (gradient_penalties.gradient_penalty(), lambda n: 10 * np.mean((n - 1) ** 2)),
  'one_sided': (gradient_penalties.one_sided(), lambda n: 10 * np.mean(np.maximum(n - 1, 0) ** 2)),
  'dragan': (gradient_penalties.dragan(scale=0.0), lambda n: 10 * np.mean((n - 1) ** 2)),
  'r1': (gradient_penalties.r1(0.5), lambda n: 0.25 * np.mean(n**2)),
  'r2': (gradient_penalties.r2(0.5), lambda n: 0.25 * np.mean(n**2)),
}


def test_slopes_and_norms_image_by_image():
  x, first, second = tanh_example()
  ours = input_gradients(tanh_critic(first, second), jnp.asarray(x))
  chex.assert_shape(ours, SHAPE)
  np.testing.assert_allclose(ours, tanh_slopes(first, second, np.float64(x)), atol=1e-5)
  chex.assert_shape(norms(ours), (6,))
  np.testing.assert_allclose(norms(ours), lengths(first, second, x), rtol=1e-5)


@pytest.mark.parametrize('name', COSTS)
def test_nonlinear_critic(name, key):
  x, first, second = tanh_example()
  penalty, cost = COSTS[name]
  assert lengths(first, second, x).min() < 1 < lengths(first, second, x).max()
  value = penalty(tanh_critic(first, second), jnp.asarray(x), jnp.asarray(x), key)
  np.testing.assert_allclose(value, cost(lengths(first, second, x)), rtol=1e-5)


@pytest.mark.parametrize('name', COSTS)
def test_gradient_by_parameters_against_differences(name, key):
  x, first, second = tanh_example()
  penalty, cost = COSTS[name]
  loss = lambda first: penalty(tanh_critic(first, second), jnp.asarray(x), jnp.asarray(x), key)
  ours = np.sum(np.asarray(jax.grad(loss)(jnp.asarray(first))) * first)
  # The derivative along the parameters themselves, by central differences in float64.
  at = lambda scale: cost(lengths(scale * np.float64(first), second, x))
  np.testing.assert_allclose(ours, (at(1 + 1e-5) - at(1 - 1e-5)) / 2e-5, rtol=1e-4)


@pytest.mark.parametrize('length', [0.5, 2.0])
def test_gradient_of_a_linear_critics_penalty(length, key):
  weights = of_norm(length)
  loss = lambda w: gradient_penalties.gradient_penalty()(linear(w), *pair(key), key)
  # d/dw 10 (|w| - 1)^2 = 20 (|w| - 1) w / |w|
  expected = 20 * (length - 1) * weights / length
  chex.assert_trees_all_close(jax.grad(loss)(weights), expected, rtol=1e-4, atol=1e-6)


# --- corners


@pytest.mark.parametrize('name', COSTS)
def test_flat_critic_has_a_finite_gradient(name, key):
  real, fake = pair(key)
  loss = lambda weights: COSTS[name][0](linear(weights), real, fake, key)
  value, gradient = jax.value_and_grad(loss)(jnp.zeros(SHAPE[1:]))
  np.testing.assert_allclose(value, COSTS[name][1](np.zeros(6)), rtol=1e-5)
  chex.assert_trees_all_equal(gradient, jnp.zeros(SHAPE[1:]))


def test_maps_of_logits_are_summed(key):
  weights = of_norm(1.0)
  score = lambda x: jnp.stack([linear(weights)(x), 2 * linear(weights)(x)], axis=1)
  x = pair(key)[0]
  chex.assert_trees_all_close(
    input_gradients(score, x), jnp.broadcast_to(3 * weights, SHAPE), rtol=1e-5
  )


def test_norms_of_half_precision_slopes_are_float32():
  x = jnp.full((2, 10, 10, 10), 1 / 8, jnp.bfloat16)
  chex.assert_type(norms(x), jnp.float32)
  np.testing.assert_allclose(norms(x), np.sqrt(1000) / 8, rtol=1e-6)  # bfloat16 has 3.953


@pytest.mark.parametrize(
  'points', [gradient_penalties.interpolates, gradient_penalties.surroundings]
)
def test_points_keep_the_images_dtype(points, key):
  real, fake = (image.astype(jnp.bfloat16) for image in pair(key))
  arguments = (fake, key) if points is gradient_penalties.interpolates else (key, 0.5)
  chex.assert_type(points(real, *arguments), jnp.bfloat16)


# --- penalties that look otherwise


@pytest.mark.parametrize('shape', [SHAPE, (6, 2)])
@pytest.mark.parametrize('size', [1, 2, 3])
def test_to_a_penalty_of_packs_a_pack_is_one_image(key, shape, size):
  """The score of a pack is w . pack: a slope of norm |w| for each, over all its images at once."""
  w = of_norm(3.0, (*shape[1:-1], size * shape[-1]))
  score = lambda x: linear(w)(network_transforms.packs(x, size))
  real, fake = pair(key, shape)
  made = gradient_penalties.of_packs(gradient_penalties.gradient_penalty(10.0), size)
  np.testing.assert_allclose(made(score, real, fake, key), 10 * (3 - 1) ** 2, rtol=1e-4)
  made = gradient_penalties.of_packs(gradient_penalties.r1(1.0), size)
  np.testing.assert_allclose(made(score, real, fake, key), 9 / 2, rtol=1e-4)
