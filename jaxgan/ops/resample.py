"""Resampling of images `[B, H, W, C]`: to twice the size, to half of it, to any size."""

import functools
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.core.typing import Array


def upsample(x: Array) -> Array:
  """Upsample by nearest neighbor: `[B, H, W, C]` to `[B, 2H, 2W, C]`."""
  # The gradient of a broadcast is a sum of four; that of `jax.image.resize` is a slow scatter.
  b, h, w, c = x.shape
  return jnp.broadcast_to(x[:, :, None, :, None], (b, h, 2, w, 2, c)).reshape(b, 2 * h, 2 * w, c)


def pool(x: Array) -> Array:
  """Return the mean of each 2x2 block: `[B, H, W, C]` to `[B, H/2, W/2, C]`.

  Raises:
    ValueError: an odd height or width.
  """
  a, b, c, d = _quarters(x)
  return (a + b + c + d) / 4


def max_pool(x: Array) -> Array:
  """Return the maximum of each 2x2 block: `[B, H, W, C]` to `[B, H/2, W/2, C]`.

  Raises:
    ValueError: an odd height or width.
  """
  return functools.reduce(jnp.maximum, _quarters(x))


def _quarters(x: Array) -> list[Array]:
  _check_even(x)
  return [x[:, ::2, ::2], x[:, 1::2, ::2], x[:, ::2, 1::2], x[:, 1::2, 1::2]]


@functools.cache
def bicubic(size: int, new: int) -> np.ndarray:
  """Return the matrix that resizes an axis: bicubic, with antialiasing where it shrinks.

  Row i is k((j + 1/2 - (i + 1/2) size / new) / max(size / new, 1)) over j, divided by its sum, with

  k(t) = 3/2 |t|^3 - 5/2 t^2 + 1 for |t| < 1, -1/2 |t|^3 + 5/2 t^2 - 4 |t| + 2 for |t| < 2, else 0

  Args:
    size: the pixels of the axis before.
    new: the pixels of the axis after.

  Returns:
    float32 `[new, size]`, read-only.

  Reference: Keys, Cubic Convolution Interpolation for Digital Image Processing, 1981, a = -1/2.
  """
  ratio = size / new
  at = (np.arange(new) + 0.5) * ratio - 0.5
  t = np.abs(at[:, None] - np.arange(size)) / max(ratio, 1)
  near, far = (1.5 * t - 2.5) * t * t + 1, ((-0.5 * t + 2.5) * t - 4) * t + 2
  taps = np.where(t < 1, near, np.where(t < 2, far, 0))
  matrix = (taps / taps.sum(1, keepdims=True)).astype(np.float32)
  matrix.setflags(write=False)
  return matrix


def resize(x: Array, height: int, width: int) -> Array:
  """Resize images, bicubic with antialiasing: `[B, H, W, C]` to `[B, height, width, C]`.

  Values may leave the range of the input at edges.
  """
  rows, columns = (
    jnp.asarray(bicubic(*sizes), x.dtype) for sizes in ((x.shape[1], height), (x.shape[2], width))
  )
  return jnp.einsum('hi,bijc,wj->bhwc', rows, x, columns, precision=lax.Precision.HIGHEST)


def shuffle(x: Array, factor: int = 2) -> Array:
  """Move channels to pixels (pixel_shuffle): `[B, H, W, r r C]` to `[B, r H, r W, C]`.

  out[r i + k, r j + l, c] = x[i, j, r r c + r k + l], with r = `factor`

  Reference: Shi et al., Real-Time Single Image and Video Super-Resolution Using an Efficient
  Sub-Pixel Convolutional Neural Network, 2016.
  """
  b, h, w, c = x.shape
  x = x.reshape(b, h, w, c // factor**2, factor, factor).transpose(0, 1, 4, 2, 5, 3)
  return x.reshape(b, factor * h, factor * w, -1)


def unshuffle(x: Array, factor: int = 2) -> Array:
  """Move pixels to channels, the inverse of `shuffle`: `[B, r H, r W, C]` to `[B, H, W, r r C]`.

  Raises:
    ValueError: a height or width that is no multiple of `factor`.
  """
  b, h, w, c = x.shape
  if h % factor or w % factor:
    raise ValueError(f'expected sides of a multiple of {factor}, got {x.shape}: crop or pad them')
  x = x.reshape(b, h // factor, factor, w // factor, factor, c).transpose(0, 1, 3, 5, 2, 4)
  return x.reshape(b, h // factor, w // factor, -1)


LINEAR = (1.0, 3.0, 3.0, 1.0)
"""The taps of linear interpolation, for upsampling by 2 and for smoothing before downsampling."""


def filtered(x: Array, taps: Sequence[float], pads: tuple[int, int], stride: int = 1) -> Array:
  """Convolve both axes with taps / sum(taps), after padding with zeros (negative: cropping)."""
  for axis in (1, 2):
    x = _filtered(x, axis, [t / sum(taps) for t in taps], pads, stride)
  return x


def upsample_fir(x: Array, taps: Sequence[float] = LINEAR) -> Array:
  """Put zeros between the pixels, then filter: `[B, H, W, C]` to `[B, 2H, 2W, C]`.

  y[j] = 2 / sum(taps) sum_i taps[j - 2i + K/2 - 1] x[i]

  on each axis, with K taps and zeros outside. Except at the border a constant image stays constant.

  Args:
    x: images.
    taps: (1, 3, 3, 1) interpolates linearly, (1, 1) repeats each pixel.

  Raises:
    ValueError: an odd number of taps.
  """
  _check_taps(taps)
  for axis in (1, 2):
    x = _enlarged(x, axis, [2 * tap / sum(taps) for tap in taps[::-1]])
  return x


def downsample_fir(x: Array, taps: Sequence[float] = LINEAR) -> Array:
  """Filter, then keep every second pixel: `[B, H, W, C]` to `[B, H/2, W/2, C]`.

  y[i] = 1 / sum(taps) sum_j taps[2i - j + K/2] x[j]

  on each axis, with K taps and zeros outside. Except at the border a constant image stays constant.
  For symmetric taps this is the transpose of `upsample_fir`, divided by 4.

  Args:
    x: images.
    taps: (1, 1) is the same as `pool`.

  Raises:
    ValueError: an odd number of taps, or an odd height or width.
  """
  _check_even(x)
  _check_taps(taps)
  return filtered(x, taps, (len(taps) // 2 - 1,) * 2, 2)


def _check_even(x: Array) -> None:
  if x.shape[1] % 2 or x.shape[2] % 2:
    raise ValueError(f'expected images of even height and width, got {x.shape}: crop or pad them')


def _check_taps(taps: Sequence[float]) -> None:
  if len(taps) % 2:
    raise ValueError(f'expected an even number of taps, got {tuple(taps)}: put (1, 1) into them')


def _enlarged(x: Array, axis: int, weights: Sequence[float]) -> Array:
  """Put zeros between the pixels of an axis and filter it, without products with those zeros.

  Output 2q + r sees, at place q - reach + m, the tap 2m + r if reach is even, else the other tap.
  """
  n, reach = x.shape[axis], len(weights) // 2
  by = (reach + 1) // 2
  padded = jnp.pad(x, [(by, by) if i == axis else (0, 0) for i in range(x.ndim)])
  place = lambda r, t: (r + t - reach) // 2 + by

  def phase(r: int) -> Array:
    taps = [t for t in range(len(weights)) if (r + t - reach) % 2 == 0]
    views = (
      weights[t] * lax.slice_in_dim(padded, (i := place(r, t)), i + n, axis=axis) for t in taps
    )
    return functools.reduce(jnp.add, views)

  y = jnp.stack([phase(0), phase(1)], axis + 1)
  return y.reshape(*x.shape[:axis], 2 * n, *x.shape[axis + 1 :])


def _filtered(
  x: Array, axis: int, weights: Sequence[float], pads: tuple[int, int], stride: int
) -> Array:
  """Filter an axis by a sum of shifted views: XLA fuses it, and its gradient is such a sum too."""
  spread = [(*pads, 0) if i == axis else (0, 0, 0) for i in range(x.ndim)]
  # Without the barrier XLA:CPU computes x again for each view.
  x = lax.optimization_barrier(lax.pad(x, jnp.zeros((), x.dtype), spread))
  count = (x.shape[axis] - len(weights)) // stride + 1
  view = lambda j: lax.slice_in_dim(x, j, j + (count - 1) * stride + 1, stride, axis)
  return sum((w * view(j) for j, w in enumerate(weights[::-1])), jnp.zeros((), x.dtype))


def blend(old: Array, new: Array, weight: Array) -> Array:
  """Return old + weight (new - old) in the type of `new`; at weight 0 it is exactly `old`."""
  return old + weight.astype(new.dtype) * (new - old)
