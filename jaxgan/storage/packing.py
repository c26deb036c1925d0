"""Pack the leaves of a state into one array of bytes, and compute a checksum of each leaf."""

import itertools
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.core.typing import Array, Tree


def pack(leaves: Mapping[str, Array]) -> np.ndarray:
  """Return the bytes of all leaves one after another, uint8 `[bytes]` on the host.

  It blocks until the values are computed and copied.
  """
  data = [_data(x) for x in leaves.values()]
  here = [x.addressable_data(0) if x.is_fully_replicated else x for x in data]
  for x in here:
    x.copy_to_host_async()
  return np.concatenate([np.asarray(x).reshape(-1).view(np.uint8) for x in here])


def unpack(packed: np.ndarray, like: Mapping[str, jax.ShapeDtypeStruct]) -> dict[str, Array]:
  """Return the leaves that `pack` was given.

  Args:
    packed: what `pack` returned.
    like: shapes, dtypes (typed keys too) and shardings of the leaves, in the order of `pack`.

  Raises:
    ValueError: the number of bytes does not match.
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
  """Return a checksum of each leaf, uint32 `[leaves]`.

  checksum = sum_i mix(u_i + c i) mod 2^32, over the 32-bit words u of the leaf

  `mix` is a bijection, so a change of a single word always changes the checksum. Any other change,
  also of the order, changes it with probability 1 - 2^-32. The checksum does not depend on the
  devices over which the leaf is split. It detects accidents, not attacks. `mix` is the finalizer of
  MurmurHash3 (Appleby, 2011), and c / 2^32 is the golden ratio.
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
  return jnp.issubdtype(x.dtype, jax.dtypes.prng_key)
