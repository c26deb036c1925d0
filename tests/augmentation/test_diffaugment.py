"""DiffAugment against what it says of itself, on images where each part can be read off."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.augmentation import diffaugment
from jaxgan.augmentation.diffaugment import diff_augment

N = 4096


def images(key, n=8, size=16, channels=3):
  return jax.random.uniform(key, (n, size, size, channels), minval=-1.0)


def test_no_policy_is_the_identity(key):
  x = images(key)
  np.testing.assert_array_equal(diff_augment(x, key, ''), x)


def test_an_unknown_policy_is_named(key):
  with pytest.raises(ValueError, match="'colour', which is none of color, translation, cutout"):
    diff_augment(images(key), key, 'colour,cutout')


@pytest.mark.parametrize('policy', [*diffaugment.POLICIES, diffaugment.POLICY])
def test_each_image_is_changed_in_its_own_way_and_anew_by_each_key(key, policy):
  x = jnp.broadcast_to(images(key, 1), (64, 16, 16, 3))
  one, again, other = (diff_augment(x, jax.random.key(i), policy) for i in (1, 1, 2))
  np.testing.assert_array_equal(one, again)
  assert (one != other).any()
  assert len({np.asarray(image).tobytes() for image in one}) > 16


def test_the_policy_is_an_order(key):
  x, draw = images(key), lambda i: jax.random.fold_in(key, i)
  expected = diffaugment.color(diffaugment.cutout(x, draw(0)), draw(1))
  np.testing.assert_array_equal(diff_augment(x, key, 'cutout, color'), expected)


def test_brightness_alone_is_left_of_an_even_grey(key):
  """Of one value there is nothing to saturate or to contrast: + U(-1/2, 1/2)."""
  added = np.asarray(diffaugment.color(jnp.full((N, 2, 2, 3), 0.25), key)) - 0.25
  np.testing.assert_allclose(added, np.broadcast_to(added[:, :1, :1, :1], added.shape), atol=1e-6)
  added = added[:, 0, 0, 0]
  assert -0.5 <= added.min() < -0.49 and 0.49 < added.max() <= 0.5
  assert abs(added.mean()) < 5 / np.sqrt(12 * N)
  np.testing.assert_allclose(added.var(), 1 / 12, rtol=0.1)


def test_contrast_stretches_about_the_images_mean(key):
  """Grey images have no saturation: what varies is scaled by U(1/2, 3/2)."""
  x = jnp.broadcast_to(jnp.array([-0.5, 0.5])[None, :, None, None], (N, 2, 1, 1))
  y = np.asarray(diffaugment.color(x, key))
  scale = y[:, 1, 0, 0] - y[:, 0, 0, 0]
  assert 0.5 <= scale.min() < 0.51 and 1.49 < scale.max() <= 1.5
  assert abs(scale.mean() - 1) < 5 / np.sqrt(12 * N)


def test_saturation_stretches_about_each_pixels_mean(key):
  """Channels apart by s c, the pixel's mean by c: their ratio is U(0, 2)."""
  colour = jnp.array([[-0.6, -0.4], [0.3, 0.7]])  # [pixel, channel], of means -0.5, 0.5
  y = np.asarray(diffaugment.color(jnp.broadcast_to(colour[None, :, None], (N, 2, 1, 2)), key))
  apart, contrast = y[:, :, 0, 1] - y[:, :, 0, 0], y[:, 1].mean((1, 2)) - y[:, 0].mean((1, 2))
  saturation = apart / contrast[:, None] / np.array([0.2, 0.4])
  np.testing.assert_allclose(saturation[:, 0], saturation[:, 1], atol=1e-4)
  assert -1e-5 <= saturation.min() < 0.01 and 1.99 < saturation.max() <= 2 + 1e-5
  assert abs(saturation[:, 0].mean() - 1) < 5 / np.sqrt(3 * N)


@pytest.mark.parametrize('size, furthest', [(16, 2), (28, 4), (8, 1)])
def test_translation_is_by_whole_pixels_and_fills_with_zeros(key, size, furthest):
  """A white image shows how far it went; every step up to round(size / 8) is as likely."""
  white = np.asarray(diffaugment.translation(jnp.ones((N, size, size, 1)), key))[..., 0]
  assert set(np.unique(white)) == {0, 1}
  seen = []
  for axis in (1, 2):
    first = white.any(3 - axis).argmax(1)  # empty lines before the image, or
    gone = size - white.any(3 - axis).sum(1)
    seen.append(np.where(first > 0, gone, -gone))
  for steps in seen:
    counts = np.bincount(steps + furthest, minlength=2 * furthest + 1)
    assert len(counts) == 2 * furthest + 1
    expected = N / len(counts)
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)
  assert abs(np.corrcoef(*seen)[0, 1]) < 5 / np.sqrt(N)


def test_translation_moves_the_content(key):
  x, y = np.asarray(images(key)), np.asarray(diffaugment.translation(images(key), key))
  for before, after in zip(x, y, strict=True):
    padded = np.pad(before, ((2, 2), (2, 2), (0, 0)))
    found = [
      (i, j) for i in range(5) for j in range(5) if (padded[i : i + 16, j : j + 16] == after).all()
    ]
    assert len(found) == 1


@pytest.mark.parametrize('size', [16, 28, 10, 9])
def test_cutout_removes_a_box_of_half_the_size_that_may_overhang(key, size):
  length = int(size / 2 + 0.5)
  x = jnp.ones((N, size, size, 2))
  y = np.asarray(diffaugment.cutout(x, key))
  assert set(np.unique(y)) == {0, 1}
  np.testing.assert_array_equal(y[..., 0], y[..., 1])
  hole = y[..., 0] == 0
  rows, columns = hole.any(2), hole.any(1)
  np.testing.assert_array_equal(hole, rows[:, :, None] & columns[:, None, :])
  for lines in (rows, columns):
    # The centre lies on one of size + 1 edges (of size places, if odd), each as likely.
    places = size + 1 - length % 2
    spans = [set(range(c - length // 2, c - length // 2 + length)) for c in range(places)]
    expected = [tuple(i in span for i in range(size)) for span in spans]
    counts = np.array([(lines == np.array(e)).all(1).sum() for e in expected])
    assert counts.sum() == N
    assert np.abs(counts - N / places).max() < 5 * np.sqrt(N / places)


def test_generators_and_penalties_learn_through_it(key):
  """Its gradient is that of finite differences, and it has a second one."""
  with jax.enable_x64(True):
    x, way = (jnp.float64(images(k, 2, 8)) for k in jax.random.split(key))
    loss = lambda x: (diff_augment(x, key) ** 3).sum()
    slope = (jax.grad(loss)(x) * way).sum()
    step = 1e-5
    np.testing.assert_allclose(
      slope, (loss(x + step * way) - loss(x - step * way)) / 2 / step, rtol=1e-7
    )
    curve = lambda x: (jax.grad(loss)(x) ** 2).sum()
    bend = (jax.grad(curve)(x) * way).sum()
    np.testing.assert_allclose(
      bend, (curve(x + step * way) - curve(x - step * way)) / 2 / step, rtol=1e-7
    )


def test_alpha_has_no_color(key):
  x = images(key, channels=4)
  changed = diff_augment(x, key, 'color')
  np.testing.assert_array_equal(changed[..., 3], x[..., 3])
  np.testing.assert_array_equal(changed[..., :3], diff_augment(x[..., :3], key, 'color'))
