"""Conversion of images between bytes, 0 to 255, and the range of the networks, [-1, 1].

The functions take arrays of NumPy or of JAX and return the same kind.
"""

from typing import TypeVar

import jax
import numpy as np

Images = TypeVar('Images', np.ndarray, jax.Array)
MIDDLE = 127.5


def to_unit(images: Images) -> Images:
  """Scale bytes to [-1, 1]: x / 127.5 - 1.

  Args:
    images: uint8 of any shape, or other numbers from 0 to 255.

  Returns:
    float32 of the same shape.
  """
  return images.astype(np.float32) / MIDDLE - 1


def from_unit(images: Images) -> Images:
  """Scale [-1, 1] to numbers from 0 to 255 without rounding or clipping: (x + 1) 127.5."""
  return (images + 1) * MIDDLE


def on_white(images: Images) -> Images:
  """Lay images on white, a x + (1 - a) with x and the alpha a in [0, 1].

  Args:
    images: `[..., C]` in [-1, 1].

  Returns:
    `[..., 3]` for 4 channels, of which the last is alpha; other images are unchanged.
  """
  if images.shape[-1] != 4:
    return images
  alpha = (images[..., 3:].clip(-1, 1) + 1) / 2
  return images[..., :3] * alpha + (1 - alpha)


def in_colors(images: np.ndarray) -> np.ndarray:
  """Return images `[..., C]` in [-1, 1] as RGB: gray three times, transparent pixels on white."""
  return np.repeat(images, 3, -1) if images.shape[-1] == 1 else on_white(images)


def to_uint8(images: Images) -> Images:
  """Scale [-1, 1] to bytes: round to the nearest (halves to even) and clip.

  Args:
    images: floats of any shape.

  Returns:
    uint8 of the same shape.

  Example:
    >>> to_uint8(np.array([-2.0, -1.0, 0.0, 1.0]))
    array([  0,   0, 128, 255], dtype=uint8)
  """
  return from_unit(images.astype(np.float32)).round().clip(0, 255).astype(np.uint8)
