"""Networks of tables: what a generated row holds, and packs with their conditions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small_tables

from jaxgan.core import network, network_transforms
from jaxgan.core.columns import spans
from jaxgan.networks import tables

SPEC = small_tables.SPEC
LATENT = 4 + tables.choices(SPEC.columns)


@pytest.fixture(scope='module')
def made():
  """Rows, and the logarithms of their probabilities, of the same latents."""
  net = network.linen(tables.Generator(SPEC.columns, SPEC.shape, (8,), SPEC.classes))
  z, y = jax.random.normal(jax.random.key(0), (64, LATENT)), jnp.arange(64) % SPEC.classes
  variables = net.init(jax.random.key(1), z, y)
  apply = network.with_features(net)
  return [np.array(x) for x in apply(variables, z, y, train=True, key=jax.random.key(2))[0]]


def test_one_hot_vectors_are_shares_and_numbers_lie_in_range(made):
  rows, logs = made[0].reshape(64, -1), made[1]
  for _, (first, width, one_hot) in spans(SPEC.columns):
    part = slice(first, first + width)
    if one_hot:
      np.testing.assert_allclose(rows[:, part].sum(1), 1, rtol=1e-5)
      np.testing.assert_allclose(np.exp(logs[:, part]), rows[:, part], rtol=1e-5)
    else:
      assert np.abs(rows[:, part]).max() <= 1 and not logs[:, part].any()


@pytest.mark.parametrize('latent', ['normal', 'uniform'])
def test_the_last_latents_become_gumbel_noise(latent):
  """Its mean is Euler's constant, its variance pi^2 / 6."""
  draw = {'normal': jax.random.normal, 'uniform': lambda k, n: 2 * jax.random.uniform(k, n) - 1}
  noise = -jnp.log(-tables.LOG_CDF[latent](draw[latent](jax.random.key(0), (100_000,))))
  assert np.isfinite(noise).all()
  assert float(noise.mean()) == pytest.approx(np.euler_gamma, abs=0.02)
  assert float(noise.var()) == pytest.approx(np.pi**2 / 6, abs=0.05)


def test_a_critic_of_packs_sees_each_row_with_its_label():
  net = tables.Critic((8,), classes=5, dropout=0.0)
  packed = network_transforms.packed(network.linen(net), 2)
  x = jax.random.normal(jax.random.key(0), (6, *SPEC.shape))
  y = jnp.arange(6) % 5
  variables = packed.init(jax.random.key(1), x[:2], y[:2])
  logits, _ = packed.apply(variables, x, y, train=True)
  by_hand = jnp.concatenate([x.reshape(3, -1), jax.nn.one_hot(y, 5).reshape(3, -1)], -1)
  whole, _ = network.linen(tables.Critic((8,))).apply(variables, by_hand, train=False)
  np.testing.assert_allclose(logits, whole, rtol=1e-5)
  other, _ = packed.apply(variables, x, y.at[0].set(3), train=True)
  assert logits[0] != other[0] and (logits[1:] == other[1:]).all()
