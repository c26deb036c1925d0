import numpy as np
import pytest

from jaxgan.evaluation.metrics.memorization import memorization

TRAIN, HELD, FRESH = np.random.default_rng(0).normal(size=(3, 400, 6))


def test_fresh_samples_pass():
  found = memorization(FRESH, TRAIN, HELD)
  assert abs(found.nearer_to_train - 0.5) < 0.05 and not found.flagged
  assert found.copies == 0 and found.median_ratio == pytest.approx(1, abs=0.1)


def test_copies_are_flagged():
  found = memorization(TRAIN, TRAIN, HELD)
  assert found.flagged
  assert (found.nearer_to_train, found.median_ratio, found.authentic, found.copies) == (1, 0, 0, 1)


def test_noisy_copies_and_half_copies_are_flagged():
  noise = np.random.default_rng(1).normal(size=TRAIN.shape)
  near = memorization(TRAIN + 0.05 * noise, TRAIN, HELD)
  assert near.flagged and near.copies == 0 and near.authentic < 0.1
  half = memorization(np.concatenate([TRAIN[:200], FRESH[:200]]), TRAIN, HELD)
  assert half.flagged and half.copies == 0.5


def test_chance_flags_once_in_forty():
  random = np.random.default_rng(2)
  draws = [memorization(*random.normal(size=(3, 100, 4))).flagged for _ in range(400)]
  assert np.mean(draws) < 0.08


def test_sets_of_unequal_size_are_refused():
  with pytest.raises(ValueError, match='equally many .* got 400 and 399'):
    memorization(FRESH, TRAIN, HELD[1:])
