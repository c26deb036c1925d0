"""Label maps as images: the label of a pixel is the color of a palette that is nearest to it."""

import jax
import jax.numpy as jnp

from jaxgan.core.typing import Array


def labels(images: Array, palette: Array) -> Array:
  """Return the label of each pixel, the number of the nearest color of the palette.

  Args:
    images: `[B, H, W, C]`.
    palette: colors `[K, C]`, of the same scale as the images. Of equal colors the first counts.

  Returns:
    int32 `[B, H, W]`, from 0 to K - 1.

  Example:
    >>> labels(jnp.array([[[[-0.9], [0.6]]]]), jnp.array([[-1.0], [0.0], [1.0]])).tolist()
    [[[0, 2]]]
  """
  wide = images.astype(jnp.promote_types(images.dtype, jnp.float32))
  product = jnp.einsum('bhwc,kc->bhwk', wide, palette, precision=jax.lax.Precision.HIGHEST)
  # |x - p|^2 without |x|^2, which is the same for all colors.
  far = (palette**2).sum(-1)[None, None, None] - 2 * product
  return jnp.argmin(far, -1).astype(jnp.int32)


def one_hot(images: Array, palette: Array) -> Array:
  """Return the labels of the pixels as channels: `[B, H, W, C]` to 0 or 1, `[B, H, W, K]`.

  A pixel that is not finite has no label: its channels are NaN.
  """
  maps = jax.nn.one_hot(labels(images, palette), len(palette), dtype=palette.dtype)
  return _where_finite(images, maps)


def hardened(maps: Array) -> Array:
  """Return channels `[B, H, W, K]` with 1 for the largest of each pixel and 0 for the others."""
  return _where_finite(maps, jax.nn.one_hot(jnp.argmax(maps, -1), maps.shape[-1], dtype=maps.dtype))


def _where_finite(given: Array, maps: Array) -> Array:
  return jnp.where(jnp.isfinite(given).all(-1, keepdims=True), maps, jnp.nan)
