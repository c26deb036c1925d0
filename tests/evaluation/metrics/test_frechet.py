import chex
import numpy as np
import pytest

from jaxgan.evaluation.metrics import frechet, moments


def drawn(n, d, seed=0, shift=0.0):
  random = np.random.default_rng(seed)
  return random.normal(size=(n, d)) @ np.random.default_rng(9).normal(size=(d, d)) + shift


def against(real):
  return frechet.reference(moments.of(real))


def exact(mean, covariance):
  return moments.Moments(10**6, np.asarray(mean), np.asarray(covariance) * (10**6 - 1.0))


def test_two_gaussians_on_one_axis():
  """(mu_1 - mu_2)^2 + (sigma_1 - sigma_2)^2 on each axis, whatever the axes."""
  turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
  spread = lambda *sigma: turn @ np.diag(np.square(sigma)) @ turn.T
  a, b = exact([1.0, 2, 3], spread(1.0, 2, 0.5)), exact([1.0, 0, 3], spread(3.0, 2, 0))
  expected = 4 + (1 - 3) ** 2 + 0.5**2
  chex.assert_trees_all_close(frechet.distance(a, frechet.reference(b)), expected, rtol=1e-9)


def test_no_distance_to_itself_and_the_order_of_rows_is_nothing():
  x = drawn(300, 20)
  assert abs(frechet.distance_of(x, against(x))) < 1e-9
  y = drawn(200, 20, 1, shift=0.2)
  shuffled = np.random.default_rng(2).permutation(y)
  chex.assert_trees_all_close(
    frechet.distance_of(y, against(x)), frechet.distance_of(shuffled, against(x)), rtol=1e-12
  )


def test_symmetric():
  x, y = drawn(300, 10), drawn(300, 10, 1, shift=0.5)
  chex.assert_trees_all_close(
    frechet.distance_of(x, against(y)), frechet.distance_of(y, against(x)), rtol=1e-9
  )


@pytest.mark.parametrize(('n', 'd'), [(500, 20), (20, 50), (21, 20)])
def test_from_features_as_from_moments(n, d):
  """Fewer samples than features too, where a Gram matrix takes the place of the covariance."""
  real, fake = drawn(2 * n, d), drawn(n, d, 1, shift=0.1)
  chex.assert_trees_all_close(
    frechet.distance_of(fake, against(real)),
    frechet.distance(moments.of(fake), against(real)),
    rtol=1e-7,
  )


def test_matches_torch_fidelity(peers):
  """0.4.0 says 0.23781506308; its mean is one of float32, so it is 1.5e-7 off."""
  real, fake, _ = peers[64]
  value = frechet.distance_of(fake, against(real))
  assert abs(value - 0.23781506308409917) < 1e-6


def test_bias_falls_as_one_over_n_and_is_fitted_away():
  """Of one distribution on both sides: what is left is far below the plain distance."""
  real = against(drawn(20_000, 16))
  values = {
    n: np.mean([frechet.distance_of(drawn(n, 16, s), real) for s in range(1, 9)])
    for n in (250, 500)
  }
  assert 1.7 < values[250] / values[500] < 2.3
  left = [frechet.without_bias(drawn(500, 16, s), real)[0] for s in range(1, 9)]
  assert abs(np.mean(left)) < 0.25 * values[500]


def test_widths_must_agree():
  with pytest.raises(ValueError, match='fake has 5 features and the reference 4'):
    frechet.distance_of(drawn(9, 5), against(drawn(9, 4)))
