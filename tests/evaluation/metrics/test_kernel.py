import chex
import numpy as np
import pytest

from jaxgan.evaluation.metrics import kernel


def brute(x, y):
  k = lambda a, b: (a @ b / len(a) + 1) ** 3
  mean = lambda pairs: np.mean([k(a, b) for a, b in pairs])
  others = lambda x: [(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j]
  return mean(others(x)) + mean(others(y)) - 2 * mean([(a, b) for a in x for b in y])


def test_equals_its_formula():
  random = np.random.default_rng(0)
  x, y = random.normal(size=(9, 4)), random.normal(size=(7, 4)) + 0.3
  chex.assert_trees_all_close(kernel.distance(x, y), brute(x, y), rtol=1e-12)


def test_without_bias():
  """The mean over draws of one distribution is 0, as often below as above."""
  random = np.random.default_rng(0)
  values = [kernel.distance(*random.normal(size=(2, 40, 5))) for _ in range(400)]
  assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))


@pytest.mark.parametrize(
  ('width', 'mean', 'deviation', 'block'),
  [(64, -5.0306e-05, 6.3603e-04, -1.46311e-03), (2048, 3.324699e-03, 4.69865e-05, 3.29306e-03)],
)
def test_matches_torch_fidelity(peers, width, mean, deviation, block):
  """0.4.0, ten subsets of 1000: it computes in float32, to 2e-4; one block in float64 agrees."""
  real, fake, _ = peers[width]
  chex.assert_trees_all_close(kernel.distance(real[:1000], fake[:1000]), block, atol=5e-9, rtol=0)
  found = kernel.in_subsets(real, fake, subsets=10)
  chex.assert_trees_all_close(found[0], mean, atol=1e-6, rtol=0)
  chex.assert_trees_all_close(found[1], deviation, atol=1e-6, rtol=0)


def test_subsets_need_their_size():
  with pytest.raises(ValueError, match='has 9 rows and this metric needs 10'):
    kernel.in_subsets(np.zeros((20, 2)), np.zeros((9, 2)), size=10)
