"""Checks of what users ask a run for: seeds, numbers of images, and classes."""

from collections.abc import Iterable

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core import seeds
from jaxgan.core.typing import Key, Spec

Label = int | str
"""A class, by its number or by its name."""
SHOWN = 20
"""The most names in a message."""


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


def listed(names: Iterable[str]) -> str:
  """Return names for a message, the first `SHOWN` of them.

  Example:
    >>> listed(['cat', 'dog'])
    'cat, dog'
  """
  every = [*names]
  return ', '.join(every[:SHOWN]) + ', ...' * (len(every) > SHOWN)


def class_number(label: Label, spec: Spec) -> int:
  """Return the number of a class.

  Args:
    label: its number, or its name; a text that is no name may be a number, such as '3'.
    spec: the description of the images, with the names of the classes.

  Raises:
    ValueError: there is no such class; the message has the names or numbers.
  """
  last, number = spec.classes - 1, whole(label)
  if isinstance(label, str):
    if label in spec.names:
      return spec.names.index(label)
    number = int(label) if label in map(str, range(spec.classes)) else None
  if number is not None and 0 <= number <= last:
    return number
  there = listed(spec.names) if isinstance(label, str) else f'0 to {last}'
  raise ValueError(f'label {label!r} is not a class of this run: they are {there}')
