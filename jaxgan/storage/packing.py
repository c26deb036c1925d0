"""The leaves of a state as bytes in a row, and a word for each by which a changed one is found."""

import itertools
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.core.typing import Array, Tree


def pack(leaves: Mapping[str, Array]) -> np.ndarray:
  """Their bytes one after another, uint8 `[bytes]` on the host; blocks until they are there."""
  data = [_data(x) for x in leaves.values()]
  here = [x.addressable_data(0) if x.is_fully_replicated else x for x in data]
  for x in here:
    x.copy_to_host_async()
  return np.concatenate([np.asarray(x).reshape(-1).view(np.uint8) for x in here])


def unpack(packed: np.ndarray, like: Mapping[str, jax.ShapeDtypeStruct]) -> dict[str, Array]:
  """What `pack` was given, from shapes, dtypes (of typed keys too) and shardings in that order.

  Raises:
    ValueError: bytes are missing or left over.
  """
  data = [jax.eval_shape(_data, leaf) for leaf in like.values()]
  ends = list(itertools.accumulate(x.size * x.dtype.itemsize for x in data))
  if packed.size != ends[-1]:
    raise ValueError(f'expected {ends[-1]} bytes, got {packed.size}')
  rows = zip(like, np.split(packed, ends[:-1]), data, strict=True)
  return {name: _placed(row.view(x.dtype).reshape(x.shape), like[name]) for name, row, x in rows}


def _placed(values: np.ndarray, like: jax.ShapeDtypeStruct) -> Array:
  x = jax.make_array_from_callback(values.shape, like.sharding, values.__getitem__)
  if not _is_key(like):
    return x
  impl = jax.random.key_impl(jnp.zeros((), like.dtype))
  return jax.random.wrap_key_data(x, impl=impl)


@jax.jit
def integrity(tree: Tree) -> Array:
  """A word a leaf, uint32 `[leaves]`: sum_i mix(u_i + c i) mod 2^32 over its 32-bit words u.

  `mix` is a bijection, so any one changed word changes the sum; other changes, of order too, do so
  but for one in 2^32. It does not depend on the devices over which the leaf is spread. It detects
  accidents, not an adversary. `mix` is the finalizer of MurmurHash3 (Appleby, 2011), c / 2^32 the
  golden ratio.
  """
  return jnp.stack([_word(_data(leaf)) for leaf in jax.tree.leaves(tree)])


def _word(x: Array) -> Array:
  x = x.astype(jnp.uint8) if x.dtype == jnp.bool_ else x
  bits = {1: jnp.uint8, 2: jnp.uint16}.get(x.dtype.itemsize, jnp.uint32)
  words = lax.bitcast_convert_type(x, bits).astype(jnp.uint32)
  stride = 0x9E3779B9
  for axis in reversed(range(words.ndim)):
    words += lax.broadcasted_iota(jnp.uint32, words.shape, axis) * jnp.uint32(stride % 2**32)
    stride *= words.shape[axis]
  return jnp.sum(_mix(words), dtype=jnp.uint32)


def _mix(x: Array) -> Array:
  x = (x ^ (x >> 16)) * jnp.uint32(0x85EBCA6B)
  x = (x ^ (x >> 13)) * jnp.uint32(0xC2B2AE35)
  return x ^ (x >> 16)


def _data(x: Array) -> Array:
  return jax.random.key_data(x) if _is_key(x) else x


def _is_key(x: Array | jax.ShapeDtypeStruct) -> bool:
  return jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)
