"""The engine, on networks of a few numbers: who moves, when, and on which random numbers."""

from dataclasses import replace
from functools import partial

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.core import averaging, game
from jaxgan.core.game import Game, Nets, Player, Turn, train_step
from jaxgan.core.network import Network, linen
from jaxgan.losses import adversarial, gradient_penalties, objectives
from jaxgan.nn.normalization import BatchNorm

RATE = 0.1


class Layer(nn.Module):
  """A dense layer and batch norm: parameters and statistics."""

  @nn.compact
  def __call__(self, x, *, train):
    return BatchNorm()(nn.Dense(3, use_bias=False)(x), train=train)


def centred():
  """The same idea without Flax: a kernel, and a running mean of what comes out."""

  def init(key, x):
    kernel = jax.random.normal(key, (x.shape[-1], 3)) / 2
    return {'params': {'kernel': kernel}, 'statistics': {'mean': jnp.zeros(3)}}

  def apply(variables, x, *, train, key=None):
    y, running = x @ variables['params']['kernel'], variables['statistics']['mean']
    mean = y.mean(0) if train else running
    moved = {'mean': 0.9 * running + 0.1 * mean} if train else {'mean': running}
    return y - mean[None] / 2, {**variables, 'statistics': moved}

  return Network(init, apply)


def apart(nets, batch, key):
  """A loss that sees all three networks and draws."""
  drawn = jax.random.uniform(key)
  x = batch['x'] * (1 + drawn)
  y, nets = nets('a', x)
  y, nets = nets('b', y)
  z, nets = nets('c', x)
  return ((y - jnp.tanh(z) - 1) ** 2).mean(), nets, {'draw': drawn}


NETWORKS = dict.fromkeys('abc', centred())
EXAMPLE = dict.fromkeys('abc', (jnp.zeros((2, 3)),))


AVERAGE = partial(averaging.ema, half_life=100.0, images_per_step=8)


def players(optimizer=None, averaged=()):
  optimizer = optimizer or optax.sgd(RATE, momentum=0.9)
  owned = {'left': ('a', 'b'), 'right': ('c',)}
  average = lambda player: AVERAGE if player in averaged else None
  return {name: Player(own, optimizer, average=average(name)) for name, own in owned.items()}


def played_by(*turns, averaged=(), **rest):
  return Game(NETWORKS, players(averaged=averaged), turns, **rest)


def batches(n=1, seed=0):
  return {'x': jnp.float32(np.random.default_rng(seed).standard_normal((n, 8, 3)))}


def start(chosen, seed=0):
  return game.init(chosen, jax.random.key(seed), EXAMPLE)


def played(chosen, state, given):
  """One step, compiled."""
  return jax.jit(partial(train_step, chosen))(state, given)


def same(a, b):
  """Which of two trees' leaves are equal to the bit."""
  return jax.tree.leaves(jax.tree.map(lambda x, y: bool((x == y).all()), a, b))


# --- names


@pytest.mark.parametrize(
  'wrong, message',
  [
    (
      {'players': {'left': Player(('a', 'd'), optax.sgd(1.0))}},
      r"player 'left' owns the network 'd', which is none of \['a', 'b', 'c'\]",
    ),
    ({'turns': [Turn('up', apart)]}, r"played by 'up', which is none of \['left', 'right'\]"),
  ],
)
def test_a_game_knows_its_names(wrong, message):
  right = {'networks': NETWORKS, 'players': players(), 'turns': [Turn('left', apart)]}
  Game(**right)
  with pytest.raises(ValueError, match=message):
    Game(**{**right, **wrong})


def test_every_network_needs_an_example():
  with pytest.raises(ValueError, match=r"no example for the network 'c'.* none of \['a', 'b'\]"):
    game.init(played_by(Turn('left', apart)), jax.random.key(0), {n: EXAMPLE[n] for n in 'ab'})


def test_a_loss_that_asks_for_a_stranger():
  chosen = played_by(Turn('left', lambda nets, batch, key: nets('nope', batch['x'])))
  with pytest.raises(ValueError, match=r"no network 'nope', which is none of \['a', 'b', 'c'\]"):
    played(chosen, start(chosen), batches())


def test_two_turns_of_one_label():
  twice = Turn('left', apart), Turn('right', apart), Turn('left', apart)
  with pytest.raises(ValueError, match=r"turns need names of their own.*\['left'\]"):
    played_by(*twice)
  with pytest.raises(ValueError, match=r"\['right'\]"):  # a name that is another's player
    played_by(Turn('left', apart, 'right'), Turn('right', apart))
  chosen = played_by(*twice[:2], Turn('left', apart, 'again'))
  logs = played(chosen, start(chosen), batches())[1]
  labels = {'left', 'right', 'again'}
  of_turns = {f'{label}/{name}' for label in labels for name in ('loss', 'draw')}
  assert set(logs) == of_turns | {'skipped', 'skipped_in_a_row'}


# --- who moves


@pytest.mark.parametrize('player, own', [('left', 'ab'), ('right', 'c')])
@pytest.mark.parametrize('form', [{}, {'repeats': 2}, {'every': 3}, {'repeats': 2, 'every': 3}])
def test_only_the_player_moves(player, own, form):
  networks = dict.fromkeys('abc', linen(Layer()))
  chosen = Game(networks, players(averaged=('left', 'right')), [Turn(player, apart, **form)])
  before = start(chosen)
  state, _ = played(chosen, before, batches(2))
  for name in 'abc':
    for kind in ('params', 'variables'):
      equal = same(getattr(state, kind)[name], getattr(before, kind)[name])
      assert equal and set(equal) == {name not in own}, (kind, name)
  for name in chosen.players:
    assert set(same(state.opt[name], before.opt[name])) == {name != player}
  for name in 'abc':  # the first step copies: no image was seen before it
    chex.assert_trees_all_equal(state.ema[name], state.params[name])
  assert (state.step, state.key) == (1, before.key)


def test_a_loss_sees_the_step_and_the_optimizers():
  """One that weighs its value by the step, and logs what momentum has gathered."""

  def loss(nets, batch, key):
    y, nets = nets('c', batch['x'])
    momentum = nets.opt['right'][0].trace['c']['kernel']
    return nets.step * (y**2).mean(), nets, {'momentum': jnp.abs(momentum).sum()}

  chosen = played_by(Turn('right', loss))
  first, _ = played(chosen, start(chosen), batches())
  chex.assert_trees_all_equal(first.params, start(chosen).params)  # a weight of 0
  second, logs = played(chosen, first, batches())
  assert (second.params['c']['kernel'] != first.params['c']['kernel']).any()
  assert logs['right/momentum'] == 0
  assert played(chosen, second, batches())[1]['right/momentum'] > 0


def test_statistics_are_those_of_the_players_own_turns():
  """Each network goes through both turns' losses; its average moves once."""
  chosen = Game(
    {**NETWORKS},
    players(optax.sgd(0.0)),
    [Turn('left', apart, draws='x'), Turn('right', apart, draws='x')],
  )
  before = start(chosen)
  state, _ = played(chosen, before, batches())
  key = jax.random.fold_in(jax.random.fold_in(before.key, 0), 0)
  bound = Nets(NETWORKS, before.params, before.variables)
  _, once, _ = apart(bound, {'x': batches()['x'][0]}, key)
  chex.assert_trees_all_close(state.variables, once.variables, rtol=1e-6)


# --- order


def scalar(value):
  """A network that is one number, times its input."""
  return Network(
    lambda key, *_: {'params': jnp.float32(value)},
    lambda variables, x=1.0, *, train, key=None: (variables['params'] * x, variables),
  )


def quadratic(nets, batch=None, key=None):
  """The two losses of psi and theta: -psi theta + psi^2 / 4 and psi theta + theta^2 / 2."""
  (psi, _), (theta, _) = nets('psi'), nets('theta')
  return -psi * theta + psi**2 / 4, psi * theta + theta**2 / 2


def turn_of(name):
  return Turn(name, lambda nets, *_: (quadratic(nets)[name == 'theta'], nets, {}))


def together(nets, *_):
  """Both losses, each with the other's number held still."""
  hold = lambda name: replace(
    nets, params={**nets.params, name: jax.lax.stop_gradient(nets.params[name])}
  )
  return quadratic(hold('theta'))[0] + quadratic(hold('psi'))[1], nets, {}


PSI, THETA = 0.5, 2.0
NUMBERS = {'psi': scalar(PSI), 'theta': scalar(THETA)}


def numbers(turns, steps=1, rate=RATE, **rest):
  both = {'both': Player(('psi', 'theta'), optax.sgd(rate))}
  alone = {name: Player((name,), optax.sgd(rate)) for name in NUMBERS}
  chosen = Game(NUMBERS, {**both, **alone}, turns, **rest)
  state = game.init(chosen, jax.random.key(0), dict.fromkeys(NUMBERS, ()))
  step = jax.jit(partial(train_step, chosen))
  for _ in range(steps):
    state, _ = step(state, {'x': jnp.zeros((1, 1))})
  return np.array([state.params['psi'], state.params['theta']])


def test_a_step_of_descent_and_its_order():
  up = lambda psi, theta: psi - RATE * (-theta + psi / 2)
  down = lambda psi, theta: theta - RATE * (psi + theta)
  psi, theta = up(PSI, THETA), down(PSI, THETA)
  close = partial(np.testing.assert_allclose, rtol=1e-6)
  close(numbers([Turn('both', together)]), [psi, theta])
  close(numbers([turn_of('psi'), turn_of('theta')]), [psi, down(psi, THETA)])
  close(numbers([turn_of('theta'), turn_of('psi')]), [up(PSI, theta), theta])


def test_bilinear_game_spirals_out_together_and_circles_in_turns():
  """psi theta: |1 + i rate| a step together; in turns psi^2 + theta^2 + rate psi theta stays."""
  bilinear = lambda sign, nets: (sign * nets('psi')[0] * nets('theta')[0], nets, {})
  hold = lambda nets, name: replace(
    nets, params={**nets.params, name: jax.lax.stop_gradient(nets.params[name])}
  )
  both = lambda nets, *_: (
    bilinear(-1, hold(nets, 'theta'))[0] + bilinear(1, hold(nets, 'psi'))[0],
    nets,
    {},
  )
  turns = [
    Turn('psi', lambda nets, *_: bilinear(-1, nets)),
    Turn('theta', lambda nets, *_: bilinear(1, nets)),
  ]
  radius = lambda x: np.sum(x**2)
  out = numbers([Turn('both', both)], steps=50)
  np.testing.assert_allclose(
    radius(out), radius(np.array([PSI, THETA])) * (1 + RATE**2) ** 50, rtol=1e-5
  )
  kept = lambda psi, theta: psi**2 + theta**2 + RATE * psi * theta
  np.testing.assert_allclose(kept(*numbers(turns, steps=50)), kept(PSI, THETA), rtol=1e-5)


@pytest.mark.parametrize('gamma', [0.0, 1.0])
def test_dirac_gan_comes_to_rest_with_r1_alone(gamma):
  """Data at 0, a fake at theta, the critic psi x: it circles, or falls with eigenvalues -1/2."""
  slopes = [gradient_penalties.r1(gamma)] if gamma else []
  point = Network(
    lambda key, z: {'params': jnp.float32(1.0)},
    lambda variables, z, *, train, key=None: (variables['params'] * jnp.ones_like(z), variables),
  )
  line = Network(
    lambda key, x: {'params': jnp.float32(1.0)},
    lambda variables, x, *, train, key=None: (variables['params'] * x[:, 0], variables),
  )
  critic, generator = adversarial.adversarial(
    objectives.minimax(), *slopes, latent=lambda key, n: jnp.ones((n, 1))
  )
  networks = {'generator': point, 'critic': line}
  movers = {name: Player((name,), optax.sgd(RATE)) for name in networks}
  chosen = Game(networks, movers, [Turn('critic', critic), Turn('generator', generator)])
  state = game.init(chosen, jax.random.key(0), dict.fromkeys(networks, (jnp.ones((1, 1)),)))
  real = {'image': jnp.zeros((1, 4, 1))}

  def step(state, _):
    state, _ = train_step(chosen, state, real)
    return state, jnp.hypot(state.params['critic'], state.params['generator'])

  radius = jax.lax.scan(step, state, length=600)[1]
  if gamma:  # exp(-600 RATE / 2) is 1e-13
    assert radius[-1] < 1e-9
  else:  # r^2 is kept in continuous time, and to the order of the rate in turns
    np.testing.assert_allclose(radius, np.sqrt(2), rtol=RATE / 2)


# --- repeats


def by_hand(state, microbatches, keys):
  """The left player's moves one after the other, by optax and the networks' own functions."""
  optimizer = optax.sgd(RATE, momentum=0.9)
  own, stats = {n: state.params[n] for n in 'ab'}, dict(state.variables)
  opt, values = optimizer.init(own), []
  for x, key in zip(microbatches, keys, strict=True):

    def loss(own, stats=stats, x=x, key=key):
      noisy, moved, y = x * (1 + jax.random.uniform(key)), {}, {}
      params = {**own, 'c': state.params['c']}
      for name, source in (('a', None), ('b', 'a'), ('c', None)):
        given = noisy if source is None else y[source]
        y[name], moved[name] = NETWORKS[name].apply(
          {'params': params[name], **stats[name]}, given, train=True
        )
      return ((y['b'] - jnp.tanh(y['c']) - 1) ** 2).mean(), moved

    (value, moved), grads = jax.value_and_grad(loss, has_aux=True)(own)
    updates, opt = optimizer.update(grads, opt)
    own = optax.apply_updates(own, updates)
    stats |= {n: {'statistics': moved[n]['statistics']} for n in 'ab'}
    values.append(float(value))
  return {**own, 'c': state.params['c']}, stats, opt, np.mean(values)


@pytest.mark.parametrize('repeats', [1, 3])
def test_repeats_are_single_moves_in_a_row(repeats):
  chosen = played_by(Turn('left', apart, repeats=repeats))
  before, given = start(chosen), batches(4)
  state, logs = played(chosen, before, given)
  key = jax.random.fold_in(jax.random.fold_in(before.key, 0), 0)
  keys = [key] if repeats == 1 else jax.random.split(key, repeats)
  params, stats, opt, value = by_hand(before, given['x'][:repeats], keys)
  ours = state.params, state.variables, state.opt['left']
  # A loop body and plain calls are compiled apart, so sums are rounded apart.
  chex.assert_trees_all_close(ours, (params, stats, opt), rtol=1e-5, atol=1e-6)
  np.testing.assert_allclose(logs['left/loss'], value, rtol=1e-6)
  np.testing.assert_allclose(
    logs['left/draw'], np.mean([jax.random.uniform(k) for k in keys]), rtol=1e-6
  )


def test_microbatches_are_those_of_the_most_repeated_turn():
  chosen = played_by(Turn('left', apart, repeats=3), Turn('right', apart))
  assert chosen.microbatches == 3
  seen = lambda nets, batch, key: (nets('c', batch['x'])[0].sum(), nets, {'x': batch['x'].mean()})
  chosen = played_by(Turn('left', apart, repeats=3), Turn('right', seen))
  given = batches(3)
  logs = played(chosen, start(chosen), given)[1]
  np.testing.assert_allclose(logs['right/x'], given['x'][0].mean(), rtol=1e-6)


# --- lazy turns


def test_a_lazy_turn_is_played_at_multiples():
  turns = Turn('left', apart), Turn('right', apart, 'r', every=3), Turn('right', apart, 'right')
  chosen = played_by(*turns)
  alone = played_by(turns[1])
  step, lazy = jax.jit(partial(train_step, chosen)), jax.jit(partial(train_step, alone))
  state, lonely = start(chosen), start(alone)
  for i in range(7):
    before = lonely
    state, logs = step(state, batches(seed=i))
    lonely, _ = lazy(lonely, batches(seed=i))
    due = i % 3 == 0
    moving = [lonely.params, lonely.variables, lonely.opt]
    if not due:
      chex.assert_trees_all_equal(moving, [before.params, before.variables, before.opt])
    else:
      assert not any(same(moving[0]['c'], before.params['c']))
    missing = {name for name, value in logs.items() if np.isnan(value)}
    assert missing == (set() if due else {'r/loss', 'r/draw'})
    kept = game.played(chosen, i, logs)
    assert kept == {name: value for name, value in logs.items() if name not in missing}


def test_a_lazy_turn_may_log_whole_numbers():
  count = lambda nets, batch, key: (nets.params['c']['kernel'].sum(), nets, {'n': jnp.int32(5)})
  chosen = played_by(Turn('right', count, every=2))
  state, logs = played(chosen, start(chosen), batches())
  assert logs['right/n'] == 5
  seen = game.played(chosen, 1, played(chosen, state, batches())[1])
  assert set(seen) == {'skipped', 'skipped_in_a_row'}


def test_a_lazy_turn_is_traced_once():
  traced = []

  def loss(nets, batch, key):
    traced.append(1)
    return nets.params['c']['kernel'].sum(), nets, {}

  chosen = played_by(Turn('right', loss, every=2))
  jax.jit(partial(train_step, chosen)).lower(start(chosen), batches())
  assert len(traced) == 1


# --- random numbers


def test_draws_are_shared_by_equal_names_alone():
  names = ('', 'one', 'one', 'two', '')
  turns = [Turn('left', apart, f't{i}', draws=name) for i, name in enumerate(names)]
  chosen = played_by(*turns)
  logs = played(chosen, start(chosen), batches())[1]
  draws = [float(logs[f't{i}/draw']) for i in range(5)]
  assert draws[1] == draws[2]
  assert len(set(draws)) == 4


def test_turns_that_repeat_unequally_cannot_share_draws():
  """Each repeat has numbers of its own, so those of one and of three would not be the same."""
  shared = lambda *repeats: [
    Turn('left', apart, f't{i}', repeats=n, draws='one') for i, n in enumerate(repeats)
  ]
  with pytest.raises(ValueError, match=r"turns of draws 'one' need equal repeats, got \[1, 3\]"):
    played_by(*shared(3, 1))
  with pytest.raises(ValueError, match="turns of draws 'left' need equal repeats"):
    played_by(Turn('left', apart, repeats=2), Turn('right', apart, draws='left'))
  chosen = played_by(*shared(3, 3))
  logs = played(chosen, start(chosen), batches(3))[1]
  assert logs['t0/draw'] == logs['t1/draw']


# --- networks that nobody moves


def fixed(**changes):
  """The game of `apart`, whose network c is constant."""
  constant = {'params': {'kernel': jnp.eye(3)}, 'statistics': {'mean': jnp.ones(3)}}
  alone = {'left': Player(('a', 'b'), optax.sgd(RATE))}
  given = {'players': alone, 'turns': [Turn('left', apart)], 'frozen': {'c': constant}}
  return Game(NETWORKS, **{**given, **changes}), constant


def test_a_frozen_network_is_seen_and_is_no_part_of_the_state():
  chosen, constant = fixed()
  state = game.init(chosen, jax.random.key(0), {n: EXAMPLE[n] for n in 'ab'})
  whole = start(played_by(Turn('left', apart)))
  chex.assert_trees_all_equal(state.params, {n: whole.params[n] for n in 'ab'})
  assert 'c' not in {**state.params, **state.variables, **state.ema}
  after, logs = played(chosen, state, batches())
  chex.assert_trees_all_equal_structs(after, state)
  given = replace(
    state,
    params={**state.params, 'c': constant['params']},
    variables={**state.variables, 'c': {'statistics': constant['statistics']}},
  )
  other, expected = played(fixed(frozen={})[0], given, batches())
  chex.assert_trees_all_equal(logs, expected)
  chex.assert_trees_all_equal(after.params, {n: other.params[n] for n in 'ab'})
  bound = game.nets(chosen, state)
  chex.assert_trees_all_equal(bound('c', jnp.ones((2, 3)))[0], jnp.full((2, 3), 0.5))


def test_a_frozen_network_is_known_and_moved_by_nobody():
  with pytest.raises(ValueError, match="network 'd', which is none of"):
    fixed(frozen={'d': {'params': {}}})
  with pytest.raises(ValueError, match="player 'right' cannot move the frozen network 'c'"):
    fixed(players=players())


def test_draws_hang_on_key_and_step_alone():
  chosen = played_by(Turn('left', apart), Turn('right', apart, repeats=2))
  step = jax.jit(partial(train_step, chosen))
  state, draws, params = start(chosen), [], []
  for i in range(4):
    assert float(step(state, batches(2, i))[1]['left/draw']) == float(
      step(state, batches(2, i + 9))[1]['left/draw']
    )
    state, logs = step(state, batches(2, i))
    draws.append((float(logs['left/draw']), float(logs['right/draw'])))
    params.append(state.params)
  assert len({x for pair in draws for x in pair}) == 8
  jumped = replace(start(chosen), step=jnp.int32(3))
  logs = step(jumped, batches(2))[1]
  assert (float(logs['left/draw']), float(logs['right/draw'])) == draws[3]
  other = step(replace(jumped, key=jax.random.key(7)), batches(2))[1]
  assert float(other['left/draw']) != draws[3][0]


def test_networks_start_from_keys_of_their_own():
  chosen = played_by(Turn('left', apart))
  kernels = [start(chosen).params[name]['kernel'] for name in 'abc']
  assert not any(same(kernels[:2], kernels[1:]))
  chex.assert_trees_all_equal(start(chosen), start(chosen))
  assert not any(same(start(chosen, 1).params['a'], {'kernel': kernels[0]}))


# --- memory, rules, bounds


def counting(nets, batch, key):
  value, nets, _ = apart(nets, batch, key)
  seen = nets.memory['seen']
  return value, replace(nets, memory={**nets.memory, 'seen': seen + 1}), {'seen': 1.0 * seen}


def test_memory_goes_from_move_to_move():
  turns = (
    Turn('left', counting, repeats=3),
    Turn('right', counting, 'lazy', every=2),
    Turn('right', counting),
  )
  chosen = played_by(*turns, memory={'seen': jnp.int32(10), 'other': jnp.ones(2)})
  state = start(chosen)
  state, logs = played(chosen, state, batches(3))
  assert [logs[f'{t.label}/seen'] for t in turns] == [11, 13, 14]  # the first is a mean of three
  assert state.memory['seen'] == 15
  state, logs = played(chosen, state, batches(3))
  assert (logs['left/seen'], logs['right/seen'], state.memory['seen']) == (16, 18, 19)
  chex.assert_trees_all_equal(state.memory['other'], jnp.ones(2))


def test_rules_come_once_a_step_in_order_after_the_turns():
  double = lambda state: replace(state, memory={'seen': 2 * state.memory['seen']})
  note = lambda state: replace(state, memory={'seen': state.memory['seen'] + 100 * state.step})
  chosen = played_by(
    Turn('left', counting, repeats=3), memory={'seen': jnp.int32(0)}, after=(double, note)
  )
  state = start(chosen)
  for expected in (6, 118):  # 2 (0 + 3), 2 (6 + 3) + 100: rules see the step that was played
    state, _ = played(chosen, state, batches(3))
    assert state.memory['seen'] == expected


def test_constraint_holds_after_every_move():
  sphere = lambda tree: jax.tree.map(lambda x: x / jnp.linalg.norm(x), tree)
  length = lambda tree: jnp.stack([jnp.linalg.norm(x) for x in jax.tree.leaves(tree)])

  def loss(nets, batch, key):
    lengths = length(nets.params['c'])
    value, nets, _ = apart(nets, batch, key)
    return value, nets, {'longest': lengths.max(), 'shortest': lengths.min()}

  bound = {**players(), 'right': Player(('c',), optax.sgd(5.0), sphere)}
  chosen = Game(NETWORKS, bound, [Turn('left', apart), Turn('right', loss, repeats=3)])
  state = start(chosen)
  before = state.params
  np.testing.assert_allclose(length(before['c']), 1, rtol=1e-6)  # before the first move, too
  assert (np.abs(length(before['a']) - 1) > 0.1).any()
  state, _ = played(chosen, state, batches(3))
  np.testing.assert_allclose(length(state.params['c']), 1, rtol=1e-6)
  assert (np.abs(length(state.params['a']) - 1) > 0.1).any()
  state, logs = played(chosen, state, batches(3, 1))
  np.testing.assert_allclose([logs['right/longest'], logs['right/shortest']], 1, rtol=1e-6)
  assert not any(same(before['c'], state.params['c']))


# --- compilation, donation, averages


def full_game():
  turns = Turn('left', counting, repeats=2), Turn('right', apart, 'lazy', every=2)
  return played_by(
    *turns,
    Turn('right', apart),
    memory={'seen': jnp.int32(0)},
    averaged=('left',),
  )


def test_compiles_once():
  chosen = full_game()
  step, state = jax.jit(partial(train_step, chosen)), start(chosen)
  for i in range(5):
    state, _ = step(state, batches(2, i))
  assert step._cache_size() == 1
  assert state.step == 5


def test_the_donated_state_is_consumed():
  """No buffer stands in it twice: the average is a copy from the start."""
  chosen = replace(full_game(), memory={'seen': 0})
  plain, donated = (jax.jit(partial(train_step, chosen), donate_argnums=n) for n in ((), 0))
  state = start(chosen)
  chex.assert_trees_all_equal(state.ema['a'], state.params['a'])
  expected, _ = plain(start(chosen), batches(2))
  moved, _ = donated(state, batches(2))
  jax.block_until_ready(moved)
  assert all(x.is_deleted() for x in jax.tree.leaves(state) if isinstance(x, jax.Array))
  chex.assert_trees_all_equal(moved, expected)


def test_the_game_outlives_its_first_state():
  """What it holds as memory is copied into the state, which may be donated."""
  chosen = full_game()
  step = jax.jit(partial(train_step, chosen), donate_argnums=0)
  moved, again = (step(start(chosen), batches(2))[0] for _ in range(2))
  chex.assert_trees_all_equal(moved, again)


def test_memory_of_plain_numbers_compiles_once():
  def loss(nets, batch, key):
    value, nets, logs = apart(nets, batch, key)
    return value, replace(nets, memory={'p': nets.memory['p'] + 0.5}), logs

  chosen = played_by(Turn('left', loss), memory={'p': 0.0})
  step, state = jax.jit(partial(train_step, chosen)), start(chosen)
  for _ in range(3):
    state, _ = step(state, batches())
  assert state.memory['p'] == 1.5
  assert step._cache_size() == 1


def test_networks_at_rest_are_the_averages_and_stand_still():
  chosen = played_by(Turn('left', apart), averaged=('left',))
  state = start(chosen)
  state = replace(state, ema=jax.tree.map(lambda x: x + 1, state.ema))
  x = batches()['x'][0]
  bound = game.nets(chosen, state)
  for name, params in (*state.ema.items(), ('c', state.params['c'])):
    variables = {'params': params, **state.variables[name]}
    y, moved = bound(name, x)
    chex.assert_trees_all_equal(y, NETWORKS[name].apply(variables, x, train=False)[0])
    chex.assert_trees_all_equal(moved.variables, state.variables)
  training = game.nets(chosen, state, train=True)('a', x)[1]
  assert not any(same(training.variables['a'], state.variables['a']))
