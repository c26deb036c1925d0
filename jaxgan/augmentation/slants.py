"""Slants: small changes of shape that leave what an image shows, such as a digit, as it is."""

import jax
import jax.numpy as jnp

from jaxgan.augmentation import ada
from jaxgan.core.typing import Array, Key


def slanted(images: Array, key: Key, slant: float = 0.4) -> Array:
  """Slant, stretch, turn and shift each image a little, by its own random numbers.

  About the center, the pixel (x, y) of the result is that of the image at

    (x + a x + b y + c, y + d x + e y + f)

  with b ~ U(-slant, slant), a, d, e ~ U(-slant / 2, slant / 2), and c and f up to a sixth of
  slant times the size. It is bilinear between pixels, with reflection at the border.

  Args:
    images: `[B, H, W, C]`.
    key: the random key.
    slant: 0 or more; 0 changes nothing, and at 0.4 digits can still be read.

  Returns:
    `[B, H, W, C]`, differentiable with respect to the images.

  Example:
    >>> slanted(jnp.ones((2, 8, 8, 1)), jax.random.key(0)).shape
    (2, 8, 8, 1)
  """
  shift = [images.shape[2] / 6, images.shape[1] / 6]
  most = slant * jnp.array([[0.5, 1.0, shift[0]], [0.5, 0.5, shift[1]]])
  drawn = most[None] * jax.random.uniform(key, (len(images), 2, 3), minval=-1.0)
  return ada.moved(images, jnp.pad(drawn, ((0, 0), (0, 1), (0, 0))) + jnp.eye(3)[None])
