"""What is not finite is left out and counted; many steps in a row of it are a run that diverged."""

from dataclasses import replace

import jax
import jax.numpy as jnp

from jaxgan.core.state import TrainState
from jaxgan.core.typing import Array, Logs, Tree

IN_A_ROW = 'skipped_in_a_row'
_LARGEST = 1e18


def clean(grads: Tree) -> Tree:
  """Gradients without what is not finite, or has no finite square: 0 in its place.

  So no sum of squares, such as Adam's, can become infinite, which it would stay.

  References: Karras et al., 2020 (StyleGAN2-ADA), whose authors' code does alike.
  """
  return jax.tree.map(lambda g: jnp.where(jnp.abs(g) < _LARGEST, g, 0), grads)


def keep(
  old: TrainState, new: TrainState, loss: Array, statistics: Tree, grads: Tree
) -> TrainState:
  """The new state where loss, statistics and gradients are finite, else the old, and that counted.

  `state.skipped` is (turns counted, steps in a row with one, returns to a checkpoint, that one's
  step).

  The parameters wait for every gradient, and all else for them, to be kept too where they are then
  not finite. So each array is last needed where it is replaced, and XLA writes it in place; free to
  order this as it likes, it would copy many first.
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
  """One input's part of a weight: a backward signal that is not finite shows there as elsewhere.

  All of it would be a second pass over memory.
  """
  return gradient if gradient.ndim < 2 else gradient[..., 0, :]


def _finite(arrays: list[Array]) -> Array:
  numbers = [x.ravel() for x in arrays if jnp.issubdtype(x.dtype, jnp.floating)]
  return jnp.isfinite(jnp.concatenate(numbers)).all() if numbers else jnp.array(True)


def count(old: TrainState, new: TrainState, logs: Logs) -> tuple[TrainState, Logs]:
  """At the end of a step: whether the row goes on, and logs that tell."""
  row = jnp.where(new.skipped[0] > old.skipped[0], new.skipped[1] + 1, 0)
  new = replace(new, skipped=new.skipped.at[1].set(row))
  return new, {**logs, 'skipped': new.skipped[0], IN_A_ROW: row}


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
