"""Twice as large, half as large. Images are `[B, H, W, C]`."""

import jax.numpy as jnp

from jaxgan.typing import Array


def upsample(x: Array) -> Array:
  """Nearest neighbour: `[B, H, W, C]` to `[B, 2H, 2W, C]`."""
  # A broadcast, because its gradient is four additions; that of `jax.image.resize` is a scatter.
  b, h, w, c = x.shape
  return jnp.broadcast_to(x[:, :, None, :, None], (b, h, 2, w, 2, c)).reshape(b, 2 * h, 2 * w, c)


def pool(x: Array) -> Array:
  """Mean of each 2x2 block: `[B, H, W, C]` to `[B, H/2, W/2, C]`; ValueError at an odd size."""
  if x.shape[1] % 2 or x.shape[2] % 2:
    raise ValueError(f'expected images of even height and width, got {x.shape}: crop or pad them')
  return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4
