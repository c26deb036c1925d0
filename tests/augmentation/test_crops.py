"""Random crops and flips: partners move alike, others apart, each number drawn once."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.augmentation import crops

IMAGES = jnp.float32(np.random.default_rng(0).uniform(-1, 1, (8, 16, 16, 3)))
BATCH = {'image': IMAGES, 'target': IMAGES, 'label': jnp.arange(8)}


@pytest.mark.parametrize('paired', [True, False])
def test_partners_move_alike_and_others_apart(key, paired):
  pytest.importorskip('jax.experimental.key_reuse._core').check_key_reuse(
    crops.jitter(paired), BATCH, key
  )
  moved = crops.jitter(paired)(BATCH, key)
  chex.assert_trees_all_equal(moved['label'], BATCH['label'])
  apart = np.abs(moved['image'] - moved['target']).max((1, 2, 3))
  assert (apart == 0).all() if paired else (apart > 0.1).any()


def test_where_a_target_is_cropped_says_nothing_of_the_flip(key, monkeypatch):
  """The key of the target was that of the image's flips."""
  seen = []
  monkeypatch.setattr(crops, '_jittered', lambda images, key: seen.append(key) or images)
  crops.jitter(paired=False)(BATCH, key)
  image, target = seen
  for used in jax.random.split(image):
    assert (jax.random.key_data(used) != jax.random.key_data(target)).any()
