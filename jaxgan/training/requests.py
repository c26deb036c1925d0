"""What a person asks a run for: a seed, how many images. Numbers of any library will do."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core import seeds
from jaxgan.core.typing import Key


def key_of(given: Key | int) -> Key:
  """Return the key of a seed; a key as it is.

  Raises:
    ValueError: anything else, or a seed out of the range of `seeds.check_seed`.

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
  """Return how many of something.

  Raises:
    ValueError: no whole number, or below 1.
  """
  found = whole(n)
  if found is None or found < 1:
    raise ValueError(f'give how many as a whole number of 1 or above, not {n!r}')
  return found


def whole(value: object) -> int | None:
  """Return a whole number of any library as Python's; None for what is none, and for booleans."""
  if isinstance(value, int | np.integer) and not isinstance(value, bool):
    return int(value)
  if isinstance(value, np.ndarray | jax.Array) and not value.shape:
    return int(value) if jnp.issubdtype(value.dtype, jnp.integer) else None
  return None
