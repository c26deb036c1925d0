"""The area under the curve, against counting all pairs."""

import numpy as np
import pytest

from jaxgan.evaluation.metrics.intervals import wilson
from jaxgan.evaluation.metrics.ranking import auroc


@pytest.mark.parametrize('seed', range(5))
@pytest.mark.parametrize('levels', [3, 1000])
def test_is_the_share_of_pairs_in_order(seed, levels):
  """With three levels most pairs are ties, which count half."""
  draw = np.random.default_rng(seed)
  normal, abnormal = draw.integers(0, levels, 37), draw.integers(levels // 3, levels, 23)
  pairs = abnormal[:, None] - normal[None]
  expected = np.mean((pairs > 0) + 0.5 * (pairs == 0))
  assert auroc(normal, abnormal).value == pytest.approx(expected, abs=1e-12)


def test_ends_and_middle():
  low, high = np.arange(5), np.arange(5, 9)
  assert auroc(low, high).value == auroc(low, high).high == 1
  assert auroc(high, low).value == 0
  assert auroc(np.ones(4), np.ones(6)).value == 0.5


def test_what_grows_with_the_scores_is_nothing_to_it():
  draw = np.random.default_rng(0)
  normal, abnormal = draw.normal(size=40), draw.normal(1, size=30)
  assert auroc(np.exp(normal), np.exp(abnormal)) == auroc(normal, abnormal)


def test_the_interval_holds_the_truth():
  """Of N(0, 1) and N(1, 1): Phi(1 / sqrt 2) = 0.760; nineteen times in twenty."""
  inside = 0
  for seed in range(200):
    draw = np.random.default_rng(seed)
    found = auroc(draw.normal(size=60), draw.normal(1, size=40))
    inside += found.low <= 0.76025 <= found.high
  assert 180 <= inside <= 199


@pytest.mark.parametrize('bad', [[], [np.nan], [[1.0]]])
def test_scores_are_needed(bad):
  with pytest.raises(ValueError, match='abnormal should be finite scores'):
    auroc(np.ones(3), np.array(bad))


def test_a_perfect_separation_is_not_certain():
  found = auroc(np.arange(5.0), np.arange(10.0, 18.0))
  assert found == wilson(5, 5) and 0 < found.low < found.high == 1
  assert auroc(np.zeros(4), np.zeros(6)) == wilson(2, 4)
