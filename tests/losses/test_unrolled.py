"""Looking ahead: against closed forms, against NumPy, and against plain convolutions."""

from dataclasses import replace

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.core import game, network_transforms
from jaxgan.core.game import Game, Nets, Player, Turn
from jaxgan.core.network import Network, linen
from jaxgan.losses import adversarial, gradient_penalties, objectives, unrolled
from jaxgan.networks import dcgan, mlp
from jaxgan.ops import convolution

MINIMAX = objectives.zero_sum(objectives.minimax())


def mover(optimizer, *constraint):
  """The player of the critic."""
  return Player(('critic',), optimizer, *constraint)


def by_hand(start, apply):
  """A network whose function is `apply(params, x)`."""
  run = lambda variables, x, *, train, key=None: (apply(variables['params'], x), variables)
  return Network(lambda key, *_: {'params': start}, run)


def played(critic, generator, objective, optimizer, steps, latent):
  """The game of two networks whose generator looks ahead."""
  critic_loss, plain = adversarial.adversarial(objective, latent=latent)
  players = {name: Player((name,), optimizer) for name in ('critic', 'generator')}
  ahead = unrolled.unrolled(critic_loss, plain, players['critic'], steps)
  turns = [Turn('critic', critic_loss), Turn('generator', ahead)]
  return Game({'critic': critic, 'generator': generator}, players, turns)


def dirac_map(objective, steps, rate):
  """(psi, theta) before and after one step of the engine."""
  critic = by_hand(jnp.zeros(()), lambda psi, x: psi * x[:, 0])
  generator = by_hand(jnp.zeros(()), lambda theta, z: theta + 0 * z)
  latent = lambda key, n: jnp.zeros((n, 1))
  chosen = played(critic, generator, objective, optax.sgd(rate), steps, latent)
  example = {name: (jnp.zeros((2, 1)),) for name in chosen.networks}
  state = game.init(chosen, jax.random.key(0), example)

  def step(point):
    start = state.replace(params={'critic': point[0], 'generator': point[1]})
    params = game.train_step(chosen, start, {'image': jnp.zeros((1, 4, 1))})[0].params
    return jnp.stack([params['critic'], params['generator']])

  return jax.jit(step)


@pytest.mark.parametrize('steps', [0, 1, 2, 5])
@pytest.mark.parametrize('name', ['minimax', 'nonsaturating'])
def test_the_dirac_game_becomes_contractive(name, steps):
  """With a = rate / 2 the step is [[1, -a], [a, 1 - a^2 - 2 k a^2]]: |eigenvalue|^2 = 1 - 2 k a^2.

  psi' = psi - a theta; then theta' = theta + a (psi' - rate k theta), since after k more steps the
  critic is psi' - k a theta, whose slope by theta counts as much again.
  """
  rate = 0.2
  a = rate / 2
  objective = MINIMAX if name == 'minimax' else objectives.nonsaturating()
  step = dirac_map(objective, steps, rate)
  jacobian = jax.jacobian(step)(jnp.zeros(2))
  expected = np.array([[1, -a], [a, 1 - a**2 - 2 * steps * a**2]])
  np.testing.assert_allclose(jacobian, expected, atol=1e-6)
  sizes = np.abs(np.linalg.eigvals(np.float64(jacobian)))
  np.testing.assert_allclose(sizes, np.sqrt(1 - 2 * steps * a**2), atol=1e-6)
  point = jnp.array([0.0, 0.5])
  for _ in range(400):
    point = step(point)
  assert (np.linalg.norm(point) < 0.1) == (steps > 0)


RATE, BETA1, BETA2 = 0.05, 0.5, 0.9


X = np.random.default_rng(0).normal(size=(6, 2)) + np.array([1.0, -0.5])


Z = np.random.default_rng(1).normal(size=(6, 2))


softplus, sigmoid = lambda x: np.logaddexp(0, x), lambda x: 1 / (1 + np.exp(-x))


def adam():
  return optax.adam(RATE, BETA1, BETA2, eps_root=1e-16)


def look(theta, w, m, v, count, steps):
  """Minus the value of a linear critic w after some steps of Adam, by numpy alone."""
  fake = Z @ theta
  for i in range(1, steps + 1):
    grad = (-sigmoid(-X @ w)[:, None] * X + sigmoid(fake @ w)[:, None] * fake).mean(0)
    m, v = BETA1 * m + (1 - BETA1) * grad, BETA2 * v + (1 - BETA2) * grad**2
    mean, square = m / (1 - BETA1 ** (count + i)), v / (1 - BETA2 ** (count + i))
    w = w - RATE * mean / (np.sqrt(square + 1e-16) + 1e-8)
  return -(softplus(-X @ w).mean() + softplus(fake @ w).mean())


def linear_nets(optimizer):
  """Networks with a past: a critic that has made three steps."""
  theta, w = jnp.array([[0.5, -0.3], [0.2, 0.9]]), jnp.array([0.7, -0.4])
  networks = {
    'critic': by_hand(w, lambda w, x: x @ w),
    'generator': by_hand(theta, lambda theta, z: z @ theta),
  }
  params = {'critic': w, 'generator': theta}
  opt = optimizer.init({'critic': w})
  for i in range(3):
    opt = optimizer.update({'critic': jnp.array([0.3, -0.1]) * (i - 1)}, opt)[1]
  return Nets(networks, params, dict.fromkeys(networks, {}), opt={'critic': opt})


def value_and_slope(optimizer, steps, objective=MINIMAX):
  nets = linear_nets(optimizer)
  pair = adversarial.adversarial(objective, latent=lambda key, n: jnp.asarray(Z[:n]))
  loss = unrolled.unrolled(*pair, mover(optimizer), steps)

  def of(theta):
    moved = replace(nets, params={**nets.params, 'generator': theta})
    return loss(moved, {'image': jnp.asarray(X)}, jax.random.key(0))[0]

  return nets, *jax.value_and_grad(of)(nets.params['generator'])


@pytest.mark.parametrize('steps', [1, 2, 5])
def test_agrees_with_numpy_where_the_critic_has_adam_and_a_past(steps):
  with jax.enable_x64(True):
    nets, value, slope = value_and_slope(adam(), steps)
    state = nets.opt['critic'][0]
    start = [np.asarray(x) for x in (nets.params['critic'], state.mu['critic'], state.nu['critic'])]
    run = lambda theta: look(theta, *start, int(state.count), steps)
    theta, step = np.asarray(nets.params['generator']), 1e-6
    np.testing.assert_allclose(value, run(theta), rtol=1e-12)
    for place in np.ndindex(2, 2):
      way = np.zeros((2, 2))
      way[place] = step
      difference = (run(theta + way) - run(theta - way)) / 2 / step
      np.testing.assert_allclose(slope[place], difference, rtol=1e-6, atol=1e-9)


def test_stopping_the_gradient_within_the_steps_changes_it_and_not_the_value():
  stopped = lambda updates, state, params=None: (jax.lax.stop_gradient(updates), state)
  still = optax.GradientTransformation(lambda params: optax.EmptyState(), stopped)
  with jax.enable_x64(True):
    _, value, slope = value_and_slope(optax.chain(adam(), still), 3)
    _, same, whole = value_and_slope(optax.chain(adam(), optax.identity()), 3)
  assert value == same
  assert np.abs(np.asarray(slope - whole)).max() > 1e-3


def test_at_the_critics_best_the_gradient_is_the_plain_one():
  """What the generator learns through a critic that stands still there is nothing (envelope)."""
  with jax.enable_x64(True):
    nets, _, _ = value_and_slope(optax.sgd(0.1), 1)
    w = np.zeros(2)
    for _ in range(4000):
      fake = Z @ np.asarray(nets.params['generator'])
      w = w - 0.3 * (-sigmoid(-X @ w)[:, None] * X + sigmoid(fake @ w)[:, None] * fake).mean(0)
    slopes = []
    for steps in (0, 3):
      pair = adversarial.adversarial(MINIMAX, latent=lambda key, n: jnp.asarray(Z[:n]))
      loss = unrolled.unrolled(*pair, mover(optax.sgd(0.1)), steps)
      best = {'critic': jnp.asarray(w)}
      bound = replace(nets, opt={'critic': optax.sgd(0.1).init(best)})
      of = lambda theta, b=bound, at=loss, best=best: at(
        replace(b, params={**best, 'generator': theta}), {'image': X}, jax.random.key(0)
      )[0]
      slopes.append(jax.grad(of)(nets.params['generator']))
  np.testing.assert_allclose(*slopes, rtol=1e-9)


def test_a_constraint_holds_ahead_too():
  box = lambda params: jax.tree.map(lambda w: jnp.clip(w, -0.01, 0.01), params)
  seen = []

  def generator_loss(nets, batch, key):
    seen.append(nets.params['critic'])
    return jnp.zeros(()), nets, {}

  nets, optimizer = linear_nets(optax.sgd(0.1)), optax.sgd(0.1)
  critic_loss, _ = adversarial.adversarial(MINIMAX, latent=lambda key, n: jnp.float32(Z[:n]))
  loss = unrolled.unrolled(critic_loss, generator_loss, mover(optimizer, box), 2)
  loss(nets, {'image': jnp.float32(X)}, jax.random.key(0))
  assert 0 < jnp.abs(seen[0]).max() <= jnp.float32(0.01)


def test_without_steps_it_is_the_loss_itself():
  pair = adversarial.adversarial(MINIMAX, latent=lambda key, n: jnp.asarray(Z[:n]))
  assert unrolled.unrolled(*pair, mover(adam()), 0) is pair[1]


def test_convolutions_are_looked_through_as_plain_ones_are(key):
  """A penalty of slopes within the steps: derivatives of the third order, through the triple."""
  critic = linen(dcgan.Critic((3,), norm=False))
  generator = by_hand(None, lambda theta, z: jnp.tanh(z @ theta).reshape(-1, 8, 8, 1))
  theta = jax.random.normal(key, (3, 64))
  own = jax.tree.map(lambda x: 5 * x, critic.init(key, jnp.zeros((2, 8, 8, 1)))['params'])
  networks, optimizer = {'critic': critic, 'generator': generator}, optax.sgd(0.1)
  opt = {'critic': optimizer.init({'critic': own})}
  penalty = gradient_penalties.gradient_penalty(1.0)
  latent = lambda key, n: jax.random.normal(key, (n, 3))
  pair = adversarial.adversarial(MINIMAX, penalty, latent=latent)
  loss = unrolled.unrolled(*pair, mover(optimizer), 1)
  batch = {'image': jax.random.normal(key, (4, 8, 8, 1))}

  def slope():
    nets = lambda theta: Nets(
      networks, {'critic': own, 'generator': theta}, dict.fromkeys(networks, {}), opt=opt
    )
    return jax.jit(jax.grad(lambda theta: loss(nets(theta), batch, key)[0]))(theta)

  fast = slope()
  with convolution.plain():
    plain = slope()
  largest = float(jnp.abs(plain).max())
  assert largest > 1e-3
  chex.assert_trees_all_close(fast, plain, atol=1e-4 * largest)


def test_packs_of_points_are_looked_ahead_at_by_many_seeds_at_once():
  """Three steps of two seeds in one program, against each by itself."""
  optimizer = adam()
  critic = network_transforms.packed(linen(mlp.Perceptron((8,))), 3)
  latent = lambda key, n: jax.random.normal(key, (n, 2))
  chosen = played(critic, linen(mlp.Perceptron((8,), 2)), MINIMAX, optimizer, 2, latent)
  example = {name: (jnp.zeros((2, 2)),) for name in chosen.networks}

  def run(key):
    state = game.init(chosen, key, example)
    points = {'image': jax.random.normal(key, (1, 12, 2))}
    for _ in range(3):
      state, logs = game.train_step(chosen, state, points)
    return state.params, logs

  keys = jax.random.split(jax.random.key(0), 2)
  params, logs = jax.jit(jax.vmap(run))(keys)
  assert params['critic']['Dense_0']['weight']['kernel'].shape == (2, 6, 8)
  assert not logs['skipped'].any()
  alone = jax.jit(run)
  for i, key in enumerate(keys):
    one = jax.tree.map(lambda x, i=i: x[i], (params, logs))
    chex.assert_trees_all_close(one, alone(key), atol=1e-5)
