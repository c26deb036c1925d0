"""What samples show: each number reacts to its own failure, and to no other."""

import numpy as np
import pytest

from jaxgan.data import digits
from jaxgan.diagnosis.look import look
from jaxgan.ops.images import to_unit

IMAGES = to_unit(digits.arrays()[0][..., None])
REAL, OTHERS = IMAGES[:1024], IMAGES[1024:1280]


@pytest.fixture(scope='module')
def well():
  return look(OTHERS, REAL)


def test_other_real_images_look_real(well):
  assert well.spread == pytest.approx(1, abs=0.05)
  assert well.grain == pytest.approx(1, abs=0.1) and well.checker < 1.5
  assert well.recall > 0.7 * well.real_recall and well.precision > 0.6
  assert abs(well.extreme) < 0.05 and well.nearness == pytest.approx(1, abs=0.3)


def test_one_image_is_a_full_collapse(well):
  found = look(np.repeat(OTHERS[:1], 64, 0), REAL)
  assert found.spread < 0.01 and found.recall == 0
  assert found.contrast == pytest.approx(well.contrast, rel=0.2)


def test_a_few_digits_are_a_partial_collapse(well):
  labels = digits.arrays()[1][1024:1280]
  found = look(OTHERS[labels == 1].repeat(10, 0)[:256], REAL)
  assert found.recall < 0.3 * well.recall and found.precision > 0.6


def test_noise_has_grain_and_no_precision(well):
  noise = np.random.default_rng(0).uniform(-1, 1, OTHERS.shape)
  found = look(noise, REAL)
  assert found.grain > 1.8 and found.precision < 0.05


def test_a_checkerboard_is_found_on_top_of_images(well):
  board = 0.3 * (-1.0) ** np.add.outer(np.arange(8), np.arange(8))[..., None]
  assert look(np.clip(OTHERS + board, -1, 1), REAL).checker > 3 * well.checker


def test_copies_are_nearer_than_other_images(well):
  found = look(REAL[:256] + 0.01, REAL)
  assert found.nearness < 0.1 < well.nearness


def test_flat_samples_have_no_contrast():
  found = look(-np.ones((16, 8, 8, 1)), REAL)
  assert found.contrast == 0 and found.real_contrast > 0.5


def test_samples_alone():
  found = look(OTHERS)
  assert np.isnan(found.recall) and 0 < found.spread < 1.2
  assert look(np.full((4, 8, 8, 3), np.nan)).contrast == 0
