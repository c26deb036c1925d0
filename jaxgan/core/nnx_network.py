"""NNX modules as networks: apart from `core.network`, since NNX slows the start of every run."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx as flax_nnx

from jaxgan.core.network import Applied, Network
from jaxgan.core.typing import Array, Key, Tree, Variables

State = flax_nnx.State[str, flax_nnx.Variable[Array]]


def nnx(build: Callable[[flax_nnx.Rngs], flax_nnx.Module]) -> Network:
  """Make a network of an NNX module whose `__call__` takes its inputs and the keyword `train`.

  Each call merges a module from the variables and splits it again, so nothing outside changes. The
  parameters are its `nnx.Param`; every other variable is state. The streams of random numbers are
  not stored: they start again from the `key` of each call. A module shows its features if it has a
  method `with_features` that takes the same arguments and returns `(output, features)`.

  Args:
    build: makes the module from `nnx.Rngs`.

  Returns:
    The network.

  Raises:
    ValueError: in training, a module that draws random numbers gets no key.

  Example:
    >>> class Critic(flax_nnx.Module):
    ...   def __init__(self, rngs):
    ...     self.dense = flax_nnx.Linear(16, 1, rngs=rngs)
    ...   def __call__(self, images, train):
    ...     return self.dense(images.reshape(len(images), -1))[:, 0]
    >>> critic = nnx(Critic)
    >>> variables = critic.init(jax.random.key(0), jnp.zeros((2, 4, 4, 1)))
    >>> critic.apply(variables, jnp.zeros((2, 4, 4, 1)), train=False)[0].shape
    (2,)
  """

  def split(module: flax_nnx.Module) -> tuple[Any, ...]:
    return flax_nnx.split(module, flax_nnx.Param, flax_nnx.RngState, ...)

  template = flax_nnx.eval_shape(lambda: build(flax_nnx.Rngs(0)))
  graph, params, streams, state = split(template)

  def init(key: Key, *inputs: Array) -> Variables:
    _, params, _, state = split(build(flax_nnx.Rngs(key)))
    return {'params': flax_nnx.to_pure_dict(params), 'state': flax_nnx.to_pure_dict(state)}

  def apply(
    variables: Variables,
    *inputs: Array,
    train: bool,
    key: Key | None = None,
    method: str = '__call__',
  ) -> Applied:
    if train and key is None and jax.tree.leaves(streams):
      raise ValueError('this network draws random numbers in training: give it a key')
    parts = _filled(params, variables['params']), _filled(state, variables['state'])
    module = flax_nnx.merge(graph, parts[0], _seeded(streams, key), parts[1])
    output = getattr(module, method)(*inputs, train=train)
    moved = flax_nnx.to_pure_dict(split(module)[3]) if train else variables['state']
    return output, {'params': variables['params'], 'state': moved}

  shows = hasattr(template, 'with_features')
  return Network(init, apply, partial(apply, method='with_features') if shows else None)


def _filled(template: State, values: dict[str, Tree]) -> State:
  """Return the values in the form that NNX merges."""
  filled = copy.deepcopy(template)
  flax_nnx.replace_by_pure_dict(filled, values)
  return filled


def _seeded(streams: State, key: Key | None) -> State:
  """Return the streams of random numbers at their beginning, each with its own key."""
  leaves, structure = jax.tree.flatten(streams)
  base = jax.random.key(0) if key is None else key
  is_key = lambda x: jnp.issubdtype(x.dtype, jax.dtypes.prng_key)
  start = lambda i, x: jax.random.fold_in(base, i) if is_key(x) else jnp.zeros(x.shape, x.dtype)
  return jax.tree.unflatten(structure, [start(i, x) for i, x in enumerate(leaves)])
