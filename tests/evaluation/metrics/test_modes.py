import chex
import numpy as np
import pytest

from jaxgan.evaluation.metrics import modes

ANGLES = np.arange(8) * np.pi / 4
RING = np.stack([np.cos(ANGLES), np.sin(ANGLES)], 1)
SIGMA = 0.02


def ideal(n, seed=0, means=RING):
  random = np.random.default_rng(seed)
  return means[random.integers(0, len(means), n)] + SIGMA * random.normal(size=(n, 2))


def test_an_ideal_sampler_reaches_floor_and_ceiling():
  found = [modes.mixture(ideal(2500, s), RING, SIGMA) for s in range(20)]
  assert all(f.found == 8 for f in found)
  chex.assert_trees_all_close(np.mean([f.high_quality for f in found]), modes.CEILING, atol=1e-3)
  chex.assert_trees_all_close(modes.CEILING, 0.98889, atol=1e-5)
  assert np.mean([f.reverse_kl for f in found]) == pytest.approx(7 / 5000, rel=0.5)
  # the std of a Gaussian cut off at three of them
  cut = np.sqrt(1 - 4.5 * np.exp(-4.5) / (1 - np.exp(-4.5)))
  assert np.mean([f.spread for f in found]) == pytest.approx(cut, abs=0.01)


def test_what_is_lost_shows():
  half = modes.mixture(ideal(2000, means=RING[:4]), RING, SIGMA)
  assert half.found == 4 and half.reverse_kl == pytest.approx(np.log(2), abs=0.01)
  points = modes.mixture(RING[np.arange(800) % 8], RING, SIGMA)
  chex.assert_trees_all_close(tuple(points), (8, 1.0, 0.0, 0.0), atol=1e-9)
  lost = modes.mixture(np.zeros((100, 2)), RING, SIGMA)
  assert lost == (0, 0.0, np.inf, 0.0)


def test_stacked_digits():
  """An ideal sampler has the floor, not 0."""
  random = np.random.default_rng(0)
  found = [modes.stacked(random.integers(0, 10, (26_000, 3))) for _ in range(20)]
  assert all(f.found == 1000 for f in found)
  assert found[0].floor == pytest.approx(0.0192, abs=5e-5)
  assert np.mean([f.reverse_kl for f in found]) == pytest.approx(found[0].floor, abs=0.001)
  one = modes.stacked(np.tile([1, 2, 3], (50, 1)))
  assert one.found == 1 and one.reverse_kl == pytest.approx(np.log(1000))


@pytest.mark.parametrize(
  'digits', [np.zeros((5, 2), int), np.full((5, 3), 10), np.full((5, 3), -1)]
)
def test_what_is_no_digit_is_refused(digits):
  with pytest.raises(ValueError, match='expected digits 0 to 9'):
    modes.stacked(digits)
