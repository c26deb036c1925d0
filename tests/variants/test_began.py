"""BEGAN: networks of one architecture, and a weight that is part of the state."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import variants
from jaxgan.core import game
from jaxgan.core.typing import Spec

BATCH = {'image': jax.random.uniform(jax.random.key(5), (4, 8, 8, 1), minval=-1.0)}


def made(**options):
  options = dict(batch_size=4, width=2, latent_size=3) | options
  stage = variants.build(variants.configure('began', **options), Spec(8, 1)).stages[0]
  return stage.game, game.init(stage.game, jax.random.key(0), dict(stage.example))


def test_the_paper_has_its_rates():
  config = variants.configure('began', 'paper')
  assert (config.generator_lr, config.beta1, config.batch_size) == (1e-4, 0.5, 16)
  assert (config.gamma, config.balance_rate, config.latent) == (0.5, 0.001, 'uniform')


def test_generator_and_decoder_have_one_architecture():
  _, state = made()
  shapes = lambda tree: jax.tree.map(jnp.shape, tree)
  decoder = state.params['critic']['decoder']
  assert shapes(state.params['generator']) == shapes(decoder)
  equal = jax.tree.map(np.array_equal, state.params['generator'], decoder)
  assert not equal['Conv_0']['weight']['kernel']


def test_the_critic_uses_k_and_then_moves_it():
  """Its loss has the k of before the turn; the next k follows from the energies that it logs."""
  played, state = made(balance_rate=0.2, gamma=1.5)
  nets = dataclasses.replace(game.nets(played, state), memory={'k': jnp.float32(0.4)})
  value, after, logs = played.turns[0].loss(nets, BATCH, jax.random.key(1))
  real, fake = -logs['real'], -logs['fake']
  assert logs['k'] == np.float32(0.4)
  np.testing.assert_allclose(value, real - 0.4 * fake, rtol=1e-5)
  np.testing.assert_allclose(after.memory['k'], 0.4 + 0.2 * (1.5 * real - fake), rtol=1e-5)
  np.testing.assert_allclose(logs['measure'], real + abs(1.5 * real - fake), rtol=1e-5)


def test_what_means_nothing_is_refused():
  for option in ('gamma', 'width'):
    with pytest.raises(ValueError, match=f'--{option} must be above 0'):
      variants.configure('began', **{option: 0})
  with pytest.raises(ValueError, match='--balance-rate'):
    variants.configure('began', balance_rate=-1.0)


def test_its_critic_is_shown_without_a_loss_that_sets_kinds_apart():
  """So nobody takes a critic in balance for one that is wrong about nearly all images."""
  played, state = made()
  shown = []
  nets = dataclasses.replace(game.nets(played, state), witness=shown.append)
  jax.eval_shape(lambda: played.turns[0].loss(nets, BATCH, jax.random.key(1))[0])
  assert [one.critic for one in shown] == [None]
