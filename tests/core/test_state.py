"""The state is one tree, and its names are those that checkpoints hold."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from by_path import leaves
from jaxgan.core.state import TrainState


def made():
  nothing = {name: {} for name in ('params', 'variables', 'memory', 'opt', 'ema')}
  given = {
    **nothing,
    'params': {'critic': {'w': jnp.ones(2)}},
    'ema': {'critic': {'w': jnp.ones(2)}},
  }
  return TrainState(
    step=jnp.int32(3), key=jax.random.key(5), skipped=jnp.zeros(4, jnp.int32), **given
  )


def test_every_field_is_part_of_the_tree():
  """A field beside the tree would not be saved, and a run would resume without it."""
  names = {field.name for field in dataclasses.fields(TrainState)}
  filled = made().replace(**{name: {'x': jnp.zeros(())} for name in ('variables', 'memory', 'opt')})
  assert {path.split('.')[1].split('[')[0] for path in leaves(filled)} == names


def test_paths_are_those_of_checkpoints():
  """A checkpoint is read by these names: another name is another format."""
  expected = {'.step', '.key', '.skipped', ".params['critic']['w']", ".ema['critic']['w']"}
  assert set(leaves(made())) == expected


def test_it_passes_through_a_jitted_function():
  moved = jax.jit(lambda state: state.replace(step=state.step + 1))(made())
  assert isinstance(moved, TrainState) and moved.step == 4
  assert moved.key == made().key


def test_a_replaced_state_leaves_the_first_as_it_was():
  state = made()
  other = state.replace(params={'critic': {'w': jnp.zeros(2)}})
  np.testing.assert_array_equal(state.params['critic']['w'], [1, 1])
  np.testing.assert_array_equal(other.params['critic']['w'], [0, 0])
