"""NNX modules beside Linen ones: the same weights play the same game through either adapter."""

from dataclasses import replace
from functools import partial

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from jaxgan.core import game, network, nnx_network
from jaxgan.core.game import Game, Player, Turn
from jaxgan.core.network import linen, with_features
from jaxgan.losses import adversarial, gradient_penalties, objectives
from jaxgan.nn.elementwise import leaky_relu

SIZE, LATENT = 6, 5


class Generator(nn.Module):
  """A perceptron with batch norm."""

  @nn.compact
  def __call__(self, z, *, train):
    x = nn.Dense(8, use_bias=False)(z)
    x = nn.relu(nn.BatchNorm(not train, momentum=0.9)(x))
    return jnp.tanh(nn.Dense(SIZE * SIZE)(x)).reshape(-1, SIZE, SIZE, 1)


class Critic(nn.Module):
  """A convolutional critic with batch norm."""

  @nn.compact
  def __call__(self, x, *, train):
    x = leaky_relu(nn.Conv(4, (3, 3), (2, 2))(x))
    x = nn.Conv(4, (3, 3), use_bias=False)(x)
    x = leaky_relu(nn.BatchNorm(not train, momentum=0.9)(x)).reshape(len(x), -1)
    self.sow('intermediates', 'features', x)
    return nn.Dense(1)(x)[:, 0]


class NnxGenerator(nnx.Module):
  """`Generator`, its layers under the names that Linen gives."""

  def __init__(self, rngs):
    self.Dense_0 = nnx.Linear(LATENT, 8, use_bias=False, rngs=rngs)
    self.BatchNorm_0 = nnx.BatchNorm(8, momentum=0.9, rngs=rngs)
    self.Dense_1 = nnx.Linear(8, SIZE * SIZE, rngs=rngs)

  def __call__(self, z, *, train):
    x = nnx.relu(self.BatchNorm_0(self.Dense_0(z), use_running_average=not train))
    return jnp.tanh(self.Dense_1(x)).reshape(-1, SIZE, SIZE, 1)


class NnxCritic(nnx.Module):
  """`Critic`, its layers under the names that Linen gives."""

  def __init__(self, rngs):
    self.Conv_0 = nnx.Conv(1, 4, (3, 3), (2, 2), rngs=rngs)
    self.Conv_1 = nnx.Conv(4, 4, (3, 3), use_bias=False, rngs=rngs)
    self.BatchNorm_0 = nnx.BatchNorm(4, momentum=0.9, rngs=rngs)
    self.Dense_0 = nnx.Linear(3 * 3 * 4, 1, rngs=rngs)

  def __call__(self, x, *, train):
    return self.with_features(x, train=train)[0]

  def with_features(self, x, *, train):
    x = leaky_relu(self.Conv_0(x))
    x = leaky_relu(self.BatchNorm_0(self.Conv_1(x), use_running_average=not train))
    x = x.reshape(len(x), -1)
    return self.Dense_0(x)[:, 0], x


def played_by(generator, critic):
  """WGAN-GP with two critic steps and a lazy R1: second derivatives inside loop and branch."""
  draw = lambda key, n: jax.random.normal(key, (n, LATENT))
  critic_loss, generator_loss = adversarial.adversarial(
    objectives.wasserstein(), gradient_penalties.gradient_penalty(), latent=draw
  )
  lazy, _ = adversarial.adversarial(objectives.hinge(), gradient_penalties.r1(1.0), latent=draw)
  turns = (
    Turn('critic', critic_loss, repeats=2),
    Turn('critic', lazy, 'lazy', every=2),
    Turn('generator', generator_loss),
  )
  networks = {'generator': generator, 'critic': critic}
  movers = {name: Player((name,), optax.sgd(0.05)) for name in networks}
  return Game(networks, movers, turns)


def test_same_weights_play_the_same_step_through_both(key):
  ours = played_by(network.linen(Generator()), network.linen(Critic()))
  theirs = played_by(nnx_network.nnx(NnxGenerator), nnx_network.nnx(NnxCritic))
  example = {'generator': (jnp.zeros((2, LATENT)),), 'critic': (jnp.zeros((2, SIZE, SIZE, 1)),)}
  state = game.init(ours, key, example)
  chex.assert_trees_all_equal_shapes(state.params, game.init(theirs, key, example).params)
  stats = {name: {'state': kept['batch_stats']} for name, kept in state.variables.items()}
  twin = replace(state, variables=stats)
  chex.assert_trees_all_equal_structs(twin, game.init(theirs, key, example))

  def steps(chosen, state):
    step = jax.jit(partial(game.train_step, chosen))
    for i in range(2):
      images = jnp.float32(np.random.default_rng(i).uniform(-1, 1, (2, 8, SIZE, SIZE, 1)))
      state, logs = step(state, {'image': images})
      yield state, logs
    assert step._cache_size() == 1

  for (a, logs_a), (b, logs_b) in zip(steps(ours, state), steps(theirs, twin), strict=True):
    chex.assert_trees_all_close(a.params, b.params, atol=1e-6)
    stats = {name: kept['batch_stats'] for name, kept in a.variables.items()}
    chex.assert_trees_all_close(
      stats, {n: kept['state'] for n, kept in b.variables.items()}, atol=1e-6
    )
    chex.assert_trees_all_close(logs_a, logs_b, atol=1e-6, rtol=1e-6)
    assert (logs_a['critic/penalty'] > 0.1) and jnp.isnan(logs_a['lazy/loss']) == (a.step == 2)


@pytest.mark.parametrize(
  'adapted', [linen(Critic()), nnx_network.nnx(NnxCritic)], ids=['linen', 'nnx']
)
@pytest.mark.parametrize('train', [True, False])
def test_features_are_what_the_last_layer_is_given(key, adapted, train):
  """Times the kernel of the dense layer at the critic's end, plus the bias, they are the logits."""
  x = jax.random.normal(key, (3, SIZE, SIZE, 1))
  variables = adapted.init(key, x)
  (logits, found), moved = with_features(adapted)(variables, x, train=train)
  last = variables['params']['Dense_0']
  chex.assert_trees_all_close(found @ last['kernel'][:, 0] + last['bias'][0], logits, rtol=1e-5)
  chex.assert_trees_all_equal((logits, moved), adapted.apply(variables, x, train=train))
  chex.assert_trees_all_equal_shapes(moved, variables)
