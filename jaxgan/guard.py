"""A step that is not finite is left out and counted; many in a row mean that the run diverged."""

import collections
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp

from jaxgan import game
from jaxgan.game import Game, TrainState
from jaxgan.typing import Array, Batch, Logs, Tree

LIMIT = 10
"""Steps left out in a row at which a run is taken to have diverged."""
BEHIND = 8
"""Steps that the host may be ahead of the device before it waits."""
IN_A_ROW = 'skipped_in_a_row'


def guarded(played: Game) -> Callable[[TrainState, Batch], tuple[TrainState, Logs]]:
  """`game.train_step` of a game, but the state stays as it was where the step is not finite.

  state <- new if every loss and every number in new is finite, else old. The step counts on in both
  cases, so that data and random numbers move on. `state.skipped` is (steps left out, of these the
  last ones in a row, returns to a checkpoint, its step); the first two are logged as `skipped` and
  `skipped_in_a_row`.
  """

  def step(state: TrainState, batches: Batch) -> tuple[TrainState, Logs]:
    new, logs = game.train_step(played, state, batches)
    fine = finite(new) & _losses_finite(played, state.step, logs)
    total, row = state.skipped[0] + ~fine, jnp.where(fine, 0, state.skipped[1] + 1)
    new = jax.tree.map(partial(_either, fine), new, state)
    skipped = jnp.concatenate([jnp.stack([total, row]), state.skipped[2:]])
    return (
      replace(new, step=state.step + 1, skipped=skipped),
      {**logs, 'skipped': total, IN_A_ROW: row},
    )

  return step


def anew(kept: TrainState, lost: TrainState) -> TrainState:
  """The state to go on from, from a checkpoint and what became of it.

  It draws other random numbers, different ones at each return to that checkpoint.
  """

  def begin(kept: TrainState, counts: Array) -> TrainState:
    again = jnp.where(counts[3] == kept.step, counts[2] + 1, 1)
    key = jax.random.fold_in(kept.key, ~again.astype(jnp.uint32))  # no step is that high
    skipped = jnp.stack([counts[0], jnp.zeros_like(again), again, kept.step])
    return replace(kept, key=key, skipped=skipped)

  return jax.jit(begin, out_shardings=kept.step.sharding)(kept, lost.skipped)


def returns(state: TrainState) -> int:
  """How often the run has returned to the checkpoint that it last returned to."""
  return int(state.skipped[2])


def finite(tree: Tree) -> Array:
  """Whether every floating-point number in a tree is neither infinite nor NaN, a bool scalar."""
  numbers = [x for x in jax.tree.leaves(tree) if jnp.issubdtype(x.dtype, jnp.floating)]
  return jnp.stack([jnp.isfinite(x).all() for x in numbers]).all()


class Watch:
  """Follows the count of `guarded` a few steps behind, so that the host never waits for the device.

  The lag is fixed: several processes come to the same answer at the same step.
  """

  def __init__(self) -> None:
    self._counts: collections.deque[Array] = collections.deque()
    self._row = 0

  def diverged(self, in_a_row: Array, *, now: bool) -> bool:
    """Whether `LIMIT` steps in a row were left out; with `now` up to the step of this count."""
    self._counts.append(in_a_row)
    while self._counts and (now or len(self._counts) > BEHIND):
      self._row = int(self._counts.popleft())
      if self._row >= LIMIT:
        return True
    return False

  @property
  def sound(self) -> bool:
    """Whether the last step looked at was taken."""
    return self._row == 0


def _losses_finite(played: Game, step: Array, logs: Logs) -> Array:
  """Of the turns that were played at this step; the others have no value."""
  return jnp.stack(
    [jnp.isfinite(logs[f'{t.label}/loss']) | (step % t.every != 0) for t in played.turns]
  ).all()


def _either(fine: Array, new: Array, old: Array) -> Array:
  is_key = jax.dtypes.issubdtype(new.dtype, jax.dtypes.prng_key)
  return new if is_key else jnp.where(fine, new, old)
