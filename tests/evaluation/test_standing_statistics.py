"""Standing statistics against means worked out by hand."""

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
  key = jax.random.fold_in(jax.random.key(2), i)
  return jax.random.truncated_normal(key, -0.5, 0.5, (6, 7)), jnp.arange(6) % 3


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
