"""The state of a run, in one tree."""

import flax
import jax

from jaxgan.core.typing import Array, Key, Logs, Memory, Tree


@flax.struct.dataclass
class TrainState:
  """The whole state of a run in one tree: dictionaries by network, but `opt` by player."""

  step: Array
  key: Key
  params: dict[str, Tree]
  variables: dict[str, Tree]
  memory: Memory
  opt: dict[str, Tree]
  ema: dict[str, Tree]
  skipped: Array  # int32 [4]: the counts of `guard.keep`


Played = tuple[TrainState, Logs]
"""The state after a step or a turn, and what it logs."""


def path_name(path: tuple[object, ...]) -> str:
  """Return the name of a leaf of a tree, as checkpoints have it: 'params/critic/Conv_0/kernel'."""
  return jax.tree_util.keystr(path, simple=True, separator='/')


def named(tree: Tree) -> dict[str, Array]:
  """Return the leaves of a tree by name, in the order of the tree.

  Example:
    >>> list(named({'critic': {'bias': 0, 'kernel': [1, 2]}}))
    ['critic/bias', 'critic/kernel/0', 'critic/kernel/1']
  """
  return {path_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}
