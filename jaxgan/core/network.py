"""Networks as pairs of pure functions, like optimizers in optax."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import nnx as flax_nnx

from jaxgan.core.typing import Array, Key, Tree, Variables

State = flax_nnx.State[str, flax_nnx.Variable[Array]]

Applied = tuple[Any, Variables]
"""The output of a network, and its variables after the call."""
Apply = Callable[..., Applied]
"""A function `(variables, *inputs, train, key=None) -> (output, variables)`."""


class Network(NamedTuple):
  """A network as two pure functions and an optional third.

  `init(key, *inputs) -> variables`: the parameters under `'params'`, all other state beside them.
  `apply(variables, *inputs, train, key=None) -> (output, variables)`: with `train` the statistics
  are updated and returned; without it they are used unchanged. `key` is for dropout and noise.
  `features` is `apply` with the output `(output, features)`, where the features `[B, ...]` are the
  input of the last layer.

  Example:
    >>> doubled = Network(
    ...   init=lambda key, x: {'params': {'scale': jnp.float32(2)}},
    ...   apply=lambda variables, x, train, key=None: (variables['params']['scale'] * x, variables),
    ... )
    >>> float(doubled.apply(doubled.init(jax.random.key(0), 1.0), 1.0, train=True)[0])
    2.0
  """

  init: Callable[..., Variables]
  apply: Apply
  features: Apply | None = None


def with_features(network: Network) -> Apply:
  """Return the network's `apply` whose output is `(output, features)`.

  Raises:
    ValueError: the network shows no features. For a Linen module the first call raises it.
  """
  if network.features is None:
    raise ValueError(NO_FEATURES)
  return network.features


NO_FEATURES = (
  "this critic shows no features: call self.sow('intermediates', 'features', x) before its last "
  'layer of a Linen module, or give an NNX module a method with_features'
)


def linen(module: nn.Module) -> Network:
  """Make a network of a Linen module whose `__call__` takes its inputs and the keyword `train`.

  The features are the value that the module sows once under the name `features` in the collection
  `intermediates`.

  Args:
    module: the module. Its random numbers are the streams `dropout` and `noise`.

  Returns:
    The network.

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

  def run(
    variables: Variables, inputs: tuple[Array, ...], train: bool, key: Key | None, shown: list[str]
  ) -> Any:
    rngs = {} if key is None else {'dropout': key, 'noise': jax.random.fold_in(key, 1)}
    moving = [name for name in variables if name != 'params'] if train else []
    return module.apply(variables, *inputs, train=train, rngs=rngs, mutable=[*moving, *shown])

  def apply(variables: Variables, *inputs: Array, train: bool, key: Key | None = None) -> Applied:
    output, moved = run(variables, inputs, train, key, [])
    return output, {**variables, **moved}

  def features(
    variables: Variables, *inputs: Array, train: bool, key: Key | None = None
  ) -> Applied:
    output, moved = run(variables, inputs, train, key, ['intermediates'])
    seen = moved.pop('intermediates', {}).get('features')
    if seen is None:
      raise ValueError(NO_FEATURES)
    return (output, seen[0]), {**variables, **moved}

  return Network(init, apply, features)


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
