"""Codes: named parts of the latent, with a meaning that a person can choose by."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core.typing import Array, Key, Latent


class Code(NamedTuple):
  """Describe a part of the latent of `size` numbers.

  `draw(key, n) -> [n, size]` draws it in training and where a sample leaves it open.
  `read(text) -> [size]` makes it of what a person writes, as in `jaxgan sample --code=3`; it raises
  ValueError for a text that it cannot read. With `of_label` it is no part of the latent: the
  generator takes it in place of the number of a class.

  Example:
    >>> code = categorical(10)
    >>> int(code.read('3').argmax())
    3
  """

  size: int
  draw: Latent
  read: Callable[[str], np.ndarray]
  of_label: bool = False


def categorical(choices: int) -> Code:
  """Return a code of one choice out of several, as a one-hot vector, evenly drawn.

  Reference: Chen et al., InfoGAN, 2016.

  Example:
    >>> categorical(3).read('2').tolist()
    [0.0, 0.0, 1.0]
  """

  def draw(key: Key, n: int) -> Array:
    return jax.nn.one_hot(jax.random.randint(key, (n,), 0, choices), choices)

  def read(text: str) -> np.ndarray:
    if not text.isdecimal() or int(text) >= choices:
      raise ValueError(f'a choice is a number from 0 to {choices - 1}, got {text!r}')
    one_hot: np.ndarray = np.eye(choices, dtype=np.float32)[int(text)]
    return one_hot

  return Code(choices, draw, read)


def continuous(size: int = 1) -> Code:
  """Return a code of `size` numbers from U(-1, 1), written as `0.5` or `0.5,-1`.

  Reference: Chen et al., InfoGAN, 2016.

  Example:
    >>> continuous(2).read('0.5,-1').tolist()
    [0.5, -1.0]
  """

  def draw(key: Key, n: int) -> Array:
    return jax.random.uniform(key, (n, size), minval=-1.0)

  def read(text: str) -> np.ndarray:
    try:
      values = np.array([float(part) for part in text.split(',')], np.float32)
    except ValueError:
      values = np.zeros(0, np.float32)
    if len(values) != size or not np.isfinite(values).all():
      raise ValueError(f'give {size} numbers with commas between them, got {text!r}')
    return values

  return Code(size, draw, read)


def with_codes(latent: Latent, codes: Mapping[str, Code]) -> Latent:
  """Return the latent followed by the codes, in their order: `(key, n) -> [n, Z + sizes]`."""
  if not codes:
    return latent

  def draw(key: Key, n: int) -> Array:
    keys = jax.random.split(key, len(codes) + 1)
    drawn = [code.draw(k, n) for code, k in zip(codes.values(), keys[1:], strict=True)]
    return jnp.concatenate([latent(keys[0], n), *drawn], -1)

  return draw


def parts(latents: Array, codes: Mapping[str, Code]) -> dict[str, Array]:
  """Return the codes that are the last numbers of latents `[n, ...]`, by name."""
  found, end = {}, latents.shape[-1]
  for name, code in reversed(list(codes.items())):
    found[name] = latents[..., end - code.size : end]
    end -= code.size
  return found


def chosen(latents: Array, codes: Mapping[str, Code], given: Mapping[str, Array]) -> Array:
  """Return the latents `[n, ...]` with the given codes, `[size]` each, in place of theirs."""
  end = latents.shape[-1]
  for name, code in reversed(list(codes.items())):
    if name in given:
      latents = latents.at[..., end - code.size : end].set(given[name])
    end -= code.size
  return latents


def read(codes: Mapping[str, Code], given: Mapping[str, str]) -> dict[str, np.ndarray]:
  """Return the codes that a person wrote, by name.

  Raises:
    ValueError: a name that is no code, or a text that the code cannot read.
  """
  found = {}
  for name, text in given.items():
    if name not in codes:
      there = f'only {", ".join(codes)}' if codes else 'it has none'
      raise ValueError(f'this run has no code {name!r}, {there}')
    try:
      found[name] = codes[name].read(text)
    except ValueError as error:
      raise ValueError(f'--{name.replace("_", "-")}: {error}') from None
  return found
