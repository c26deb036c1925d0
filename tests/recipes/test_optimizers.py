"""Optimizers and schedules in closed form."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import variants
from jaxgan.core.game import Turn
from jaxgan.core.typing import Spec
from jaxgan.recipes import optimizers
from optimizing import GRADIENTS, RATE, config, rate_after, updates


def test_adam():
  options = dict(optimizer='adam', beta1=0.3, beta2=0.8)
  m = v = 0.0
  expected = []
  for i, g in enumerate(GRADIENTS, 1):
    m, v = 0.3 * m + 0.7 * g, 0.8 * v + 0.2 * g * g
    expected.append(-RATE * (m / (1 - 0.3**i)) / (np.sqrt(v / (1 - 0.8**i)) + 1e-8))
  made = updates(optimizers.optimizer(config(**options), RATE), GRADIENTS)
  np.testing.assert_allclose(made, expected, rtol=1e-5)


@pytest.mark.parametrize('clip', [0.0, 1.0, 0.5])
def test_a_burst_of_gradients_moves_no_further_than_the_bound(clip):
  """After many small gradients a large one: Adam goes up to 1 / sqrt(1 - beta2) rates: ten."""
  options = dict(beta1=0.0, beta2=0.99, update_clip=clip)
  made = updates(optimizers.optimizer(config(**options), RATE), [1e-3] * 500 + [10.0])
  usual, burst = 1.0, np.sqrt((1 - 0.99**501) / (1 - 0.99))
  bounded = [-RATE * min(size, clip or size) for size in (usual, burst)]
  np.testing.assert_allclose(made[499:], bounded, rtol=1e-4)


@pytest.mark.parametrize('variant', ['gan', 'r3gan'])
def test_each_array_is_bounded_for_itself_and_keeps_its_direction(variant):
  """u / max(1, rms(u) / clip), u = g / sqrt(v), where v = (v0 + g^2) / 2 with v0 = 1."""
  chosen = config(variant, update_clip=0.9, beta1=0.0, beta2=0.5, steps=10**6)
  made = variants.build(chosen, Spec(8, 1)).stages[0].game.players['critic'].optimizer
  burst, usual = jnp.array([3.0, -4.0]), jnp.array([0.1, 0.2])
  state = made.init({'burst': burst, 'usual': usual})
  for _ in range(40):
    rate, state = made.update({'burst': jnp.ones(2), 'usual': jnp.ones(2)}, state)
  moved, _ = made.update({'burst': burst, 'usual': usual}, state)
  scaled = {
    'burst': burst / jnp.sqrt((1 + burst**2) / 2),
    'usual': usual / jnp.sqrt((1 + usual**2) / 2),
  }
  size = jnp.sqrt(jnp.mean(scaled['burst'] ** 2))
  assert size > 0.9 > jnp.sqrt(jnp.mean(scaled['usual'] ** 2))
  step = -rate['usual'][0] / 0.9  # gradients of 1 were bounded as well
  np.testing.assert_allclose(moved['burst'], -step * scaled['burst'] * 0.9 / size, rtol=1e-3)
  np.testing.assert_allclose(moved['usual'], -step * scaled['usual'], rtol=1e-3)


@pytest.mark.parametrize('scale', [1.0, 1e-5])
def test_rmsprop(scale):
  """Small gradients, which clipped critics give, are brought to the same size."""
  v, expected, gradients = 0.0, [], scale * np.array(GRADIENTS)
  for g in gradients:
    v = 0.99 * v + 0.01 * g * g
    expected.append(-RATE * g / (np.sqrt(v) + 1e-8))
  made = updates(optimizers.optimizer(config(optimizer='rmsprop'), RATE), gradients)
  np.testing.assert_allclose(made, expected, rtol=1e-5)


def test_sgd_is_that_of_the_first_gans():
  m, expected = 0.0, []
  for i, g in enumerate(GRADIENTS):
    m = (0.5 + 0.2 * i / 125_000) * m + g
    expected.append(-0.1 / 1.000004**i * m)
  made = updates(optimizers.optimizer(config(optimizer='sgd'), 0.1), GRADIENTS)
  np.testing.assert_allclose(made, expected, rtol=1e-6)


@pytest.mark.parametrize('count', [1, 1000, 62_500, 125_000, 500_000, 3_000_000])
def test_momentum_sgds_rate_and_momentum(count):
  """0.1 / 1.000004^n down to 1e-6; 0.5 to 0.7 over 125 000 updates, and no further."""
  optimizer = optimizers.momentum_sgd(0.1)
  start = optimizer.init(jnp.zeros(()))
  counted = lambda x: jnp.int32(count) if x.dtype == jnp.int32 else x
  _, state = jax.jit(optimizer.update)(jnp.ones(()), jax.tree.map(counted, start))
  rate = max(0.1 / 1.000004**count, 1e-6)
  momentum = 0.5 + 0.2 * min(count / 125_000, 1)
  np.testing.assert_allclose(state.hyperparams['learning_rate'], rate, rtol=1e-5)
  np.testing.assert_allclose(state.hyperparams['momentum'], momentum, rtol=1e-6)


@pytest.mark.parametrize(
  'schedule, rates',
  [
    ('constant_linear', {0: 1, 8: 1, 12: 1 / 2, 15: 1 / 8, 16: 0}),
    ('tenth', {0: 1, 7: 1, 8: 0.1, 15: 0.1}),
    ('halves', {0: 1, 1: 1, 2: 1 / 2, 4: 1 / 4, 8: 1 / 8, 11: 1 / 8, 12: 1 / 16}),
  ],
)
def test_schedules_of_a_stage(schedule, rates):
  """Of 16 steps, in a longer run."""
  made = optimizers.optimizer(config(steps=1000, schedule=schedule), RATE, steps=16)
  state = made.init(jnp.zeros(()))
  update = jax.jit(made.update)
  for step in range(17):
    moved, state = update(jnp.ones(()), state)
    if step in rates:
      np.testing.assert_allclose(-moved, RATE * rates[step], rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize('optimizer', ['adam', 'rmsprop'])
@pytest.mark.parametrize('n_critic', [1, 5])
@pytest.mark.parametrize(
  'schedule, half, quarter',
  [('constant', 1, 1), ('linear', 1 / 2, 3 / 4), ('cosine', 1 / 2, (1 + np.sqrt(1 / 2)) / 2)],
)
def test_schedules_end_with_the_run(optimizer, n_critic, schedule, half, quarter):
  """The critic makes `n_critic` updates a step and is at zero at the same step."""
  length = 40
  chosen = config(optimizer=optimizer, n_critic=n_critic, schedule=schedule, steps=length)
  for rate, n in ((chosen.generator_lr, 1), (chosen.critic_lr, n_critic)):
    made = optimizers.optimizer(chosen, rate, n)
    still = optimizers.optimizer(config(optimizer=optimizer), rate)
    for step, share in ((0, 1), (length // 4, quarter), (length // 2, half), (length, None)):
      expected = share if share is not None else float(schedule == 'constant')
      now, constant = (rate_after(o, step * n)[0] for o in (made, still))
      np.testing.assert_allclose(now / constant, expected, rtol=1e-5, atol=1e-7)


def test_the_length_may_be_given_in_images():
  chosen = config(schedule='linear', images=8 * 5 * 40, n_critic=5)
  for n in (1, 5):
    optimizer = optimizers.optimizer(chosen, RATE, n)
    assert abs(rate_after(optimizer, 40 * n)[0]) < 1e-7 * RATE  # 1 - n / n, rounded
    np.testing.assert_allclose(rate_after(optimizer, 40 * n - 1)[0], RATE / (40 * n), rtol=1e-5)


def test_sgd_has_a_schedule_of_its_own():
  """Else --schedule would be given and silently have no effect."""
  for schedule in ('linear', 'cosine'):
    with pytest.raises(ValueError, match='give --schedule=constant'):
      config(optimizer='sgd', schedule=schedule)


def test_the_advice_helps_a_variant_whose_rates_go_down():
  with pytest.raises(ValueError, match='give --schedule=constant'):
    variants.configure('unrolled', optimizer='sgd')
  assert variants.configure('unrolled', optimizer='sgd', schedule='constant').optimizer == 'sgd'


@pytest.mark.parametrize('every', [4, 16])
def test_adams_decays_are_those_of_k_over_k_plus_one(every):
  """After as many steps as before, as much is forgotten."""
  c = every / (every + 1)
  options = dict(optimizer='adam', beta1=0.5, beta2=0.99)
  lazy = [Turn('critic', None, 'lazy', every=every)]
  make = partial(optimizers.optimizer, config(**options))
  made = updates(optimizers.lazily_corrected(make, RATE, 1, lazy), GRADIENTS)
  by_hand = optax.adam(RATE * c, 0.5**c, 0.99**c)
  np.testing.assert_allclose(made, updates(by_hand, GRADIENTS), rtol=1e-5)


@pytest.mark.parametrize(
  'shape, quarter, last', [('constant', 0, 0), ('linear', 1 / 4, 1), ('cosine', None, 1)]
)
def test_schedules_go_from_start_to_end_and_no_further(shape, quarter, last):
  at = optimizers.between_ends(shape, 2.0, 10.0, 40)
  quarter = (1 - np.sqrt(1 / 2)) / 2 if quarter is None else quarter
  shares = [0, quarter, last / 2, last, last]
  for step, share in zip((0, 10, 20, 40, 400), shares, strict=True):
    np.testing.assert_allclose(at(jnp.int32(step)), 2 + 8 * share, rtol=1e-6)
  np.testing.assert_allclose(optimizers.between_ends(shape, 2.0, 10.0, 0)(jnp.int32(0)), 2)


def test_adam_with_a_beta2_that_moves():
  """Moments decay by the beta2 of the moment, which also corrects their start."""
  m = v = 0.0
  expected = []
  for i, g in enumerate(GRADIENTS):
    b = 0.9 + 0.02 * i
    m, v = 0.3 * m + 0.7 * g, b * v + (1 - b) * g * g
    expected.append((m / (1 - 0.3 ** (i + 1))) / (np.sqrt(v / (1 - b ** (i + 1))) + 1e-8))
  made = updates(optimizers.scale_by_adam(0.3, lambda count: 0.9 + 0.02 * count), GRADIENTS)
  np.testing.assert_allclose(made, expected, rtol=1e-5)
