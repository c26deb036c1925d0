"""The strength of adaptive augmentation follows its formula."""

import chex
import flax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.augmentation.controller import adapt, observed
from jaxgan.core.game import Nets


@flax.struct.dataclass
class State:
  step: jax.Array
  params: dict
  ema: dict


def state(theta, average, step=0):
  params = {'generator': {'w': jnp.asarray(theta)}, 'critic': {'w': jnp.ones(2)}}
  return State(jnp.int32(step), params, {'generator': {'w': jnp.asarray(average)}})


@flax.struct.dataclass
class Adapting:
  step: jax.Array
  memory: dict


def remembering(step=0, p=0.0, signs=0.0, count=0.0):
  ada = {'p': jnp.float32(p), 'signs': jnp.float32(signs), 'count': jnp.float32(count)}
  return Adapting(jnp.int32(step), {'ada': ada, 'other': jnp.float32(7)})


def rule(**options):
  given = dict(target=0.6, images=1000.0, cap=0.8, images_per_step=10)
  return adapt(**{**given, **options})


@pytest.mark.parametrize('mean, sign', [(0.9, 1), (0.6, 0), (0.1, -1), (-1.0, -1)])
def test_p_moves_by_the_formula(mean, sign):
  """4 steps of 10 images of 1000: 0.04 up where the mean sign is above 0.6, down where below."""
  ada = rule()(remembering(step=3, p=0.5, signs=4 * np.float32(mean), count=4.0)).memory['ada']
  np.testing.assert_allclose(ada['p'], 0.5 + sign * 0.04, rtol=1e-6)
  assert (ada['signs'], ada['count']) == (0, 0)


def test_p_moves_every_fourth_step_and_no_other_state_does():
  for step in range(3):
    before = remembering(step, p=0.5, signs=1.0, count=1.0)
    chex.assert_trees_all_equal(rule()(before), before)
  assert rule()(remembering(3, 0.5, 4.0, 4.0)).memory['other'] == 7


def test_p_stays_between_zero_and_the_cap():
  assert rule()(remembering(3, p=0.78, signs=4.0, count=4.0)).memory['ada']['p'] == np.float32(0.8)
  assert rule()(remembering(3, p=0.01, signs=-4.0, count=4.0)).memory['ada']['p'] == 0


def test_p_rises_from_zero_to_one_in_so_many_images():
  def step(state, _):
    ada = {**state.memory['ada'], 'signs': jnp.float32(4), 'count': jnp.float32(4)}
    state = rule(cap=1.0)(state.replace(memory={**state.memory, 'ada': ada}))
    return state.replace(step=state.step + 1), state.memory['ada']['p']

  p = np.asarray(jax.lax.scan(step, remembering(), length=104)[1])
  np.testing.assert_allclose(p[[3, 49, 99, 103]], [0.04, 0.48, 1.0, 1.0], atol=1e-5)


def test_signs_of_real_logits_are_counted():
  nets = Nets({}, {}, {}, remembering(p=0.3, signs=0.5, count=1.0).memory)
  moved, logs = observed(nets, jnp.array([3.0, 0.1, -2.0, 1.0]), jnp.zeros(4))
  assert logs['p'] == np.float32(0.3)
  ada = moved.memory['ada']
  assert (ada['signs'], ada['count'], ada['p']) == (1.0, 2.0, np.float32(0.3))
