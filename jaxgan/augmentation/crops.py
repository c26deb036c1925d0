"""Random crops and flips."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.core.typing import Array, Batch, Key
from jaxgan.ops.resample import bicubic

ChangeBatch = Callable[[Batch, Key], Batch]
"""Changes the images of a whole batch at random."""
ROOM = 286 / 256
"""How much larger than the crop an image is made before."""


def jitter(paired: bool) -> ChangeBatch:
  """Images enlarged to 286/256 of their size, cropped at random to their own, half of them flipped.

  Bicubic, clipped to [-1, 1]. `paired`: partners alike; else each by itself.

  References: Isola et al., 2017.
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
  at = jax.random.randint(placing, (2, n), 0, len(matrix) - size + 1)
  rows, columns = jax.vmap(jax.vmap(lambda i: lax.dynamic_slice_in_dim(matrix, i, size)))(at)
  flipped = jax.random.bernoulli(flipping, shape=(n, 1, 1))
  columns = jnp.where(flipped, columns[:, ::-1], columns)
  moved = jnp.einsum('bhi,bijc,bwj->bhwc', rows, images, columns, precision=lax.Precision.HIGHEST)
  return jnp.clip(moved, -1, 1)


def crops(images: Array, size: int, key: Key) -> Array:
  """A random square of `size` pixels of each image, half of them flipped."""
  placing, flipping = jax.random.split(key)
  n, height, width = images.shape[:3]
  high = jnp.array([height - size + 1, width - size + 1])
  at = jax.random.randint(placing, (n, 2), 0, high[None])
  cut = lambda x, i: lax.dynamic_slice(x, (i[0], i[1], 0), (size, size, x.shape[-1]))
  cropped = jax.vmap(cut)(images, at)
  flipped = jax.random.bernoulli(flipping, shape=(n, 1, 1, 1))
  return jnp.where(flipped, cropped[:, :, ::-1], cropped)
