"""What lies within stays, what lies beyond is drawn again; styles move towards their mean."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxgan.ops.truncation import redrawn, towards_mean


@pytest.mark.parametrize('threshold', [0.5, 1.0, 2.0])
def test_truncated_latents_are_those_drawn_again(threshold):
  """Bounds and variance: 1 - 2 t phi(t) / (2 Phi(t) - 1)."""
  z = np.float64(
    redrawn(jax.random.normal(jax.random.key(1), (2000, 50)), threshold, jax.random.key(0))
  )
  assert z.shape == (2000, 50) and np.abs(z).max() <= threshold
  density = np.exp(-(threshold**2) / 2) / np.sqrt(2 * np.pi)
  inside = 1 - 2 * float(jax.scipy.stats.norm.sf(threshold))
  variance = 1 - 2 * threshold * density / inside
  # Five standard errors of 100 000 draws, whose squares vary by less than their mean.
  np.testing.assert_allclose(z.var(), variance, rtol=5 * np.sqrt(2 / z.size))
  np.testing.assert_allclose(z.mean(), 0, atol=5 * np.sqrt(variance / z.size))


def test_truncation_ends_at_uniform_and_at_normal():
  draw = lambda threshold: np.float64(
    redrawn(jax.random.normal(jax.random.key(1), (2000, 50)), threshold, jax.random.key(0))
  )
  narrow, wide = draw(1e-3), draw(np.inf)
  np.testing.assert_allclose(narrow.var(), 1e-6 / 3, rtol=0.02)
  np.testing.assert_allclose([wide.var(), np.mean(wide**4)], [1, 3], rtol=0.05)


def test_truncation():
  w, mean = jnp.ones((2, 3, 4)), jnp.zeros(4)
  chex.assert_trees_all_equal(towards_mean(w, mean, 1.0, 3), w)
  near = towards_mean(w, mean, 0.7, 2)
  np.testing.assert_allclose(near[:, :2], 0.7, rtol=1e-6)
  chex.assert_trees_all_equal(near[:, 2:], w[:, 2:])
  chex.assert_trees_all_equal(towards_mean(w, mean, 0.0, 3), jnp.zeros_like(w))


@pytest.mark.parametrize('threshold', [0.3, 1.0, 2.0])
def test_latents_are_those_drawn_until_they_lie_within(threshold, key):
  """The law of N(0, 1) between the thresholds, by Kolmogorov and Smirnov; those within are kept."""
  drawing, cutting = jax.random.split(key)
  z = jax.random.normal(drawing, (50, 100))
  found = redrawn(z, jnp.float32(threshold), cutting)
  within = jnp.abs(z) <= threshold
  assert float(jnp.abs(found).max()) <= threshold
  np.testing.assert_array_equal(found[within], z[within])
  law = stats.truncnorm(-threshold, threshold)
  assert stats.kstest(np.asarray(found).ravel(), law.cdf).pvalue > 0.01


def test_styles_move_towards_their_mean(key):
  w, m = jax.random.normal(key, (3, 4, 5)), jnp.arange(5.0)
  move = lambda psi, layers=None: towards_mean(w, m, psi, layers)
  np.testing.assert_allclose(move(1.0), w, rtol=1e-5, atol=1e-6)
  np.testing.assert_array_equal(move(0.0), jnp.broadcast_to(m, w.shape))
  np.testing.assert_allclose(move(0.5), (w + m[None, None]) / 2, rtol=1e-5)
  np.testing.assert_array_equal(move(0.5, 2)[:, 2:], w[:, 2:])
  np.testing.assert_array_equal(move(0.5, 2)[:, :2], move(0.5)[:, :2])
