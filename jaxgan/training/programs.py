"""Compiled functions of a run's networks; equal functions are compiled only once."""

import functools
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core import game, progress
from jaxgan.core.game import Game
from jaxgan.core.nets import Nets
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Array, Variables
from jaxgan.ops import convolution
from jaxgan.storage import files

Made = TypeVar('Made')


def cache_programs() -> None:
  """Store compiled programs in the user's cache folder, unless JAX has another folder set.

  JAX reads a program while another process is still writing it, or which a process that was killed
  did not finish. It then warns of an error, compiles the program and goes on: nothing is wrong.
  """
  warnings.filterwarnings('ignore', 'Error reading persistent compilation cache entry')
  if jax.config.values.get('jax_compilation_cache_dir'):
    return
  jax.config.update('jax_compilation_cache_dir', str(files.cache('programs')))
  jax.config.update('jax_persistent_cache_min_compile_time_secs', 0)
  jax.config.update('jax_persistent_cache_min_entry_size_bytes', -1)


@functools.lru_cache(maxsize=16)
def jitted(function: Callable[..., Made], played: Game) -> Callable[..., Made]:
  """Return `function(nets, ...)` as a jitted function of a training state, `program(state, ...)`.

  The same function and game give the same program, which is traced and compiled once for each shape
  of its inputs. Users call `Run.bound`.

  Args:
    function: takes the networks as `game.nets` binds them, then arrays.
    played: the game of these networks.
  """

  def program(state: TrainState, *given: Array) -> Made:
    return function(game.nets(played, state), *given)

  options = convolution.compiler_options()
  return cast(Callable[..., Made], jax.jit(program, compiler_options=options))


class Generator(Protocol):
  """A pure function from latents to images; see `Run.generator`."""

  def __call__(
    self, params: Mapping[str, Variables], z: Array, labels: Array | None = None, /
  ) -> Array:
    """Return the images `[n, H, W, C]` of latents `[n, ...]` and classes `[n]`."""


Pure = Callable[[Mapping[str, Variables], Array, Array], Array]


def pure(make: Callable[[Nets, Array, Array], Array], nets: Nets) -> Pure:
  """Return `make(nets, z, labels)` as a pure function `(variables, z, labels)`.

  `variables` are those of each network, by name. The memory and the step of `nets` are constants of
  the function.
  """
  fixed = replace(nets, params={}, variables={}, opt={})

  def function(variables: Mapping[str, Variables], z: Array, labels: Array) -> Array:
    rest = {n: {k: v for k, v in x.items() if k != 'params'} for n, x in variables.items()}
    params = {n: x['params'] for n, x in variables.items()}
    return make(replace(fixed, params=params, variables=rest), z, labels)

  return function


def needed(function: Pure, nets: Nets, z: Array, labels: Array) -> dict[str, Variables]:
  """Return the variables of only those networks that a pure function reads, by name."""
  every = {name: {'params': nets.params[name], **nets.variables[name]} for name in nets.networks}
  traced = jax.make_jaxpr(function)(every, z, labels).jaxpr
  read = {id(x) for equation in traced.eqns for x in equation.invars}
  owners = [path[0].key for path, _ in jax.tree_util.tree_leaves_with_path(every)]
  given = zip(owners, traced.invars[: len(owners)], strict=True)
  used = {name for name, x in given if id(x) in read}
  return {name: variables for name, variables in every.items() if name in used}


def in_batches(function: Callable[..., object], *arrays: Array | np.ndarray, size: int = 16) -> Any:
  """Call a function on batches of equal size, and concatenate the results.

  The last batch is padded with copies of its last row, so that the function compiles once.

  Args:
    function: takes arrays of `size` rows, and returns a tree of arrays of `size` rows.
    arrays: one or more arrays, all with the same number of rows, n.
    size: rows in a batch.

  Returns:
    A tree like the function's own, of NumPy arrays with n rows. No static type expresses this.

  Example:
    >>> in_batches(lambda x: 2 * x, np.arange(5), size=3).tolist()
    [0, 2, 4, 6, 8]
  """
  n = len(arrays[0])

  def rows(x: Array | np.ndarray, start: int) -> Array:
    return jnp.take(jnp.asarray(x), jnp.arange(start, start + size), axis=0, mode='clip')

  starts = progress.over(range(0, n, size), 'batch')
  parts = [function(*(rows(x, start) for x in arrays)) for start in starts]
  join = lambda *x: np.concatenate([np.asarray(y) for y in x])[:n]
  return jax.tree.map(join, *parts)
