"""Random crops and flips: partners move alike, others apart, each number drawn once."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.augmentation.crops import crops, jitter

IMAGES = jnp.float32(np.random.default_rng(0).uniform(-1, 1, (8, 16, 16, 3)))
BATCH = {'image': IMAGES, 'target': IMAGES, 'label': jnp.arange(8)}


@pytest.mark.parametrize('paired', [True, False])
def test_partners_move_alike_and_others_apart(key, paired):
  pytest.importorskip('jax.experimental.key_reuse._core').check_key_reuse(
    jitter(paired), BATCH, key
  )
  moved = jitter(paired)(BATCH, key)
  chex.assert_trees_all_equal(moved['label'], BATCH['label'])
  apart = np.abs(moved['image'] - moved['target']).max((1, 2, 3))
  assert (apart == 0).all() if paired else (apart > 0.1).any()


def test_where_a_target_is_cropped_says_nothing_of_the_flip(key, monkeypatch):
  """The key of the target was that of the image's flips."""
  seen = []
  monkeypatch.setattr(
    'jaxgan.augmentation.crops._jittered', lambda images, key: seen.append(key) or images
  )
  jitter(paired=False)(BATCH, key)
  image, target = seen
  for used in jax.random.split(image):
    assert (jax.random.key_data(used) != jax.random.key_data(target)).any()


def test_partners_are_cropped_alike():
  x = jnp.float32(np.random.default_rng(0).uniform(-1, 1, (6, 32, 32, 3)))
  batch = {'image': x, 'target': -x, 'label': jnp.arange(6)}
  for paired in (True, False):
    made = jitter(paired)(batch, jax.random.key(1))
    alike = jnp.abs(made['image'] + made['target']).max() < 1e-5
    assert bool(alike) == paired
    chex.assert_trees_all_equal(made['label'], batch['label'])
    assert jnp.abs(made['image']).max() <= 1


def test_crops_are_enlarged_and_lie_anywhere():
  """Of a ramp along one axis: slope 256/286, and each of the possible starts, both ways round."""
  size, n = 64, 400
  ramp = jnp.broadcast_to(jnp.linspace(-0.9, 0.9, size)[None, None, :, None], (n, size, size, 1))
  made = np.asarray(jitter(True)({'image': ramp}, jax.random.key(0))['image'])
  middle = made[:, 32, 20:44, 0]
  slopes = np.diff(middle).mean(1) / (1.8 / (size - 1))
  chex.assert_trees_all_close(np.abs(slopes), np.full(n, size / round(size * 286 / 256)), rtol=1e-3)
  assert abs((slopes > 0).mean() - 0.5) < 0.1
  starts = {round(float(x), 3) for x in middle[slopes > 0, 0]}
  assert len(starts) == round(size * 286 / 256) - size + 1


def test_crops_lie_anywhere_and_half_are_flipped():
  column = jnp.broadcast_to(jnp.arange(12.0)[None, None, :, None], (400, 12, 12, 1))
  made = np.asarray(crops(column, 8, jax.random.key(0)))
  chex.assert_shape(made, (400, 8, 8, 1))
  steps = np.diff(made[:, 0, :, 0])
  assert (np.abs(steps) == 1).all() and abs((steps[:, 0] == 1).mean() - 0.5) < 0.1
  assert set(made[steps[:, 0] == 1, 0, 0, 0]) == {0, 1, 2, 3, 4}
