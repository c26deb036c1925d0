"""Modes of numbers, beside scikit-learn's variational mixture."""

import numpy as np
import pytest

from jaxgan.data import modes


def two(n=1500):
  draw = np.random.default_rng(0)
  return np.concatenate([draw.normal(0, 1, n // 4), draw.normal(30, 4, 3 * n // 4)])


def test_modes_that_are_apart_are_found_with_their_deviations():
  values = two()
  found = modes.fit(values)
  low = [mode for mode in found if mode[0] < 10]
  assert len(low) == 1 and low[0][0] == pytest.approx(0, abs=0.3)
  assert low[0][1] == pytest.approx(1, abs=0.3)
  high = np.array([mode for mode in found if mode[0] > 10])
  assert high[:, 0] == pytest.approx(30, abs=4) and len(found) <= 5


@pytest.mark.slow
def test_the_fit_explains_values_as_well_as_that_of_scikit_learn():
  mixture = pytest.importorskip('sklearn.mixture', reason='needs scikit-learn')
  values = two()
  other = mixture.BayesianGaussianMixture(
    n_components=10, weight_concentration_prior=1e-3, random_state=0, max_iter=500
  ).fit(values[:, None])
  theirs = (other.means_[:, 0], np.sqrt(other.covariances_[:, 0, 0]), other.weights_)
  means, deviations = np.array(modes.fit(values)).T

  def best(means, deviations):
    apart = (values[:, None] - means) / deviations
    return (-(apart**2) / 2 - np.log(deviations)).max(1).mean()

  kept = theirs[2] > 0.005
  assert best(means, deviations) >= best(theirs[0][kept], theirs[1][kept]) - 0.1


def test_the_fit_follows_scale_and_shift_and_not_the_order():
  values = two()
  one, other = np.array(modes.fit(values)), np.array(modes.fit(1000 - 7 * values[::-1]))
  np.testing.assert_allclose(other[::-1, 0], 1000 - 7 * one[:, 0], rtol=1e-3)
  np.testing.assert_allclose(other[::-1, 1], 7 * one[:, 1], rtol=1e-2)
  assert modes.fit(values) == modes.fit(values)


def test_few_and_equal_values_have_modes():
  assert modes.fit(np.full(5, 3.0)) == ((3.0, 1.0),)
  found = modes.fit(np.array([1.0, 2.0]))
  assert 1 <= len(found) <= 2 and all(std > 0 for _, std in found)
