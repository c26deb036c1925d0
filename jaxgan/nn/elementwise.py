"""Functions of single elements or of channels."""

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.core.typing import Array


def affine(x: Array, scale: Array | None, shift: Array) -> Array:
  """Return x * scale + shift in the type of x.

  Args:
    x: `[B, ..., C]`.
    scale: `[C]` or `[B, C]`; None: 1.
    shift: `[C]` or `[B, C]`.
  """
  axes = lambda a: range(a.ndim - 1, x.ndim - 1) if a.ndim > 1 else range(x.ndim - 1)
  spread = lambda a: jnp.expand_dims(a.astype(x.dtype), tuple(axes(a)))
  return x + spread(shift) if scale is None else x * spread(scale) + spread(shift)


def leaky_relu(x: Array) -> Array:
  """Return x where it is positive, else 0.2 x."""
  return nn.leaky_relu(x, 0.2)
