"""Random crops and flips of images."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.core import parts
from jaxgan.core.typing import Array, Batch, Key
from jaxgan.ops.resample import bicubic

ChangeBatch = Callable[[Batch, Key], Batch]
"""A function that changes the images of a batch at random."""
ROOM = 286 / 256
"""The size of an enlarged image, relative to the crop."""


def unchanged(batch: Batch, key: Key) -> Batch:
  """Return the batch itself."""
  return batch


def jitter(paired: bool) -> ChangeBatch:
  """Return the augmentation that enlarges images, crops them at random and flips half of them.

  Images are enlarged to 286/256 of their size (bicubic), cropped to their old size and clipped to
  [-1, 1].

  Args:
    paired: True changes an image and its target in the same way; False changes them independently.

  Returns:
    The function `(batch, key) -> batch`; it changes `'image'` and `'target'`.

  Reference: Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2017.
  """

  def augment(batch: Batch, key: Key) -> Batch:
    alike = lambda: (key, jax.random.clone(key))
    one, other = alike() if paired else jax.random.split(key)
    keys = {'image': one, 'target': other}
    return {k: _jittered(x, keys[k]) if k in keys else x for k, x in batch.items()}

  return augment


def _jittered(images: Array, key: Key) -> Array:
  n, size = images.shape[:2]
  matrix = jnp.asarray(bicubic(size, round(size * ROOM)), images.dtype)
  placing, flipping = jax.random.split(key)
  places = lambda key, n: jax.random.randint(key, (2, n), 0, len(matrix) - size + 1)
  at = parts.drawn(places, placing, n, axis=1)
  rows, columns = jax.vmap(jax.vmap(lambda i: lax.dynamic_slice_in_dim(matrix, i, size)))(at)
  flipped = jax.random.bernoulli(flipping, shape=(n, 1, 1))
  columns = jnp.where(flipped, columns[:, ::-1], columns)
  moved = jnp.einsum('bhi,bijc,bwj->bhwc', rows, images, columns, precision=lax.Precision.HIGHEST)
  return jnp.clip(moved, -1, 1)


def crops(images: Array, size: int, key: Key) -> Array:
  """Crop a random square of each image, and flip half of them.

  Args:
    images: `[B, H, W, C]`, H and W at least `size`.
    size: the side of the square in pixels.
    key: the random key.

  Returns:
    `[B, size, size, C]`.
  """
  placing, flipping = jax.random.split(key)
  n, height, width = images.shape[:3]
  high = jnp.array([height - size + 1, width - size + 1])
  at = jax.random.randint(placing, (n, 2), 0, high[None])
  cut = lambda x, i: lax.dynamic_slice(x, (i[0], i[1], 0), (size, size, x.shape[-1]))
  cropped = jax.vmap(cut)(images, at)
  flipped = jax.random.bernoulli(flipping, shape=(n, 1, 1, 1))
  return jnp.where(flipped, cropped[:, :, ::-1], cropped)
