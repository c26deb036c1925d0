"""A network is a pair of pure functions, as an optimizer is in optax."""

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import nnx as flax_nnx

from jaxgan.typing import Array, Key, Variables


class Network(NamedTuple):
  """Two pure functions: all that the library knows of a network.

  `init(key, *inputs) -> variables`: parameters under `'params'`, all other state beside them.
  `apply(variables, *inputs, train, key=None) -> (output, variables)`: with `train` the statistics
  move on and are returned; without it they are used as they are. `key` feeds dropout.
  """

  init: Callable[..., Variables]
  apply: Callable[..., tuple[Any, Variables]]


def computed_in(network: Network, dtype: Any) -> Network:
  """The same network computed in a narrower type; all that lasts stays as it is.

  Parameters and inputs are rounded to `dtype` at each call; outputs, and with them losses, slopes
  and penalties, come out as float32. Parameters, their gradients and statistics remain float32.
  """

  def cast(tree: Any, old: Any, new: Any) -> Any:
    return jax.tree.map(lambda x: x.astype(new) if x.dtype == old else x, tree)

  def apply(variables: Variables, *inputs: Array, train: bool, key: Key | None = None):
    params, given = cast((variables['params'], inputs), jnp.float32, dtype)
    output, moved = network.apply({**variables, 'params': params}, *given, train=train, key=key)
    return cast(output, dtype, jnp.float32), {**moved, 'params': variables['params']}

  return Network(network.init, apply)


def linen(module: nn.Module) -> Network:
  """Adapt a Linen module whose `__call__` takes its inputs and the keyword `train`."""

  def init(key: Key, *inputs: Array) -> Variables:
    params, dropout = jax.random.split(key)
    variables = module.init({'params': params, 'dropout': dropout}, *inputs, train=True)
    return {'params': {}, **variables}

  def apply(variables: Variables, *inputs: Array, train: bool, key: Key | None = None):
    rngs = {} if key is None else {'dropout': key}
    if not train:
      return module.apply(variables, *inputs, train=False, rngs=rngs), variables
    moving = [name for name in variables if name != 'params']
    output, moved = module.apply(variables, *inputs, train=True, rngs=rngs, mutable=moving)
    return output, {**variables, **moved}

  return Network(init, apply)


def nnx(build: Callable[[flax_nnx.Rngs], flax_nnx.Module]) -> Network:
  """Adapt an NNX module: `build(rngs)` makes it, its `__call__` takes inputs and `train`.

  Each call merges a module from the variables and splits it again: nothing outside is changed.
  Parameters are its `nnx.Param`, every other variable is state, but for the streams of random
  numbers, which start anew from the `key` of each call.
  """

  def split(module: flax_nnx.Module):
    return flax_nnx.split(module, flax_nnx.Param, flax_nnx.RngState, ...)

  graph, params, streams, state = split(flax_nnx.eval_shape(lambda: build(flax_nnx.Rngs(0))))

  def init(key: Key, *inputs: Array) -> Variables:
    _, params, _, state = split(build(flax_nnx.Rngs(key)))
    return {'params': flax_nnx.to_pure_dict(params), 'state': flax_nnx.to_pure_dict(state)}

  def apply(variables: Variables, *inputs: Array, train: bool, key: Key | None = None):
    if train and key is None and jax.tree.leaves(streams):
      raise ValueError('this network draws random numbers in training: give it a key')
    parts = _filled(params, variables['params']), _filled(state, variables['state'])
    module = flax_nnx.merge(graph, parts[0], _seeded(streams, key), parts[1])
    output = module(*inputs, train=train)
    moved = flax_nnx.to_pure_dict(split(module)[3]) if train else variables['state']
    return output, {'params': variables['params'], 'state': moved}

  return Network(init, apply)


def _filled(template: flax_nnx.State, values: Any) -> flax_nnx.State:
  """The values in the form that NNX merges."""
  filled = copy.deepcopy(template)
  flax_nnx.replace_by_pure_dict(filled, values)
  return filled


def _seeded(streams: flax_nnx.State, key: Key | None) -> flax_nnx.State:
  """Each stream of random numbers at its start, with a key of its own."""
  leaves, structure = jax.tree.flatten(streams)
  base = jax.random.key(0) if key is None else key
  is_key = lambda x: jnp.issubdtype(x.dtype, jax.dtypes.prng_key)
  start = lambda i, x: jax.random.fold_in(base, i) if is_key(x) else jnp.zeros(x.shape, x.dtype)
  return jax.tree.unflatten(structure, [start(i, x) for i, x in enumerate(leaves)])
