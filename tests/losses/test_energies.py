"""Losses of critics that are energies."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core import parts
from jaxgan.core.nets import Nets
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


def known(k=0.0):
  return Nets({}, {}, {}, memory={'k': jnp.float32(k), 'other': 1})


def test_began_weighs_the_energy_of_fakes_by_k():
  real, fake = -jnp.array([0.5, 1.5]), -jnp.array([0.25, 3.0])
  objective = energies.boundary(0.4)
  np.testing.assert_allclose(objective.critic(real, fake), 1 - 0.4 * 1.625, rtol=1e-6)
  np.testing.assert_allclose(objective.generator(real, fake), 1.625)
  assert energies.boundary(0.0).critic(real, fake) == 1.0  # an autoencoder and no more


def test_k_after_known_losses_has_a_closed_form():
  """While no bound is met, k is the sum of all steps: rate (gamma sum of L(x) - sum of L(G))."""
  draw, nets, observe = np.random.default_rng(0), known(0.3), energies.balancing(0.5, 0.01)
  real, fake = draw.uniform(0, 1, (2, 9, 4)).astype(np.float32)
  for r, f in zip(real, fake, strict=True):
    nets, logs = observe(nets, -jnp.array(r), -jnp.array(f))
  whole = 0.5 * real.mean(1) - fake.mean(1)
  assert nets.memory['other'] == 1
  np.testing.assert_allclose(nets.memory['k'], 0.3 + 0.01 * whole.sum(), rtol=1e-5)
  np.testing.assert_allclose(logs['k'], 0.3 + 0.01 * whole[:-1].sum(), rtol=1e-5)
  np.testing.assert_allclose(logs['measure'], real[-1].mean() + abs(whole[-1]), rtol=1e-5)


def test_k_stays_in_its_bounds():
  observe = energies.balancing(0.5, 10.0)
  assert observe(known(0.5), -jnp.ones(2), -jnp.zeros(2))[0].memory['k'] == 1
  assert observe(known(0.5), -jnp.zeros(2), -jnp.ones(2))[0].memory['k'] == 0


def test_the_balance_is_reached():
  """Fakes whose energy rises with k, L(G) = 0.2 + k: k comes to where it is gamma times L(x)."""
  nets, observe = known(), energies.balancing(0.7, 0.1)
  for _ in range(200):
    nets, logs = observe(nets, -jnp.ones(3), jnp.full(3, -0.2 - nets.memory['k']))
  np.testing.assert_allclose(nets.memory['k'], 0.5, rtol=1e-4)
  np.testing.assert_allclose(logs['measure'], 1.0, rtol=1e-4)  # in balance it is L(x)
