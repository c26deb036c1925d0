"""Checks of what users ask a run for: seeds and numbers of images, as numbers of any library."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core import seeds
from jaxgan.core.typing import Key


def key_of(given: Key | int) -> Key:
  """Return the key of a seed; return a key unchanged.

  Raises:
    ValueError: it is neither, or the seed is out of the range of `seeds.check_seed`.

  Example:
    >>> bool(key_of(np.int64(3)) == jax.random.key(3))
    True
  """
  if isinstance(given, jax.Array) and jnp.issubdtype(given.dtype, jax.dtypes.prng_key):
    if not given.shape:
      return given
    raise ValueError(f'give one key, these are {given.shape}')
  seed = whole(given)
  if seed is not None:
    return seeds.key_of(seed)
  raise ValueError(f'give a seed, a whole number, or jax.random.key(...), not {given!r}')


def count(n: object) -> int:
  """Return a number of things as an int.

  Raises:
    ValueError: it is not a whole number, or below 1.
  """
  found = whole(n)
  if found is None or found < 1:
    raise ValueError(f'give how many as a whole number of 1 or above, not {n!r}')
  return found


def whole(value: object) -> int | None:
  """Convert a whole number of any library to an int; return None for other values and booleans."""
  if isinstance(value, int | np.integer) and not isinstance(value, bool):
    return int(value)
  if isinstance(value, np.ndarray | jax.Array) and not value.shape:
    return int(value) if jnp.issubdtype(value.dtype, jnp.integer) else None
  return None
