"""A network is a pair of pure functions, as an optimizer is in optax."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import nnx as flax_nnx

from jaxgan.core.typing import Array, Key, Variables


class Network(NamedTuple):
  """Two pure functions, and for some a third: all that the library knows of a network.

  `init(key, *inputs) -> variables`: parameters under `'params'`, all other state beside them.
  `apply(variables, *inputs, train, key=None) -> (output, variables)`: with `train` the statistics
  move on and are returned; without it they are used as they are. `key` feeds dropout and noise.
  `features` is `apply` with the output `(output, features)`: what goes into the last layer, `[B,
  ...]`.

  Example:
    >>> doubled = Network(
    ...   init=lambda key, x: {'params': {'scale': jnp.float32(2)}},
    ...   apply=lambda variables, x, train, key=None: (variables['params']['scale'] * x, variables),
    ... )
    >>> float(doubled.apply(doubled.init(jax.random.key(0), 1.0), 1.0, train=True)[0])
    2.0
  """

  init: Callable[..., Variables]
  apply: Callable[..., tuple[Any, Variables]]
  features: Callable[..., tuple[Any, Variables]] | None = None


def with_features(network: Network) -> Callable[..., tuple[Any, Variables]]:
  """Return the network's `apply` whose output is `(output, features)`.

  Raises:
    ValueError: it shows no features; from a Linen module, when it is first called.
  """
  if network.features is None:
    raise ValueError(NO_FEATURES)
  return network.features


NO_FEATURES = (
  "this critic shows no features: call self.sow('intermediates', 'features', x) before its last "
  'layer of a Linen module, or give an NNX module a method with_features'
)


def linen(module: nn.Module) -> Network:
  """Adapt a Linen module whose `__call__` takes its inputs and the keyword `train`.

  Its features are what it sows under that name, once, in the collection `intermediates`.

  Example:
    >>> from jaxgan.networks import mlp
    >>> critic = linen(mlp.Critic(widths=(8,)))
    >>> variables = critic.init(jax.random.key(0), jnp.zeros((2, 4, 4, 1)))
    >>> critic.apply(variables, jnp.zeros((2, 4, 4, 1)), train=False)[0].shape
    (2,)
  """

  def init(key: Key, *inputs: Array) -> Variables:
    params, dropout = jax.random.split(key)
    variables = module.init({'params': params, 'dropout': dropout}, *inputs, train=True)
    return {'params': {}, **variables}

  def run(variables: Variables, inputs: Any, train: bool, key: Key | None, shown: list[str]):
    rngs = {} if key is None else {'dropout': key, 'noise': jax.random.fold_in(key, 1)}
    moving = [name for name in variables if name != 'params'] if train else []
    return module.apply(variables, *inputs, train=train, rngs=rngs, mutable=[*moving, *shown])

  def apply(variables: Variables, *inputs: Array, train: bool, key: Key | None = None):
    output, moved = run(variables, inputs, train, key, [])
    return output, {**variables, **moved}

  def features(variables: Variables, *inputs: Array, train: bool, key: Key | None = None):
    output, moved = run(variables, inputs, train, key, ['intermediates'])
    seen = moved.pop('intermediates', {}).get('features')
    if seen is None:
      raise ValueError(NO_FEATURES)
    return (output, seen[0]), {**variables, **moved}

  return Network(init, apply, features)


def nnx(build: Callable[[flax_nnx.Rngs], flax_nnx.Module]) -> Network:
  """Adapt an NNX module: `build(rngs)` makes it, its `__call__` takes inputs and `train`.

  Each call merges a module from the variables and splits it again: nothing outside is changed.
  Parameters are its `nnx.Param`, every other variable is state, but for the streams of random
  numbers, which start anew from the `key` of each call. A module that has a method
  `with_features`, called as it is itself, which returns `(output, features)`, shows its features.

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

  def split(module: flax_nnx.Module):
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
  ):
    if train and key is None and jax.tree.leaves(streams):
      raise ValueError('this network draws random numbers in training: give it a key')
    parts = _filled(params, variables['params']), _filled(state, variables['state'])
    module = flax_nnx.merge(graph, parts[0], _seeded(streams, key), parts[1])
    output = getattr(module, method)(*inputs, train=train)
    moved = flax_nnx.to_pure_dict(split(module)[3]) if train else variables['state']
    return output, {'params': variables['params'], 'state': moved}

  shows = hasattr(template, 'with_features')
  return Network(init, apply, partial(apply, method='with_features') if shows else None)


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
