"""Networks as pairs of pure functions, like optimizers in optax."""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax

from jaxgan.core.typing import Array, Key, Variables

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
    >>> import jax.numpy as jnp
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
    >>> import jax.numpy as jnp
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
