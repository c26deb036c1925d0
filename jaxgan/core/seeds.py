"""Seeds: whole numbers from 0 to 4294967294, each with different random numbers.

JAX takes a seed modulo 2^32: 4294967296 would be the same as 0, and -1 the same as 4294967295.
"""

import jax

from jaxgan.core.typing import Key

LAST = 2**32 - 2  # not 2^32 - 1, because the pictures of a run are drawn with its seed + 1


def check_seed(seed: int, name: str = 'seed') -> int:
  """Return the seed.

  Raises:
    ValueError: the seed does not lie in 0 to 4294967294.
  """
  if not 0 <= seed <= LAST:
    raise ValueError(f'{name} must lie from 0 to {LAST}, it is {seed}')
  return seed


def key_of(seed: int) -> Key:
  """Return the random key of a seed.

  Raises:
    ValueError: the seed does not lie in 0 to 4294967294.
  """
  return jax.random.key(check_seed(seed))
