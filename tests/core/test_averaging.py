"""Averages in closed form, on a state with nothing else in it."""

import chex
import flax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.augmentation.controller import adapt
from jaxgan.core.averaging import ema, history


@flax.struct.dataclass
class State:
  step: jax.Array
  params: dict
  ema: dict


@flax.struct.dataclass
class Remembering:
  step: jax.Array
  params: dict
  memory: dict


def state(theta, average, step=0):
  params = {'generator': {'w': jnp.asarray(theta)}, 'critic': {'w': jnp.ones(2)}}
  return State(jnp.int32(step), params, {'generator': {'w': jnp.asarray(average)}})


def run(rule, start, steps):
  def step(s, _):
    s = rule(s)
    return s.replace(step=s.step + 1), s.ema['generator']['w']

  return jax.lax.scan(step, start, length=steps)[1]


def test_published_decay():
  rule = ema('generator', half_life=500_000, images_per_step=64, rampup=None)
  average = rule(state([0.0], [1.0])).ema['generator']['w']
  np.testing.assert_allclose(average, [0.9999113], atol=5e-8)  # 0.5^(64 / 500000)


def test_half_is_left_after_a_half_life():
  rule = ema('generator', half_life=640, images_per_step=64, rampup=None)
  averages = run(rule, state([3.0, 0.0], [1.0, 1.0]), 30)
  # theta + (average - theta) 2^(-n / 10) after n steps
  left = 0.5 ** (np.arange(1, 31) / 10)
  expected = np.stack([3 - 2 * left, left], axis=1)
  np.testing.assert_allclose(averages, expected, rtol=1e-5)


@pytest.mark.parametrize('rampup', [0.05, None])
def test_constant_parameters_stay(rampup, key):
  theta = jax.random.normal(key, (100,))
  averages = run(
    ema('generator', half_life=1e4, images_per_step=64, rampup=rampup), state(theta, theta), 50
  )
  chex.assert_trees_all_equal(averages, jnp.broadcast_to(theta, (50, 100)))


def test_rampup_copies_at_first_then_follows_the_images_seen():
  rule = ema('generator', half_life=1000, images_per_step=64, rampup=0.05)
  left = lambda step: float(rule(state([0.0], [1.0], step)).ema['generator']['w'][0])
  assert left(0) == 0
  # 64 images a step and 0.05 * 64 n seen before step n: 0.5^(20 / n)
  np.testing.assert_allclose([left(n) for n in (1, 10, 20)], [0.5**20, 0.25, 0.5], rtol=1e-5)
  # 0.05 * 64 n reaches 1000 at n = 312.5
  np.testing.assert_allclose(left(312), 0.5 ** (20 / 312), rtol=1e-6)
  np.testing.assert_allclose([left(313), left(10**6)], [0.5**0.064] * 2, rtol=1e-6)


def test_many_images_do_not_overflow():
  rule = ema('generator', half_life=5e8, images_per_step=4096, rampup=0.05)
  average = rule(state([0.0], [1.0], 10**8)).ema['generator']['w']  # 4e11 images seen
  np.testing.assert_allclose(average, [0.5 ** (4096 / 5e8)], atol=1e-7)


@pytest.mark.parametrize('rampup', [0.05, None])
def test_half_life_of_zero_copies(rampup, key):
  theta = jax.random.normal(key, (100,))
  rule = ema('generator', half_life=0, images_per_step=64, rampup=rampup)
  average = rule(state(theta, 1e3 * jnp.ones(100), 10)).ema['generator']['w']
  chex.assert_trees_all_equal(average, theta)


def test_only_the_named_average_moves_and_dtypes_stay():
  start = state(jnp.zeros(2, jnp.bfloat16), jnp.ones(2, jnp.bfloat16), step=1)
  start = start.replace(ema={**start.ema, 'critic': {'w': jnp.zeros(2)}})
  end = ema('generator', half_life=64, images_per_step=64, rampup=1.0)(start)
  half = jnp.full(2, 0.5, jnp.bfloat16)
  chex.assert_trees_all_equal(end, start.replace(ema={**start.ema, 'generator': {'w': half}}))
  chex.assert_trees_all_equal_dtypes(end, start)


def test_unknown_network():
  rule = ema('encoder', half_life=64, images_per_step=64)
  with pytest.raises(ValueError, match=r"no average is kept of 'encoder', only of \['generator'\]"):
    rule(state([0.0], [1.0]))


@pytest.mark.parametrize('wrong', [{'half_life': -1.0}, {'images_per_step': 0}, {'rampup': -0.1}])
def test_impossible_settings(wrong):
  with pytest.raises(ValueError, match='ema needs half_life >= 0'):
    ema('generator', **{'half_life': 64.0, 'images_per_step': 64, **wrong})


def test_history_is_the_mean_of_all_that_was():
  path = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
  memory = {'history': {'critic': {'w': jnp.full(3, 7.0)}}, 'other': jnp.ones(2)}
  rule = history('critic')
  for i, theta in enumerate(path):
    now = Remembering(jnp.int32(i), {'critic': {'w': jnp.asarray(theta)}}, memory)
    memory = rule(now).memory
    np.testing.assert_allclose(memory['history']['critic']['w'], path[: i + 1].mean(0), atol=1e-6)
  chex.assert_trees_all_equal(memory['other'], jnp.ones(2))


# --- adaptive augmentation


def rule(**options):
  given = dict(target=0.6, images=1000.0, cap=0.8, images_per_step=10)
  return adapt(**{**given, **options})


def test_a_half_life_may_grow_with_the_step():
  rule = ema('generator', half_life=lambda step: 64.0 * step, images_per_step=64, rampup=None)
  left = [float(rule(state([0.0], [1.0], i)).ema['generator']['w'][0]) for i in (0, 1, 2, 10)]
  np.testing.assert_allclose(left, [0, 1 / 2, 0.5**0.5, 0.5**0.1], rtol=1e-6)
