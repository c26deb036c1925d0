"""Guards against values that are not finite: such updates are skipped and counted.

A run that skips many steps in a row has diverged.
"""

from dataclasses import replace

import jax
import jax.numpy as jnp

from jaxgan.core.state import TrainState
from jaxgan.core.typing import Array, Logs, Tree

IN_A_ROW = 'skipped_in_a_row'
_LARGEST = 1e18


def clean(grads: Tree) -> Tree:
  """Return the gradients with 0 in place of NaN, infinity, and values whose square overflows.

  So no sum of squares, such as Adam's, can become infinite. It would never become finite again.

  Reference: Karras et al., 2020 (StyleGAN2-ADA); their code also replaces such values.
  """
  return jax.tree.map(lambda g: jnp.where(jnp.abs(g) < _LARGEST, g, 0), grads)


def keep(
  old: TrainState, new: TrainState, loss: Array, statistics: Tree, grads: Tree
) -> TrainState:
  """Return the new state where loss, statistics and gradients are finite, else the old one.

  Each old state that is kept is counted in `state.skipped`: (skipped turns, steps in a row with a
  skipped turn, returns to a checkpoint, the step of that checkpoint).

  The parameters are chosen after all gradients are checked. Everything else is chosen after the
  parameters, and stays old too where the new parameters are not finite. In this order XLA uses each
  array for the last time where it is replaced, and can write it in place. In any other order it
  would copy many arrays first.
  """
  fine = jnp.isfinite(loss) & _finite(jax.tree.leaves(statistics))
  fine &= _finite([_edge(g) for g in jax.tree.leaves(grads)])
  params = _chosen(fine, new.params, old.params)
  fine &= _finite([p[(0,) * p.ndim] for p in jax.tree.leaves({n: params[n] for n in grads})])
  rest = _chosen(fine, replace(new, params=params), replace(old, params=params))
  return replace(rest, skipped=old.skipped.at[0].add(~fine))


def _chosen(fine: Array, new: Tree, old: Tree) -> Tree:
  return jax.tree.map(lambda n, o: n if n is o else jnp.where(fine, n, o), new, old)


def _edge(gradient: Array) -> Array:
  """Return the part of a gradient that belongs to one input of the layer.

  A backward signal that is not finite shows in the part of every input. To read the whole gradient
  would be a second pass over memory.
  """
  return gradient if gradient.ndim < 2 else gradient[..., 0, :]


def _finite(arrays: list[Array]) -> Array:
  numbers = [x.ravel() for x in arrays if jnp.issubdtype(x.dtype, jnp.floating)]
  return jnp.isfinite(jnp.concatenate(numbers)).all() if numbers else jnp.array(True)


def count(old: TrainState, new: TrainState, logs: Logs) -> tuple[TrainState, Logs]:
  """Count the steps in a row with a skipped turn, at the end of a step, and log the counts."""
  row = jnp.where(new.skipped[0] > old.skipped[0], new.skipped[1] + 1, 0)
  new = replace(new, skipped=new.skipped.at[1].set(row))
  return new, {**logs, 'skipped': new.skipped[0], IN_A_ROW: row}


def anew(kept: TrainState, lost: TrainState) -> TrainState:
  """Return the state with which a run goes on from a checkpoint after it diverged.

  It gets a new random key, a different one at each return to the same checkpoint.

  Args:
    kept: the state of the checkpoint.
    lost: the state of the run that diverged; its counts are kept.
  """

  def begin(kept: TrainState, counts: Array) -> TrainState:
    again = jnp.where(counts[3] == kept.step, counts[2] + 1, 1)
    key = jax.random.fold_in(kept.key, ~again.astype(jnp.uint32))  # no step is that high
    skipped = jnp.stack([counts[0], jnp.zeros_like(again), again, kept.step])
    return replace(kept, key=key, skipped=skipped)

  return jax.jit(begin, out_shardings=kept.step.sharding)(kept, lost.skipped)


def returns(state: TrainState) -> int:
  """Return how often the run has gone back to its latest checkpoint of that kind."""
  return int(state.skipped[2])
