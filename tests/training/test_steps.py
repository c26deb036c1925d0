"""Steps that are compiled in a thread, and what happens to arrays that they were not made for."""

from concurrent.futures import Future

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.core.game import Game, Player, Turn
from jaxgan.core.network import Network
from jaxgan.parallel import devices
from jaxgan.recipes import stages
from jaxgan.recipes.types import Recipe, Sampler, Stage
from jaxgan.training.steps import Step, Steps

MESH = devices.mesh(8)
BATCH = {'image': np.full((1, 8, 2, 2, 1), 255, np.uint8)}


def recipe(frozen=False):
  """A player that moves a scale towards 0 by its product with the images."""
  scale = Network(
    init=lambda key, x: {'params': {'scale': jnp.float32(2)}},
    apply=lambda variables, x, train, key=None: (variables['params']['scale'] * x, variables),
  )

  def loss(nets, batch, key):
    y, nets = nets('critic', batch['image'])
    if frozen:
      y, nets = nets('fixed', y)
    return y.mean(), nets, {}

  held = {'fixed': {'params': {'scale': jnp.float32(3)}}} if frozen else {}
  networks = {'critic': scale, **dict.fromkeys(held, scale)}
  players = {'critic': Player(('critic',), optax.sgd(0.5))}
  game = Game(networks, players, [Turn('critic', loss)], frozen=held)
  sampler = Sampler(lambda key, n: jnp.zeros((n, 1)), lambda *_: None, lambda *_: None)
  return Recipe((Stage(game, {'critic': (jnp.zeros((2, 2, 2, 1)),)}),), sampler)


def first(made):
  return stages.first_state(made.stages[0], jax.random.key(0), devices.replicated(MESH))


@pytest.mark.parametrize('frozen', [False, True])
def test_a_step_that_was_begun_is_the_one_that_is_played(frozen, monkeypatch):
  made = recipe(frozen)
  steps = Steps(made, MESH)
  shapes = stages.shapes_of(made.stages[0], devices.replicated(MESH))
  steps.begin(0, shapes, devices.placed_shapes(MESH, BATCH))
  step, batch = steps.of(0), devices.place(MESH, BATCH)
  monkeypatch.setattr(step, 'jitted', None)  # so nothing is compiled twice
  step.ready(first(made), batch)
  state, _ = step(first(made), batch)
  assert float(state.params['critic']['scale']) == 2 - 0.5 * (3 if frozen else 1)
  state, _ = step(state, batch)
  assert int(state.step) == 2


def test_a_step_that_was_not_begun_is_compiled_when_it_is_needed():
  made = recipe()
  step, batch = Steps(made, MESH).of(0), devices.place(MESH, BATCH)
  step.ready(first(made), batch, quiet=True)
  assert int(step(first(made), batch)[0].step) == 1
  assert not step.jitted._cache_size()


def test_arrays_of_another_shape_compile_once_more():
  made = recipe()
  step, batch = Steps(made, MESH).of(0), devices.place(MESH, BATCH)
  step.ready(first(made), batch)
  larger = {'image': np.repeat(BATCH['image'], 2, axis=1)}
  state, _ = step(first(made), devices.place(MESH, larger))
  assert int(state.step) == 1
  assert step.jitted._cache_size() == 1


def test_what_fails_in_the_thread_is_raised():
  made = recipe()
  step = Steps(made, MESH).of(0)
  batch = devices.place(MESH, {'other': BATCH['image']})
  with pytest.raises(KeyError, match='image'):
    step.ready(first(made), batch)


def test_a_program_whose_compiler_fails_is_not_there():
  step = Step(jitted=None)
  assert not step.compiled
  for result, there in ((Future(), False), (Future(), True)):
    step._program = result
    assert not step.compiled  # it is not done
    if there:
      result.set_result(None)
    else:
      result.set_exception(RuntimeError('out of memory'))
    assert step.compiled == there
