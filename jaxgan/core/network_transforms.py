"""Networks made of networks: with a head, in packs, with a reference batch, in a narrower type."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core.network import Network, with_features
from jaxgan.core.typing import Array, Key, Variables


def of_features(network: Network) -> Network:
  """Return the network whose output is its features, `[B, ...]`.

  Raises:
    ValueError: as `with_features`.
  """
  shown = with_features(network)

  def apply(variables: Variables, *inputs: Array, train: bool, key: Key | None = None):
    (_, features), moved = shown(variables, *inputs, train=train, key=key)
    return features, moved

  return Network(network.init, apply)


def with_head(body: Network, head: Network) -> Network:
  """The sum of the body's output and of what a second network makes of its features.

  A last layer that is linear, and sees its features with more appended, is this sum: one of the
  features, one of the rest. Variables are by kind, then `body` and `head`.
  """

  def join(parts: dict[str, Variables]) -> Variables:
    kinds = dict.fromkeys(kind for variables in parts.values() for kind in variables)
    return {kind: {n: v[kind] for n, v in parts.items() if kind in v} for kind in kinds}

  def init(key: Key, *inputs: Array) -> Variables:
    keys = jax.random.split(key, 3)
    made = body.init(keys[0], *inputs)
    (_, features), _ = with_features(body)(made, *inputs, train=True, key=keys[2])
    return join({'body': made, 'head': head.init(keys[1], features)})

  def features(variables: Variables, *inputs: Array, train: bool, key: Key | None = None):
    part = lambda name: {kind: parts[name] for kind, parts in variables.items() if name in parts}
    (output, seen), moved = with_features(body)(part('body'), *inputs, train=train, key=key)
    more, other = head.apply(part('head'), seen, train=train)
    return (output + more, seen), join({'body': moved, 'head': other})

  def apply(variables: Variables, *inputs: Array, train: bool, key: Key | None = None):
    (output, _), moved = features(variables, *inputs, train=train, key=key)
    return output, moved

  return Network(init, apply, features)


def packs(x: Array, size: int) -> Array:
  """`size` neighbours as one, joined on the last axis: `[B, ..., C]` -> `[B / size, ..., size C]`.

  Raises:
    ValueError: a batch that is no multiple of it.
  """
  if len(x) % size:
    raise ValueError(f'a batch of {len(x)} does not divide into packs of {size}: give a multiple')
  x = jnp.moveaxis(x.reshape(-1, size, *x.shape[1:]), 1, -2)
  return x.reshape(*x.shape[:-2], -1)


def unpacked(x: Array, size: int) -> Array:
  """The images of packs: the inverse of `packs`."""
  x = jnp.moveaxis(x.reshape(*x.shape[:-1], size, -1), -2, 1)
  return x.reshape(-1, *x.shape[2:])


def packed(network: Network, size: int) -> Network:
  """A critic that judges packs: images or points `[B, ..., C]` to logits `[B / size]`.

  The network given is called on `[B / size, ..., size C]`.

  References: Lin et al., PacGAN: The Power of Two Samples in Generative Adversarial Networks, 2018.
  """

  def init(key: Key, x: Array) -> Variables:
    return network.init(key, jnp.concatenate([x] * size, -1))

  def on_packs(call: Callable[..., Any]) -> Callable[..., Any]:
    return lambda variables, x, **options: call(variables, packs(x, size), **options)

  features = network.features and on_packs(network.features)
  return Network(init, on_packs(network.apply), features)


def with_reference(network: Network, draw: Callable[[Key], tuple[Array, ...]]) -> Network:
  """The network called on a fixed batch before the given one, and its output for that one alone.

  `draw(key)` makes the inputs of that batch; they are kept among the variables. For networks that
  normalise by it, which see it as the first rows.
  """

  def init(key: Key, *inputs: Array) -> Variables:
    keys = jax.random.split(key)
    reference = draw(keys[0])
    return {**network.init(keys[1], *_joined(reference, inputs)), 'reference': reference}

  def apply(variables: Variables, *inputs: Array, train: bool, key: Key | None = None):
    own = {kind: value for kind, value in variables.items() if kind != 'reference'}
    reference = variables['reference']
    output, moved = network.apply(own, *_joined(reference, inputs), train=train, key=key)
    return output[len(reference[0]) :], {**moved, 'reference': reference}

  return Network(init, apply)


def _joined(first: tuple[Array, ...], then: tuple[Array, ...]) -> list[Array]:
  return [jnp.concatenate([a.astype(b.dtype), b]) for a, b in zip(first, then, strict=True)]


def computed_in(network: Network, dtype: Any) -> Network:
  """The same network computed in a narrower type; all that lasts stays as it is.

  Parameters and inputs are rounded to `dtype` at each call; outputs, and with them losses, slopes
  and penalties, come out as float32. Parameters, their gradients and statistics remain float32.
  """

  def cast(tree: Any, old: Any, new: Any) -> Any:
    return jax.tree.map(lambda x: x.astype(new) if x.dtype == old else x, tree)

  def lowered(call: Callable[..., Any]) -> Callable[..., Any]:
    def apply(variables: Variables, *inputs: Array, train: bool, key: Key | None = None):
      params, given = cast((variables['params'], inputs), jnp.float32, dtype)
      output, moved = call({**variables, 'params': params}, *given, train=train, key=key)
      return cast(output, dtype, jnp.float32), {**moved, 'params': variables['params']}

    return apply

  features = network.features and lowered(network.features)
  return Network(network.init, lowered(network.apply), features)
