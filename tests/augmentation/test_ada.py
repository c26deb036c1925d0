"""Adaptive augmentation: nothing at p = 0, what it does at p = 1, and slopes through it."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.augmentation import ada as augment


def images(n=64, size=8, channels=3, seed=0):
  return jnp.float32(np.random.default_rng(seed).standard_normal((n, size, size, channels)))


ada = jax.jit(augment.ada)


@pytest.mark.parametrize('size, channels', [(8, 3), (7, 1)])
def test_identity_to_the_bit_where_p_is_zero(key, size, channels):
  x = images(size=size, channels=channels)
  chex.assert_trees_all_equal(ada(x, 0.0, key), x)


def test_every_image_by_draws_of_its_own(key):
  x = jnp.broadcast_to(images(1), (64, 8, 8, 3))
  y = np.asarray(ada(x, 1.0, key)).reshape(64, -1)
  assert np.isfinite(y).all()
  assert len(np.unique(y.round(4), axis=0)) == 64
  assert not np.allclose(ada(x, 1.0, jax.random.key(1)), y.reshape(x.shape))


def test_p_is_the_share_of_images_that_each_transformation_changes(key):
  """Eight change an image that they fall on, flip and inversion one in two, turns three in four.

  Whole shifts do not: an eighth of 4 pixels is less than one.
  """
  p, x = 0.1, images(4000, 4)
  same = (jnp.abs(ada(x, p, key) - x) < 1e-6).all((1, 2, 3)).mean()
  assert abs(same - (1 - p) ** 8 * (1 - p / 2) ** 2 * (1 - 3 * p / 4)) < 0.025  # 3.3 deviations


def draws(key, n):
  uniform, normal = jax.random.uniform(key, (32, n, 1)), jax.random.normal(key, (32, n, 1))
  return augment.Draws(iter(uniform), iter(normal))


def only(monkeypatch, **kept):
  """All movements but these held still."""
  still = lambda *given: jnp.broadcast_to(jnp.eye(3)[None], (len(given[0]), 3, 3))
  for name in ('_scaling', '_quarters', '_shift', '_rotation'):
    if name not in kept:
      monkeypatch.setattr(augment, name, still)


def test_half_of_all_images_are_flipped_where_p_is_one(monkeypatch, key):
  x, steps, scaling = images(2000, 4), [], augment._scaling

  def flip_alone(a, b):
    steps.append(None)
    return scaling(a, b) if len(steps) == 1 else scaling(jnp.ones_like(a), jnp.ones_like(b))

  only(monkeypatch, _scaling=True)
  monkeypatch.setattr(augment, '_scaling', flip_alone)
  y = augment.moved(x, augment._movement(draws(key, len(x)), jnp.float32(1), x))
  flipped = (y == x[:, :, ::-1]).all((1, 2, 3))
  assert ((y == x).all((1, 2, 3)) ^ flipped).all()
  assert abs(flipped.mean() - 0.5) < 0.04  # 3.5 deviations


def test_quarter_turns_are_evenly_drawn_and_exact(monkeypatch, key):
  x = images(2000, 5)
  only(monkeypatch, _quarters=True)
  y = augment.moved(x, augment._movement(draws(key, len(x)), jnp.float32(1), x))
  turned = jnp.stack([(y == jnp.rot90(x, k, (1, 2))).all((1, 2, 3)) for k in range(4)])
  assert (turned.sum(0) == 1).all()
  np.testing.assert_allclose(turned.mean(1), 0.25, atol=0.035)


def test_whole_shifts_stay_within_an_eighth_and_mirror_the_border():
  x = images(1, 8)
  by = jnp.array([[1.0, 0.0]])
  y = augment.moved(x, augment._shift(by))
  expected = jnp.concatenate([x[:, :, 1:], x[:, :, 6:7]], 2)
  chex.assert_trees_all_equal(y, expected)


def test_interpolation_is_bilinear():
  x = jnp.arange(16.0).reshape(1, 4, 4, 1)
  y = augment.moved(x, augment._shift(jnp.array([[0.25, 0.5]])))
  chex.assert_trees_all_close(y[:, :3, :3], x[:, :3, :3] + 0.25 + 4 * 0.5, atol=1e-5)


def test_two_rotations_turn_as_often_as_asked(key):
  """1 - (1 - q)^2 = p."""
  p, b = 0.36, 20_000
  q = 1 - np.sqrt(1 - p)
  assert abs(1 - (1 - q) ** 2 - p) < 1e-12
  shapes = jnp.zeros((b, 4, 4, 3))
  matrix = augment._movement(draws(key, b), jnp.float32(p), shapes)
  flips, turns = 1 - p / 2, 1 - 3 * p / 4
  still = (jnp.abs(matrix[:, :2, :2] - jnp.eye(2)[None]) < 1e-5).all((1, 2)).mean()
  np.testing.assert_allclose(still, flips * turns * (1 - p) ** 3, rtol=0.06)


def colours(seed=0, p=1.0, channels=3, n=4000):
  shapes = jnp.zeros((n, 2, 2, channels))
  return augment._colours(draws(jax.random.key(seed), n), jnp.float32(p), shapes)


def test_hue_keeps_grey_and_turns_all_else():
  angle = jnp.array([[[0.0]], [[2 * np.pi / 3]]])
  turn = augment._hue(angle)
  chex.assert_trees_all_close(turn[0], jnp.eye(3), atol=1e-6)
  chex.assert_trees_all_close(turn[1] @ jnp.eye(3), jnp.roll(jnp.eye(3), 1, 0), atol=1e-6)
  chex.assert_trees_all_close(turn @ jnp.ones(3), jnp.ones((2, 3)), atol=1e-6)


def test_contrast_inversion_and_brightness_of_grey():
  """Grey stays grey: its gain is +-2^N(0, 1/2), evenly of both signs, its offset gain N(0, 1/5)."""
  matrix, offset = colours()
  grey = (matrix @ jnp.ones((3, 1)))[..., 0]
  chex.assert_trees_all_close(grey, jnp.broadcast_to(grey[:, :1], grey.shape), atol=1e-4)
  assert abs((grey[:, 0] < 0).mean() - 0.5) < 0.03
  np.testing.assert_allclose(jnp.log2(jnp.abs(grey[:, 0])).std(), 0.5, rtol=0.05)
  np.testing.assert_allclose((offset[:, 0, 0] / grey[:, 0]).std(), 0.2, rtol=0.05)


def test_grey_images_are_recoloured_as_grey_pixels_are(key):
  x = images(channels=1)
  matrix, offset = colours(n=64)
  grey = augment._recoloured(x, matrix, offset)
  coloured = augment._recoloured(jnp.broadcast_to(x, (*x.shape[:3], 3)), matrix, offset)
  chex.assert_trees_all_close(jnp.broadcast_to(grey, coloured.shape), coloured, atol=1e-4)


def test_gradients_reach_the_images_twice(key):
  x = images(4, 4)
  slope = jax.grad(lambda x: jnp.sin(augment.ada(x, 0.7, key)).sum())
  first, second = jax.jit(lambda x: (slope(x), jax.grad(lambda x: (slope(x) ** 2).sum())(x)))(x)
  for g in (first, second):
    assert np.isfinite(g).all() and (jnp.abs(g).sum((1, 2, 3)) > 1e-3).all()


def test_slopes_are_those_of_differences(key):
  x, direction = images(4, 4), images(4, 4, seed=1)
  value = jax.jit(lambda t: (jnp.sin(augment.ada(x + t * direction, 0.7, key)) ** 2).sum())
  slope = jax.grad(value)(0.0)
  np.testing.assert_allclose(slope, (value(1e-2) - value(-1e-2)) / 2e-2, rtol=1e-2)


def test_alpha_moves_with_the_image_and_keeps_its_values(key):
  """Colors of images with alpha change as those of images without; alpha is moved only."""
  x = images(channels=4)
  changed = ada(x, 1.0, key)
  chex.assert_trees_all_close(changed[..., :3], ada(x[..., :3], 1.0, key), atol=1e-5)
  constant = x.at[..., 3].set(0.25)
  chex.assert_trees_all_close(ada(constant, 1.0, key)[..., 3], constant[..., 3], atol=1e-5)
