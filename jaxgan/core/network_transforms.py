"""Networks made of other networks: with a head, on packs, with a reference batch, in bfloat16."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jaxgan.core.network import Applied, Apply, Network, with_features
from jaxgan.core.parts import couples
from jaxgan.core.typing import Array, Key, Variables

Cast = TypeVar('Cast')


def of_features(network: Network) -> Network:
  """Return the network whose output is its features, `[B, ...]`.

  Raises:
    ValueError: the network shows no features.
  """
  shown = with_features(network)

  def apply(variables: Variables, *inputs: Array, train: bool, key: Key | None = None) -> Applied:
    (_, features), moved = shown(variables, *inputs, train=train, key=key)
    return features, moved

  return Network(network.init, apply)


def with_head(body: Network, head: Network) -> Network:
  """Return the network whose output is body(x) + head(features of body(x)).

  This is the same as a linear last layer that sees the features of the body with those of the head
  appended: a linear map of both is the sum of two. The variables are grouped by kind, then by
  `body` and `head`.

  Args:
    body: a network that shows its features.
    head: a network from features `[B, ...]` to outputs of the body's shape.

  Raises:
    ValueError: when initialized or applied, a body that shows no features.
  """

  def join(parts: dict[str, Variables]) -> Variables:
    kinds = dict.fromkeys(kind for variables in parts.values() for kind in variables)
    return {kind: {n: v[kind] for n, v in parts.items() if kind in v} for kind in kinds}

  def init(key: Key, *inputs: Array) -> Variables:
    keys = jax.random.split(key, 3)
    made = body.init(keys[0], *inputs)
    (_, features), _ = with_features(body)(made, *inputs, train=True, key=keys[2])
    return join({'body': made, 'head': head.init(keys[1], features)})

  def features(
    variables: Variables, *inputs: Array, train: bool, key: Key | None = None
  ) -> Applied:
    part = lambda name: {kind: parts[name] for kind, parts in variables.items() if name in parts}
    (output, seen), moved = with_features(body)(part('body'), *inputs, train=train, key=key)
    more, other = head.apply(part('head'), seen, train=train)
    return (output + more, seen), join({'body': moved, 'head': other})

  def apply(variables: Variables, *inputs: Array, train: bool, key: Key | None = None) -> Applied:
    (output, _), moved = features(variables, *inputs, train=train, key=key)
    return output, moved

  return Network(init, apply, features)


def packs(x: Array, size: int) -> Array:
  """Join each `size` neighbors along the last axis: `[B, ..., C]` -> `[B / size, ..., size C]`.

  Raises:
    ValueError: B is not a multiple of `size`.
  """
  couples('a critic of packs')
  if len(x) % size:
    raise ValueError(f'a batch of {len(x)} does not divide into packs of {size}: give a multiple')
  x = jnp.moveaxis(x.reshape(-1, size, *x.shape[1:]), 1, -2)
  return x.reshape(*x.shape[:-2], -1)


def unpacked(x: Array, size: int) -> Array:
  """Split packs into their images: the inverse of `packs`."""
  x = jnp.moveaxis(x.reshape(*x.shape[:-1], size, -1), -2, 1)
  return x.reshape(-1, *x.shape[2:])


def packed(network: Network, size: int) -> Network:
  """Return a critic of packs: images or points `[B, ..., C]` -> logits `[B / size]`.

  Args:
    network: the critic that sees packs, `[B / size, ..., size C]`; and labels, if `[B]` of them are
      given, as `[B / size, size]`.
    size: the number of images in a pack; it must divide B.

  Reference: Lin et al., PacGAN: The Power of Two Samples in Generative Adversarial Networks, 2018.
  """

  def init(key: Key, x: Array, *labels: Array) -> Variables:
    known = [jnp.stack([y] * size, -1) for y in labels]
    return network.init(key, jnp.concatenate([x] * size, -1), *known)

  def on_packs(call: Apply) -> Apply:
    def apply(variables: Variables, x: Array, *labels: Array, **options: Any) -> Applied:
      joined = packs(x, size)
      return call(variables, joined, *(y.reshape(-1, size) for y in labels), **options)

    return apply

  features = network.features and on_packs(network.features)
  return Network(init, on_packs(network.apply), features)


def with_reference(network: Network, draw: Callable[[Key], tuple[Array, ...]]) -> Network:
  """Return the network that sees a fixed reference batch as the first rows of every batch.

  The output is that for the given batch alone. This is for networks that normalize by a reference
  batch (`nn.VirtualBatchNorm`).

  Args:
    network: the network to call on both batches.
    draw: `draw(key)` makes the inputs of the reference batch, once. They are kept in the variables
      as `'reference'`.
  """

  def init(key: Key, *inputs: Array) -> Variables:
    keys = jax.random.split(key)
    reference = draw(keys[0])
    return {**network.init(keys[1], *_joined(reference, inputs)), 'reference': reference}

  def apply(variables: Variables, *inputs: Array, train: bool, key: Key | None = None) -> Applied:
    own = {kind: value for kind, value in variables.items() if kind != 'reference'}
    reference = variables['reference']
    output, moved = network.apply(own, *_joined(reference, inputs), train=train, key=key)
    return output[len(reference[0]) :], {**moved, 'reference': reference}

  return Network(init, apply)


def _joined(first: tuple[Array, ...], then: tuple[Array, ...]) -> list[Array]:
  return [jnp.concatenate([a.astype(b.dtype), b]) for a, b in zip(first, then, strict=True)]


def computed_in(network: Network, dtype: DTypeLike) -> Network:
  """Return the network computed in a narrower type, such as bfloat16.

  Parameters and inputs are rounded to `dtype` at each call. Outputs are float32, and so are losses,
  gradients and penalties. Stored parameters and statistics stay float32.

  Args:
    network: the network.
    dtype: the type to compute in.
  """

  def cast(tree: Cast, old: DTypeLike, new: DTypeLike) -> Cast:
    return jax.tree.map(lambda x: x.astype(new) if x.dtype == old else x, tree)

  def lowered(call: Apply) -> Apply:
    def apply(variables: Variables, *inputs: Array, train: bool, key: Key | None = None) -> Applied:
      params, given = cast((variables['params'], inputs), jnp.float32, dtype)
      output, moved = call({**variables, 'params': params}, *given, train=train, key=key)
      return cast(output, dtype, jnp.float32), {**moved, 'params': variables['params']}

    return apply

  features = network.features and lowered(network.features)
  return Network(network.init, lowered(network.apply), features)
