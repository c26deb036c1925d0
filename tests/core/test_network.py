"""Both adapters keep one contract."""

from functools import partial

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxgan.core import network, network_transforms, nnx_network
from jaxgan.core.network import linen, with_features
from jaxgan.core.network_transforms import computed_in
from jaxgan.networks import resnet
from jaxgan.nn.dense import Dense

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


def test_a_network_without_features_says_so(key, x):
  with pytest.raises(ValueError, match='this critic shows no features: call self.sow'):
    with_features(nnx_network.nnx(NnxDropped))
  net = linen(Dropped())
  with pytest.raises(ValueError, match='this critic shows no features: call self.sow'):
    with_features(net)(net.init(key, x), x, train=False)


def test_features_of_a_projection_are_what_it_projects(key):
  critic, x = linen(resnet.Critic(4, 3)), jax.random.normal(key, (2, 8, 8, 1))
  labels = jnp.array([0, 2])
  variables = critic.init(key, x, labels)
  found, _ = network_transforms.of_features(critic).apply(variables, x, labels, train=False)
  chex.assert_shape(found, (2, 4))
  lowered = network_transforms.of_features(computed_in(critic, jnp.bfloat16))
  assert lowered.apply(variables, x, labels, train=False)[0].dtype == jnp.float32
