"""Losses of critics that are energies."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core import parts
from jaxgan.losses import energies


def test_the_margin_ends_the_push_on_fakes():
  real, fake = -jnp.array([0.5, 1.5]), -jnp.array([0.25, 3.0])
  objective = energies.margin(2.0)
  # E(x) = (0.5 + 1.5) / 2; relu(2 - E) = 1.75 and 0, of which the mean is 0.875
  np.testing.assert_allclose(objective.critic(real, fake), 1 + 0.875)
  np.testing.assert_allclose(objective.generator(real, fake), (0.25 + 3) / 2)
  slopes = jax.grad(objective.critic, argnums=1)(real, fake)
  chex.assert_trees_all_close(slopes, jnp.array([0.5, 0.0]))
  with pytest.raises(ValueError, match='margin must be above 0, it is 0'):
    energies.margin(0)


def test_the_best_energies_against_a_perfect_generator_cost_the_margin():
  """Zhao et al., theorem 2: any constant from 0 to m has the value m; above, it costs more."""
  losses = [float(energies.margin(2.0).critic(-jnp.full(3, e), -jnp.full(3, e))) for e in (0, 1, 2)]
  np.testing.assert_allclose(losses, 2.0)
  assert energies.margin(2.0).critic(-jnp.full(3, 2.5), -jnp.full(3, 2.5)) == 2.5


def test_where_fakes_are_too_frequent_their_energy_is_the_margin():
  """Three points: energies in [0, m] that cost least are 0 where data is more frequent, else m."""
  data, fakes, size = np.array([1, 2, 5]) / 8, np.array([4, 3, 1]) / 8, 1.5
  real, fake = (np.repeat(np.arange(3), (8 * p).astype(int)) for p in (data, fakes))
  loss = lambda table: energies.margin(size).critic(-table[real], -table[fake])
  table = jnp.full(3, 0.7)
  for _ in range(100):
    table = jnp.clip(table - 0.1 * jax.grad(loss)(table), 0)
  np.testing.assert_allclose(table, [size, size, 0], atol=0.06)


def test_codes_that_point_in_one_direction_cost_one():
  codes = jnp.array([[1.0, 2.0], [-2.0, -4.0], [0.5, 1.0]])
  np.testing.assert_allclose(energies.pulling_away(codes), 1, rtol=1e-6)
  chex.assert_trees_all_close(energies.pulling_away(jnp.eye(4) * 3), jnp.float32(0), atol=1e-7)
  angle = jnp.array([[1.0, 0.0], [1.0, 1.0]])
  np.testing.assert_allclose(energies.pulling_away(angle), 0.5, rtol=1e-6)
  assert np.isfinite(jax.grad(energies.pulling_away)(jnp.zeros((3, 2)))).all()


def test_codes_of_all_images_are_compared():
  def loss(own, batch, key):
    return energies.pulling_away(own * batch), ()

  with pytest.raises(ValueError, match='pulling-away term compares all its images'):
    parts.gradients(loss, 2, jnp.ones(()), jnp.ones((4, 2)), jax.random.key(0))
