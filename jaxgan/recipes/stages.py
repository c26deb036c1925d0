"""Stages of a recipe: which one a step belongs to, its first state, and the passage to the next."""

from collections.abc import Collection
from functools import lru_cache, partial
from typing import Any

import jax
from jax.sharding import Sharding

from jaxgan.core import compiling, game
from jaxgan.core.game import Game
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Array, Batch, Key, Tree
from jaxgan.recipes.types import Recipe, Stage


def index(recipe: Recipe, step: int) -> int:
  """The stage that plays step number `step` (the first is 0)."""
  end = 0
  for i, stage in enumerate(recipe.stages):
    end += stage.steps or 0
    if stage.steps is None or step < end:
      return i
  return len(recipe.stages) - 1


def of(recipe: Recipe, step: int) -> Stage:
  """The stage that plays step number `step`."""
  return recipe.stages[index(recipe, step)]


@lru_cache(maxsize=8)
def _start(played: Game, sharding: Sharding | None) -> Any:
  """Return the program that makes the first state, which is traced once for shapes and values."""
  init = partial(game.init, played)
  return jax.jit(init, out_shardings=sharding, compiler_options=compiling.quick())


def first_state(stage: Stage, key: Key, sharding: Sharding) -> TrainState:
  """The state of a stage before anything is learnt."""
  return _start(stage.game, sharding)(key, dict(stage.example))


def abstract(recipe: Recipe, step: int, sharding: Sharding) -> Tree:
  """Shapes, dtypes and sharding of the state that stands before step number `step`."""
  return shapes_of(of(recipe, step), sharding)


def shapes_of(stage: Stage, sharding: Sharding | None = None) -> Tree:
  """Return shapes, dtypes and sharding of the state of a stage."""
  shapes = _start(stage.game, sharding).eval_shape(jax.random.key(0), dict(stage.example))
  return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), shapes)


def check_parts(stage: Stage, sharding: Sharding, batches: Batch) -> None:
  """Check that a stage can play its batches in parts; `batches` are at least shapes.

  Raises:
    ValueError: something in its losses or networks compares the images of a batch.
  """
  if stage.game.parts > 1:
    jax.eval_shape(partial(game.train_step, stage.game), shapes_of(stage, sharding), batches)


def passage(old: TrainState, new: TrainState, fresh: Collection[str] = ()) -> TrainState:
  """The new stage's first state, with every leaf of the old whose path and shape survive.

  The fields named in `fresh` stay as they are in the new one.
  """
  kept = dict(jax.tree_util.tree_leaves_with_path(old))

  def carry(path: tuple[jax.tree_util.GetAttrKey, ...], leaf: Array) -> Array | None:
    before = None if path[0].name in fresh else kept.get(path)
    same = before is not None and (before.shape, before.dtype) == (leaf.shape, leaf.dtype)
    return before if same else leaf

  return jax.tree_util.tree_map_with_path(carry, new)
