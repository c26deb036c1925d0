"""Standing statistics against means worked out by hand; truncation at its two ends."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core.network import linen
from jaxgan.evaluation import standing_statistics
from jaxgan.networks.biggan import Generator


@pytest.fixture(scope='module')
def trained():
  """A small generator whose statistics have moved away from where they started."""
  network = linen(Generator(8, 1, 4, 3, 5))
  network = network._replace(apply=jax.jit(network.apply, static_argnames='train'))
  z, labels = jax.random.normal(jax.random.key(0), (6, 7)), jnp.arange(6) % 3
  variables = jax.jit(network.init)(jax.random.key(1), z, labels)
  return network, network.apply(variables, z, labels, train=True)[1]


def drawn(i):
  draw = standing_statistics.truncated(7, 0.5)
  return draw(jax.random.fold_in(jax.random.key(2), i), 6), jnp.arange(6) % 3


def test_statistics_are_the_means_over_batches(trained):
  """Against the statistic that batch norm itself moves by, r <- 0.9 r + 0.1 statistic."""
  network, variables = trained
  made = jax.jit(lambda v: standing_statistics.statistics(network, v, drawn, 3))(variables)
  old = variables['batch_stats']
  found = []
  for i in range(3):
    moved = network.apply(variables, *drawn(i), train=True)[1]['batch_stats']
    found.append(jax.tree.map(lambda new, old: (new - 0.9 * old) / 0.1, moved, old))
  expected = jax.tree.map(lambda *s: sum(s) / 3, *found)
  chex.assert_trees_all_close(made['batch_stats'], expected, rtol=1e-4, atol=1e-5)
  rest = lambda v: {name: value for name, value in v.items() if name != 'batch_stats'}
  chex.assert_trees_all_equal(rest(made), rest(variables))


def test_one_batch_in_use_is_that_batch_in_training(trained):
  """With the statistics of a batch, the images of that batch come out as in training."""
  network, variables = trained
  made = standing_statistics.statistics(network, variables, drawn, 1)
  images = [network.apply(made, *drawn(0), train=train)[0] for train in (False, True)]
  chex.assert_trees_all_close(*images, atol=1e-5)
  assert np.abs(network.apply(variables, *drawn(0), train=False)[0] - images[0]).max() > 1e-3


def test_without_batches_or_batch_norm_there_are_none(trained):
  network, variables = trained
  with pytest.raises(ValueError, match='1 batch or more, got 0'):
    standing_statistics.statistics(network, variables, drawn, 0)
  bare = {name: value for name, value in variables.items() if name != 'batch_stats'}
  with pytest.raises(ValueError, match='has none'):
    standing_statistics.statistics(network, bare, drawn)


@pytest.mark.parametrize('threshold', [0.5, 1.0, 2.0])
def test_truncated_latents_are_those_drawn_again(threshold):
  """Bounds and variance: 1 - 2 t phi(t) / (2 Phi(t) - 1)."""
  z = np.float64(standing_statistics.truncated(50, threshold)(jax.random.key(0), 2000))
  assert z.shape == (2000, 50) and np.abs(z).max() <= threshold
  density = np.exp(-(threshold**2) / 2) / np.sqrt(2 * np.pi)
  inside = 1 - 2 * float(jax.scipy.stats.norm.sf(threshold))
  variance = 1 - 2 * threshold * density / inside
  # Five standard errors of 100 000 draws, whose squares vary by less than their mean.
  np.testing.assert_allclose(z.var(), variance, rtol=5 * np.sqrt(2 / z.size))
  np.testing.assert_allclose(z.mean(), 0, atol=5 * np.sqrt(variance / z.size))


def test_truncation_ends_at_uniform_and_at_normal():
  draw = lambda threshold: np.float64(
    standing_statistics.truncated(50, threshold)(jax.random.key(0), 2000)
  )
  narrow, wide = draw(1e-3), draw(np.inf)
  np.testing.assert_allclose(narrow.var(), 1e-6 / 3, rtol=0.02)
  np.testing.assert_allclose([wide.var(), np.mean(wide**4)], [1, 3], rtol=0.05)
  with pytest.raises(ValueError, match='above 0, it is 0'):
    standing_statistics.truncated(7, 0.0)
