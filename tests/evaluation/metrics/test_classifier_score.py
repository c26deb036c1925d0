import chex
import numpy as np
import pytest

from jaxgan.evaluation.metrics.classifier_score import classifier_score


def sure_of(classes):
  return 50.0 * np.eye(10)[classes]


def test_from_one_to_the_number_of_classes():
  assert classifier_score(np.zeros((100, 10)))[0] == pytest.approx(1)
  assert classifier_score(sure_of(np.full(100, 3)))[0] == pytest.approx(1)
  even = sure_of(np.tile(np.arange(10), 10))
  assert classifier_score(even, seed=None)[0] == pytest.approx(10)
  assert classifier_score(sure_of(np.arange(100) % 2), seed=None)[0] == pytest.approx(2)


@pytest.mark.parametrize(
  ('width', 'mean', 'deviation'),
  [(64, 3.8430646532, 0.1510448189), (2048, 3.8623936171, 0.0896482011)],
)
def test_matches_torch_fidelity(peers, width, mean, deviation):
  """0.4.0, ten shuffled splits."""
  found = classifier_score(peers[width][2])
  chex.assert_trees_all_close(found, (mean, deviation), rtol=1e-8)


def test_a_shift_of_all_logits_is_nothing():
  logits = np.random.default_rng(0).normal(size=(50, 10))
  moved = logits + np.arange(50.0)[:, None] * 100
  chex.assert_trees_all_close(classifier_score(logits), classifier_score(moved), rtol=1e-9)
