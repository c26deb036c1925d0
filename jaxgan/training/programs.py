"""Functions of a run's networks as programs: compiled once for all who ask for the same one."""

import functools
from collections.abc import Callable
from typing import TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core import game
from jaxgan.core.game import Game
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Array
from jaxgan.ops import convolution

Made = TypeVar('Made')


@functools.lru_cache(maxsize=16)
def jitted(function: Callable[..., Made], played: Game) -> Callable[..., Made]:
  """Return the jitted function of a state in place of `function(nets, ...)` of its networks.

  The same function and game give the same program, so that it is traced and compiled once for each
  shape of its inputs. `Run.bound` is the way to it.

  Args:
    function: takes the networks as `game.nets` binds them, then arrays.
    played: the game whose networks these are.
  """

  def program(state: TrainState, *given: Array) -> Made:
    return function(game.nets(played, state), *given)

  options = convolution.compiler_options()
  return cast(Callable[..., Made], jax.jit(program, compiler_options=options))


def in_batches(function: Callable[..., Made], *arrays: Array | np.ndarray, size: int = 16) -> Made:
  """Call a function of rows on equal batches, and join what it returns.

  The last batch is filled up by repeating its last row, so that the function compiles once.

  Args:
    function: takes arrays of `size` rows, returns arrays of as many.
    arrays: each of the same number of rows, one or more.
    size: rows in a batch.

  Returns:
    A tree of NumPy arrays like the function's own, of as many rows as were given.

  Example:
    >>> in_batches(lambda x: 2 * x, np.arange(5), size=3).tolist()
    [0, 2, 4, 6, 8]
  """
  n = len(arrays[0])

  def rows(x: Array | np.ndarray, start: int) -> Array:
    return jnp.take(jnp.asarray(x), jnp.arange(start, start + size), axis=0, mode='clip')

  parts = [function(*(rows(x, start) for x in arrays)) for start in range(0, n, size)]
  join = lambda *x: np.concatenate([np.asarray(y) for y in x])[:n]
  return cast(Made, jax.tree.map(join, *parts))
