"""Stages: which one plays, and what goes from one to the next."""

from functools import partial

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.core import averaging, game
from jaxgan.core.game import Game, Player, Turn
from jaxgan.core.network import linen
from jaxgan.nn.normalization import BatchNorm
from jaxgan.recipes import stages
from jaxgan.recipes.types import Recipe, Sampler, Stage

PLACE = jax.sharding.SingleDeviceSharding(jax.devices()[0])


def recipe_of(*steps):
  made = tuple(Stage(game=i, example={}, steps=n) for i, n in enumerate(steps))
  return Recipe(made, Sampler(None, None, None))


@pytest.mark.parametrize(
  'steps, expected',
  [
    ((None,), [0, 0, 0, 0, 0, 0]),
    ((2, 3, None), [0, 0, 1, 1, 1, 2]),
    ((1, 1, 1), [0, 1, 2, 2, 2, 2]),  # beyond the end the last one plays on
    ((3, 0, None), [0, 0, 0, 2, 2, 2]),  # one of no length is passed over
  ],
)
def test_the_stage_of_a_step(steps, expected):
  recipe = recipe_of(*steps)
  assert [stages.index(recipe, step) for step in range(6)] == expected
  assert [stages.of(recipe, step).game for step in range(6)] == expected
  assert stages.index(recipe, 10**9) == len(steps) - 1


class Growing(nn.Module):
  """Layers that both stages have; the second has a wider last layer and a new one before it."""

  width: int
  grown: bool = False

  @nn.compact
  def __call__(self, x, *, train):
    x = BatchNorm(name='norm')(nn.Dense(4, use_bias=False, name='entry')(x), train=train)
    x = nn.Dense(4, name='new')(nn.relu(x)) if self.grown else x
    return nn.Dense(self.width, name='exit')(x)


def loss(nets, batch, key):
  """Far from zero, so that everything moves."""
  y, nets = nets('net', batch['x'])
  return ((y - 1 - jax.random.uniform(key)) ** 2).mean(), nets, {}


AVERAGE = partial(averaging.ema, half_life=100.0, images_per_step=8, rampup=None)


def stage(width, grown, steps=None):
  chosen = Game(
    {'net': linen(Growing(width, grown))},
    {'net': Player(('net',), optax.adam(0.1), average=AVERAGE)},
    [Turn('net', loss)],
    memory={'seen': jnp.int32(7), 'pool': jnp.zeros(width)},
  )
  return Stage(chosen, {'net': (jnp.zeros((2, 3)),)}, steps)


@pytest.fixture(scope='module')
def passed():
  """The state at the end of the first stage, the second's first, and the passage."""
  small, large = stage(2, False), stage(5, True)
  state = stages.first_state(small, jax.random.key(0), PLACE)
  step = jax.jit(partial(game.train_step, small.game))
  for i in range(3):
    state, _ = step(state, {'x': jax.random.normal(jax.random.key(i), (1, 8, 3))})
  fresh = stages.first_state(large, jax.random.key(1), PLACE)
  return state, fresh, stages.passage(state, fresh)


def leaves(tree):
  pairs = jax.tree_util.tree_leaves_with_path(tree)
  numbers = lambda x: jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x
  return {jax.tree_util.keystr(path): np.asarray(numbers(x)) for path, x in pairs}


def test_what_survives_is_kept_and_the_rest_is_fresh(passed):
  old, fresh, new = map(leaves, passed)
  assert set(new) == set(fresh)
  kept = {name for name in new if name in old and old[name].shape == new[name].shape}
  for name, value in new.items():
    chex.assert_trees_all_equal(value, (old if name in kept else fresh)[name])
  first = lambda name: name.startswith(('.params', '.ema', '.opt'))
  of_layers = {name for name in new if first(name) and 'count' not in name}
  lost = {name for name in of_layers if "['new']" in name or "['exit']" in name}
  assert of_layers - lost == of_layers & kept
  # Kernel, scale and bias, each as parameter, average and two moments; both of the last layer lost.
  assert len(of_layers & kept) == 3 * 4 and len(lost) == 4 * 4


def test_the_rest_of_the_state_goes_on(passed):
  old, fresh, new = passed
  assert new.step == 3 and new.key == old.key != fresh.key
  assert new.memory['seen'] == 7
  chex.assert_shape(new.memory['pool'], (5,))
  chex.assert_trees_all_equal(new.variables, old.variables)
  counts = [x for name, x in leaves(new.opt).items() if 'count' in name]
  assert counts == [3]
  entry = new.ema['net']['entry']['kernel']
  assert (entry != new.params['net']['entry']['kernel']).any()  # an average still, not a copy
  chex.assert_trees_all_equal(new.ema['net']['new'], new.params['net']['new'])


def test_the_next_stage_plays_on_from_it(passed):
  large = stage(5, True)
  step = jax.jit(partial(game.train_step, large.game))
  state = passed[2]
  for i in range(2):
    state, logs = step(state, {'x': jax.random.normal(jax.random.key(i), (1, 8, 3))})
  assert state.step == 5 and np.isfinite(logs['net/loss'])
  assert step._cache_size() == 1


def test_a_passage_between_equal_stages_changes_nothing(passed):
  old = passed[0]
  again = stages.first_state(stage(2, False), jax.random.key(5), PLACE)
  chex.assert_trees_all_equal(leaves(stages.passage(old, again)), leaves(old))


def test_what_a_stage_wants_fresh_does_not_come_over(passed):
  old, fresh, kept = passed
  new = stages.passage(old, fresh, fresh=('opt',))
  chex.assert_trees_all_equal(leaves(new.opt), leaves(fresh.opt))
  chex.assert_trees_all_equal(leaves(new.replace(opt=kept.opt)), leaves(kept))


def test_a_leaf_of_another_dtype_is_fresh():
  made = stages.first_state(stage(2, False), jax.random.key(0), PLACE)
  half = jax.tree.map(
    lambda x: x.astype(jnp.bfloat16) if x.dtype == jnp.float32 else x, made.replace(key=made.step)
  )
  new = stages.passage(half.replace(key=made.key), made)
  chex.assert_trees_all_equal(leaves(new), leaves(made))


def test_the_first_state_is_the_keys():
  make = lambda seed: leaves(stages.first_state(stage(2, False), jax.random.key(seed), PLACE))
  chex.assert_trees_all_equal(make(0), make(0))
  one, other = make(0), make(1)
  random = {name for name in one if not np.array_equal(one[name], other[name])}
  kernels = {name for name in one if 'kernel' in name and name.startswith(('.params', '.ema'))}
  assert random == kernels | {'.key'}


def test_shapes_are_known_before_any_number_is():
  recipe = Recipe((stage(2, False, steps=3), stage(5, True)), Sampler(None, None, None))
  for step, expected in ((0, 2), (2, 2), (3, 5)):
    shapes = stages.abstract(recipe, step, PLACE)
    made = stages.first_state(stages.of(recipe, step), jax.random.key(0), PLACE)
    chex.assert_trees_all_equal_shapes_and_dtypes(shapes, made)
    assert shapes.params['net']['exit']['bias'].shape == (expected,)
    assert {x.sharding for x in jax.tree.leaves(shapes)} == {PLACE}
