"""Seeds: whole numbers from 0 to 4294967294, each with random numbers of its own.

JAX takes a seed modulo 2^32, so that 4294967296 would be 0 again and -1 the largest one.
"""

import jax

from jaxgan.core.typing import Key

LAST = 2**32 - 2  # not the very last, for pictures of a run are drawn by its seed + 1


def check_seed(seed: int, name: str = 'seed') -> int:
  """Return the seed.

  Raises:
    ValueError: it is outside of the range, in which every seed is another.
  """
  if not 0 <= seed <= LAST:
    raise ValueError(f'{name} must lie from 0 to {LAST}, it is {seed}')
  return seed


def key_of(seed: int) -> Key:
  """Return the key of a seed; raises ValueError as `check_seed`."""
  return jax.random.key(check_seed(seed))
