"""Both adapters keep one contract, and the same weights play the same game through either."""

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

from jaxgan.core import game, network, network_transforms, nnx_network
from jaxgan.core.game import Game, Player, Turn
from jaxgan.core.network import linen, with_features
from jaxgan.core.network_transforms import computed_in
from jaxgan.losses import adversarial, gradient_penalties, objectives
from jaxgan.networks import resnet
from jaxgan.nn.dense import Dense
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


# --- one contract, two adapters


class Dropped(nn.Module):
  """Batch norm, and dropout in two places."""

  @nn.compact
  def __call__(self, x, *, train):
    x = nn.Dropout(0.5, deterministic=not train)(x)
    x = nn.BatchNorm(not train)(nn.Dense(6)(x))
    return x, nn.Dropout(0.5, deterministic=not train)(jnp.ones_like(x))


class NnxDropped(nnx.Module):
  """`Dropped` in NNX."""

  def __init__(self, rngs):
    self.Dropout_0 = nnx.Dropout(0.5, rngs=rngs)
    self.Dense_0 = nnx.Linear(6, 6, rngs=rngs)
    self.BatchNorm_0 = nnx.BatchNorm(6, rngs=rngs)
    self.Dropout_1 = nnx.Dropout(0.5, rngs=rngs)

  def __call__(self, x, *, train):
    x = self.Dropout_0(x, deterministic=not train)
    x = self.BatchNorm_0(self.Dense_0(x), use_running_average=not train)
    return x, self.Dropout_1(jnp.ones_like(x), deterministic=not train)


BOTH = pytest.mark.parametrize(
  'adapted', [network.linen(Dropped()), nnx_network.nnx(NnxDropped)], ids=['linen', 'nnx']
)


@pytest.fixture
def x():
  return jnp.float32(np.random.default_rng(9).standard_normal((16, 6)))


def stats_of(variables):
  return {kind: value for kind, value in variables.items() if kind != 'params'}


def differ(a, b):
  return not all(jax.tree.leaves(jax.tree.map(lambda x, y: bool((x == y).all()), a, b)))


@BOTH
def test_the_key_decides_what_is_dropped(adapted, key, x):
  variables = adapted.init(key, x)
  run = jax.jit(partial(adapted.apply, train=True))
  once, again = run(variables, x, key=key), run(variables, x, key=key)
  chex.assert_trees_all_equal(once, again)
  (y, mask), _ = once
  other = run(variables, x, key=jax.random.key(1))[0]
  assert differ(y, other[0]) and differ(mask, other[1])
  assert set(mask.ravel().tolist()) == {0.0, 2.0}  # kept or dropped, in the mean as it was


@BOTH
def test_two_dropouts_do_not_share_their_numbers(adapted, key, x):
  variables = adapted.init(key, x)
  probe = {**variables, 'params': jax.tree.map(jnp.zeros_like, variables['params'])}
  probe['params']['Dense_0']['kernel'] = jnp.eye(6)
  probe['params']['BatchNorm_0']['scale'] = jnp.ones(6)
  big = jnp.full((64, 6), 7.0)
  (y, mask), _ = adapted.apply(probe, big, train=True, key=key)
  kept = y > 0  # after batch norm, what was kept lies above the mean
  share = (kept == (mask > 0)).mean()
  assert 0.35 < share < 0.65  # 384 coins: six deviations


@BOTH
def test_at_rest_nothing_is_drawn_and_nothing_moves(adapted, key, x):
  variables = adapted.init(key, x)
  (y, mask), after = adapted.apply(variables, x, train=False)
  chex.assert_trees_all_equal(adapted.apply(variables, x, train=False, key=key)[0], (y, mask))
  chex.assert_trees_all_equal(mask, jnp.ones_like(mask))
  chex.assert_trees_all_equal(after, variables)


@BOTH
def test_in_training_statistics_move_and_parameters_do_not(adapted, key, x):
  variables = adapted.init(key, x)
  before = jax.tree.map(jnp.copy, variables)
  _, after = adapted.apply(variables, x, train=True, key=key)
  chex.assert_trees_all_equal(variables, before)
  chex.assert_trees_all_equal(after['params'], variables['params'])
  moved = jax.tree.map(lambda a, b: bool((a != b).any()), stats_of(after), stats_of(variables))
  assert all(jax.tree.leaves(moved)) and len(jax.tree.leaves(moved)) == 2
  chex.assert_trees_all_equal_shapes_and_dtypes(after, variables)


@BOTH
def test_variables_hold_no_random_numbers(adapted, key, x):
  """A stream that stayed in the state would go on where a resumed run starts anew."""
  leaves = jax.tree.leaves(adapted.init(key, x))
  assert {leaf.dtype for leaf in leaves} == {jnp.dtype('float32')}
  assert len(leaves) == 6  # kernel, bias; scale, bias; mean, variance


@BOTH
def test_a_training_call_leaves_nothing_behind(adapted, key, x):
  """Not in the module's template, and no tracer of one trace in the next."""
  variables = adapted.init(key, x)
  run = lambda: jax.jit(partial(adapted.apply, train=True))(variables, x, key=key)
  first = run()
  slope = jax.grad(lambda v: adapted.apply(v, x, train=True, key=jax.random.key(3))[0][0].sum())
  jax.jit(slope)(variables)
  chex.assert_trees_all_equal(run(), first)
  chex.assert_trees_all_equal(adapted.init(key, x), variables)
  with jax.checking_leaks():
    chex.assert_trees_all_equal(run(), first)


@BOTH
def test_the_key_decides_the_first_weights(adapted, key, x):
  kernel = lambda k: adapted.init(k, x)['params']['Dense_0']['kernel']
  chex.assert_trees_all_equal(kernel(key), jax.jit(kernel)(key))
  assert differ(kernel(key), kernel(jax.random.key(1)))


@BOTH
def test_dropout_without_a_key_is_an_error(adapted, key, x):
  """Else every step would drop the same units."""
  with pytest.raises(Exception, match='(?i)key|rng'):
    adapted.apply(adapted.init(key, x), x, train=True)


# --- Linen's own


class Spectral(nn.Module):
  """A layer of spectral norm."""

  @nn.compact
  def __call__(self, x, *, train):
    return Dense(4, spectral=True)(x)


def test_spectral_vectors_move_in_training_only(key, x):
  adapted = network.linen(Spectral())
  variables = adapted.init(key, x)
  assert set(variables) == {'params', 'spectral'}
  chex.assert_trees_all_equal(adapted.apply(variables, x, train=False)[1], variables)
  _, after = adapted.apply(variables, x, train=True)
  chex.assert_trees_all_equal(after['params'], variables['params'])
  assert differ(after['spectral'], variables['spectral'])


def test_a_module_without_parameters_has_empty_ones(key, x):
  class Negative(nn.Module):
    @nn.compact
    def __call__(self, x, *, train):
      return -x

  adapted = network.linen(Negative())
  assert adapted.init(key, x) == {'params': {}}
  y, after = adapted.apply({'params': {}}, x, train=True)
  chex.assert_trees_all_equal(y, -x)
  assert after == {'params': {}}


# --- features, and networks made of others


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


def test_features_of_a_projection_are_what_it_projects(key):
  critic, x = linen(resnet.Critic(4, 3)), jax.random.normal(key, (2, 8, 8, 1))
  labels = jnp.array([0, 2])
  variables = critic.init(key, x, labels)
  found, _ = network_transforms.of_features(critic).apply(variables, x, labels, train=False)
  chex.assert_shape(found, (2, 4))
  lowered = network_transforms.of_features(computed_in(critic, jnp.bfloat16))
  assert lowered.apply(variables, x, labels, train=False)[0].dtype == jnp.float32
