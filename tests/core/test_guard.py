"""What is not finite is left out, counted, and leaves no trace."""

import functools
import random
from dataclasses import replace

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from by_path import leaves
from jaxgan.core import averaging, game, guard
from jaxgan.core.game import Game, Player, Turn
from jaxgan.core.network import linen
from jaxgan.nn.normalization import BatchNorm

BATCH = {'x': jnp.ones((1, 4, 3)) * jnp.arange(4.0)[None, :, None]}


class Layer(nn.Module):
  @nn.compact
  def __call__(self, x, *, train):
    return BatchNorm()(nn.Dense(3, use_bias=False)(x), train=train)


def square(nets, batch, key):
  y, nets = nets('a', batch['x'])
  return ((y - 1) ** 2).mean() + jax.random.uniform(key), nets, {}


AVERAGE = functools.partial(averaging.ema, half_life=100.0, images_per_step=4)


def made(loss=square, optimizer=None, **options):
  """A game with parameters, statistics, moments and an average; its state and step."""
  played = Game(
    networks={'a': linen(Layer())},
    players={'a': Player(('a',), optimizer or optax.adam(0.1), average=AVERAGE)},
    turns=(Turn('a', loss, **options),),
  )
  state = game.init(played, jax.random.key(0), {'a': (jnp.zeros((2, 3)),)})
  return played, state, jax.jit(functools.partial(game.train_step, played))


def poisoned(value, at=(0, 1, 2)):
  return {'x': BATCH['x'].at[at].set(value)}


def assert_unmoved(after, before, but=('.step', '.skipped', '.ema')):
  for name, value in leaves(after).items():
    if not name.startswith(but):
      np.testing.assert_array_equal(value, leaves(before)[name], err_msg=name)


def test_a_finite_step_is_the_step_itself(monkeypatch):
  _, state, step = made()
  taken, logs = step(state, BATCH)
  assert int(logs['skipped']) == int(logs[guard.IN_A_ROW]) == 0
  monkeypatch.setattr(guard, 'keep', lambda old, new, *numbers: new)
  monkeypatch.setattr(guard, 'clean', lambda grads: grads)
  plain, _ = made()[2](state, BATCH)
  chex.assert_trees_all_equal(leaves(taken), leaves(plain))


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_a_turn_that_is_not_finite_leaves_the_state(value):
  """But for step and count, and the average, which follows what stays."""
  _, state, step = made()
  state, _ = step(state, BATCH)
  left, logs = step(state, poisoned(value))
  assert_unmoved(left, state)
  assert int(left.step) == 2
  assert left.skipped[:2].tolist() == [1, 1]
  assert not np.isfinite(logs['a/loss'])


def test_twenty_random_points():
  """State, statistics and average stay finite, each skip is counted, and good steps are taken."""
  _, state, step = made()
  chance = random.Random(0)
  points = set(chance.sample(range(100), 20))
  count = 0
  for i in range(100):
    where = (0, chance.randrange(4), chance.randrange(3))
    bad = poisoned(chance.choice([np.nan, np.inf, -np.inf]), where)
    before = state
    state, logs = step(state, bad if i in points else BATCH)
    count += i in points
    assert int(logs['skipped']) == count
    assert all(np.isfinite(x).all() for x in leaves(state).values())
    moved = not np.array_equal(
      state.params['a']['Dense_0']['kernel'], before.params['a']['Dense_0']['kernel']
    )
    assert moved == (i not in points)
  assert int(state.step) == 100


def test_a_loss_without_gradient_counts_too():
  def constant(nets, batch, key):
    value, nets, logs = square(nets, batch, key)
    return value + jax.lax.stop_gradient(batch['x'].sum() * np.inf), nets, logs

  _, state, step = made(constant)
  assert_unmoved(step(state, BATCH)[0], state)


def steep(slope):
  """A finite loss of such a slope."""

  def loss(nets, batch, key):
    y, nets = nets('a', batch['x'])
    return (y * jnp.arange(1.0, 13.0).reshape(4, 3)).sum() * 0 + slope(y).sum(), nets, {}

  return loss


@jax.custom_vjp
def nan_slope(y):
  return y


nan_slope.defvjp(lambda y: (y, None), lambda _, g: (g.at[0, 0].set(jnp.nan),))


def test_a_gradient_that_is_not_finite_moves_nothing_and_counts():
  """As that of a square root at 0, under a loss that is finite."""
  _, state, step = made(steep(nan_slope), optimizer=optax.sgd(0.1))
  left, logs = step(state, BATCH)
  assert np.isfinite(logs['a/loss'])
  assert left.skipped[:2].tolist() == [1, 1]
  assert_unmoved(left, state)


def test_parameters_that_are_not_finite_count_and_nothing_follows_them():
  _, state, step = made(optimizer=optax.sgd(np.inf, momentum=0.9))
  left, logs = step(state, BATCH)
  assert np.isfinite(logs['a/loss'])
  assert left.skipped[:2].tolist() == [1, 1]
  assert_unmoved(left, state, but=('.step', '.skipped', '.ema', '.params'))


def test_moments_do_not_overflow():
  """The gradient is finite and its square is not: Adam would stand still for ever."""
  _, state, step = made(steep(lambda y: 1e25 * y[0] * jnp.arange(3.0)))
  taken, logs = step(state, BATCH)
  assert np.isfinite(logs['a/loss'])
  assert all(np.isfinite(x).all() for x in leaves(taken.opt).values())
  numbers = {'a': jnp.array([1e25, -1e25, jnp.nan, jnp.inf, -1e10, 0.0])}
  chex.assert_trees_all_equal(guard.clean(numbers)['a'], jnp.array([0.0, 0, 0, 0, -1e10, 0]))


def test_statistics_that_are_not_finite_count_too():
  """Of an image that the loss does not see."""

  def blind(nets, batch, key):
    y, nets = nets('a', batch['x'])
    return jnp.float32(1), nets, {}

  _, state, step = made(blind)
  left, _ = step(state, poisoned(np.nan))
  assert_unmoved(left, state)
  assert left.skipped[:2].tolist() == [1, 1]


def test_each_microbatch_counts():
  _, state, step = made(repeats=3)
  batches = {'x': jnp.concatenate([BATCH['x'], poisoned(np.nan)['x'], BATCH['x']])}
  taken, _ = step(state, batches)
  assert taken.skipped[:2].tolist() == [1, 1]
  assert taken.opt['a'][0].count == 2
  assert all(np.isfinite(x).all() for x in leaves(taken).values())


def test_a_turn_that_was_not_played_has_no_say():
  _, state, step = made(every=2)
  for i in range(4):
    state, logs = step(state, BATCH)
    assert np.isnan(logs['a/loss']) == (i % 2 == 1)
  assert state.skipped[:2].tolist() == [0, 0]


def test_the_row_ends_with_a_step_taken():
  _, state, step = made()
  seen = []
  for bad in (True, True, False, True):
    state, _ = step(state, poisoned(np.nan) if bad else BATCH)
    seen.append(state.skipped[:2].tolist())
  assert seen == [[1, 1], [2, 2], [2, 0], [3, 1]]


def test_anew_draws_other_numbers_at_each_return():
  _, kept, _ = made()
  states = [kept]
  for _ in range(3):
    lost = replace(states[-1], step=jnp.int32(25), skipped=states[-1].skipped.at[:2].add(10))
    states.append(guard.anew(kept, lost))
  assert [guard.returns(state) for state in states] == [0, 1, 2, 3]
  assert len({tuple(jax.random.key_data(s.key).tolist()) for s in states}) == 4
  assert_unmoved(states[3], kept, but=('.key', '.skipped'))
  assert states[3].skipped[:2].tolist() == [30, 0]


def test_returns_are_counted_for_each_checkpoint():
  _, kept, _ = made()
  once = guard.anew(kept, kept)
  later = replace(once, step=jnp.int32(50))
  assert guard.returns(guard.anew(later, later)) == 1
