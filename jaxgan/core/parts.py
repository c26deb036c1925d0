"""A batch in parts: the gradient of a mean over a batch as the mean of the gradients of its parts.

So a batch needs the memory of one part. Part i of k has the rows i, i + k, i + 2k, ... of the
batch, and draws the random numbers that these rows have in the whole batch. The step is therefore
the same as that of the whole batch, up to rounding, where the loss is a mean over images. What
compares the images of a batch has to call `couples`, and is refused. Random numbers that are no
rows of images need `shared` or `drawn`, images that are kept from turn to turn `rows` and `whole`.
"""

import contextlib
import contextvars
import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend import random

from jaxgan.core.typing import Array, Batch, Key, Tree

_parts: contextvars.ContextVar[int] = contextvars.ContextVar('_parts', default=1)
"""How many parts a batch has while the loss of one of them is traced, in each thread."""


SMALLER = 'leave --accumulate out, and give a smaller --batch-size if memory is short'


def count() -> int:
  """Return in how many parts the batch is given, of which one is traced now; 1: as a whole."""
  return _parts.get()


def couples(what: str, instead: str = SMALLER) -> None:
  """Say that a computation compares the images of a batch with each other.

  Args:
    what: its name, such as 'batch norm'.
    instead: what to do where it is refused.

  Raises:
    ValueError: the batch is given in parts, so the result would not be that of the whole batch.
  """
  if _parts.get() > 1:
    raise ValueError(
      f'--accumulate={_parts.get()} plays a batch in parts, and {what} compares all its images: '
      f'{instead}'
    )


def gradients(
  loss: Callable[..., tuple[Array, Any]], parts: int, own: Tree, batch: Batch, key: Key
) -> tuple[Tree, Any]:
  """Return the gradients of a loss, and its further results, for a batch that is given in parts.

  Args:
    loss: a function `(own, batch, key) -> (value, further results)`, a mean over images.
    parts: k, the number of parts, which divides the batch; 1: the batch as a whole.
    own: what the gradients are taken by.
    batch: arrays `[B, ...]`.
    key: the random key; for parts a threefry key, JAX's default.

  Returns:
    The means over the parts; of results that are no floating-point numbers those of the last part.
  """
  if parts == 1:
    return jax.grad(loss, has_aux=True)(own, batch, key)
  alone = len(jax.tree.leaves(batch)[0]) == parts

  @functools.partial(jax.jit, inline=True)  # traced once for both uses
  def of_part(index: Array, part: Batch) -> tuple[Tree, Any]:
    with _in(parts):
      return jax.grad(loss, has_aux=True)(own, part, part_key(key, index, parts, alone))

  def add(mean: Tree, given: tuple[Array, Batch]) -> tuple[Tree, None]:
    join = functools.partial(_mean, given[0].astype(jnp.float32) + 1)
    return jax.tree.map(join, mean, of_part(*given)), None

  given = jnp.arange(parts, dtype=jnp.uint32), jax.tree.map(lambda x: _split(x, parts), batch)
  shapes = jax.eval_shape(of_part, *jax.tree.map(lambda x: x[0], given))
  return lax.scan(add, jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes), given)[0]


@contextlib.contextmanager
def _in(parts: int) -> Iterator[None]:
  """Refuse what couples images in the `with` block."""
  token = _parts.set(parts)
  try:
    yield
  finally:
    _parts.reset(token)


def _split(x: Array, parts: int) -> Array:
  """Return `[parts, B / parts, ...]`; each part has rows of every device, so no row is moved."""
  if len(x) % parts:
    raise ValueError(f'a batch of {len(x)} does not divide into {parts} parts')
  return x.reshape(-1, parts, *x.shape[1:]).swapaxes(0, 1)


def _mean(count: Array, mean: Array, x: Array) -> Array:
  """Return the mean of `count` values from that of all before; equal values keep their bits."""
  if not jnp.issubdtype(x.dtype, jnp.floating):
    return x
  return mean + ((x - mean) / count).astype(x.dtype)


def shared(key: Key) -> Key:
  """Return the key whose draws are the same in every part, such as one permutation for all."""
  return key if count() == 1 else _base(jax.random.key_data(key))


def drawn(draw: Callable[[Key, int], Array], key: Key, n: int, axis: int) -> Array:
  """Return `draw(key, n)`, whose n images lie along another axis than the first.

  In parts all images are drawn, and those of the part are returned.
  """
  if count() == 1:
    return draw(key, n)
  every = draw(shared(key), n * count())
  apart = every.reshape(*every.shape[:axis], n, count(), *every.shape[axis + 1 :])
  return lax.dynamic_index_in_dim(apart, _index(key), axis + 1, keepdims=False)


def rows(x: Array, key: Key) -> Array:
  """Return those rows of `[B, ...]` that belong to the part with this key."""
  return x if count() == 1 else _split(x, count())[_index(key)]


def whole(x: Array, key: Key) -> Array:
  """Return `[B, ...]` of the rows of the part with this key; the mean over the parts has all."""
  if count() == 1:
    return x
  zeros = jnp.zeros((len(x), count(), *x.shape[1:]), x.dtype)
  return zeros.at[:, _index(key)].set(count() * x).reshape(-1, *x.shape[1:])


def _index(key: Key) -> Array:
  """Return which part a key belongs to."""
  return jax.random.key_data(key)[2]


def part_key(key: Key, index: Array | int, parts: int, alone: bool = False) -> Key:
  """Return the key with which a part draws its rows of what the whole batch draws with `key`.

  Draws `[n, ...]` with n > 1, or n > 0 if `alone`, are rows; all other draws are the same in every
  part.

  Args:
    key: a threefry key.
    index: which part, from 0.
    parts: the number of parts.
    alone: each part is a single image.

  Example:
    >>> key = jax.random.key(0)
    >>> whole, part = jax.random.normal(key, (6, 2)), part_key(key, 1, parts=3)
    >>> bool((jax.random.normal(part, (2, 2)) == whole[1::3]).all())
    True
  """
  words = jnp.concatenate([jax.random.key_data(key), jnp.asarray(index, jnp.uint32)[None]])
  return jax.random.wrap_key_data(words, impl=_kind(parts, alone))


@functools.cache
def _kind(parts: int, alone: bool) -> Any:
  """Return the kind of keys of parts: the two words of a threefry key, and which part it is."""

  def derived(words: Array, make: Callable[[Key], Key]) -> Array:
    made = jax.random.key_data(make(_base(words)))
    return jnp.concatenate([made, jnp.broadcast_to(words[2], (*made.shape[:-1], 1))], -1)

  return random.define_prng_impl(
    key_shape=(3,),
    seed=lambda seed: derived(jnp.zeros(3, jnp.uint32), lambda _: jax.random.key(seed)),
    split=lambda words, shape: derived(words, lambda key: jax.random.split(key, shape)),
    fold_in=lambda words, data: derived(words, lambda key: jax.random.fold_in(key, data)),
    random_bits=functools.partial(_bits, parts, 1 if alone else 2),
    name=f'{"image" if alone else "part"}_of_{parts}',
    tag=f'{"i" if alone else "p"}{parts}',
  )


def _base(words: Array) -> Key:
  return jax.random.wrap_key_data(words[:2], impl='threefry2x32')


def _bits(parts: int, least: int, words: Array, width: int, shape: tuple[int, ...]) -> Array:
  """Return the bits of the rows of a part; JAX draws those of entry n by counting to n."""
  if not shape or shape[0] < least:
    return jax.random.bits(_base(words), shape, f'uint{width}')
  size = math.prod(shape[1:])
  if parts * shape[0] * size >= 2**32:
    raise ValueError(f'--accumulate={parts} draws at most 2^32 numbers at once, not {shape}')
  rows = lax.iota(jnp.uint32, shape[0]) * parts + words[2]
  counts = (rows[:, None] * size + lax.iota(jnp.uint32, size)[None]).reshape(shape)
  high, low = random.threefry2x32_p.bind(words[0], words[1], jnp.zeros_like(counts), counts)
  if width == 64:
    return (high.astype('uint64') << 32) | low.astype('uint64')
  return (high ^ low).astype(f'uint{width}')
