"""BEGAN: networks of one architecture, and a weight that is part of the state."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import variants
from jaxgan.core import game
from jaxgan.core.typing import Spec

BATCH = {'image': jax.random.uniform(jax.random.key(5), (1, 4, 16, 16, 1), minval=-1.0)}


def made(**options):
  options = dict(batch_size=4, width=2, latent_size=3) | options
  stage = variants.build(variants.configure('began', **options), Spec(16, 1)).stages[0]
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


def test_a_step_uses_k_and_then_moves_it():
  """The critic's loss has the k of before the step; the next k follows from what the step logs."""
  played, state = made(balance_rate=2.0, gamma=1.5)
  state = dataclasses.replace(state, memory={'k': jnp.float32(0.4)})
  moved, logs = jax.jit(lambda state: game.train_step(played, state, BATCH))(state)
  real, fake = -logs['critic/real'], -logs['critic/fake']
  assert logs['critic/k'] == np.float32(0.4)
  np.testing.assert_allclose(logs['critic/loss'], real - 0.4 * fake, rtol=1e-5)
  off = 1.5 * real - fake
  np.testing.assert_allclose(moved.memory['k'], np.clip(0.4 + 2 * off, 0, 1), rtol=1e-5)
  np.testing.assert_allclose(logs['critic/measure'], real + abs(off), rtol=1e-5)


def test_what_means_nothing_is_refused():
  for option in ('gamma', 'width'):
    with pytest.raises(ValueError, match=f'--{option} must be above 0'):
      variants.configure('began', **{option: 0})
  with pytest.raises(ValueError, match='--balance-rate'):
    variants.configure('began', balance_rate=-1.0)
