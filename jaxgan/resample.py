"""Twice as large, half as large, of any size. Images are `[B, H, W, C]`."""

import functools
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import lax

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


@functools.cache
def bicubic(size: int, new: int) -> np.ndarray:
  """The float32 matrix `[new, size]` that resizes an axis: bicubic, antialiased where it shrinks.

  Row i is k((j + 1/2 - (i + 1/2) size / new) / max(size / new, 1)) over j, divided by its sum, with

  k(t) = 3/2 |t|^3 - 5/2 t^2 + 1 up to 1, -1/2 |t|^3 + 5/2 t^2 - 4 |t| + 2 up to 2, else 0

  Keys, Cubic Convolution Interpolation for Digital Image Processing, 1981, with a = -1/2.
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
  """Bicubic with antialiasing, `[B, H, W, C]` to `[B, height, width, C]`; values may overshoot."""
  rows, columns = (
    jnp.asarray(bicubic(*sizes), x.dtype) for sizes in ((x.shape[1], height), (x.shape[2], width))
  )
  return jnp.einsum('hi,bijc,wj->bhwc', rows, x, columns)


def shuffle(x: Array, factor: int = 2) -> Array:
  """Channels to pixels: `[B, H, W, r r C]` to `[B, r H, r W, C]` with r = `factor`.

  out[r i + k, r j + l, c] = x[i, j, r r c + r k + l]. Shi et al., Efficient Sub-Pixel CNN, 2016.
  """
  b, h, w, c = x.shape
  x = x.reshape(b, h, w, c // factor**2, factor, factor).transpose(0, 1, 4, 2, 5, 3)
  return x.reshape(b, factor * h, factor * w, -1)


LINEAR = (1.0, 3.0, 3.0, 1.0)
"""Taps that interpolate linearly at twice the size, and smooth before half of it."""


def filtered(x: Array, taps: Sequence[float], pads: tuple[int, int], stride: int = 1) -> Array:
  """Both axes convolved with taps / sum(taps), after padding by zeros (below 0: cropping)."""
  for axis in (1, 2):
    x = _filtered(x, axis, [t / sum(taps) for t in taps], pads, stride)
  return x


def upsample_fir(x: Array, taps: Sequence[float] = LINEAR) -> Array:
  """Zeros between the pixels, then 4 times a filter: `[B, H, W, C]` to `[B, 2H, 2W, C]`.

  As StyleGAN2 has it (Karras et al., 2020): the outermost pixels see zeros beyond the border.
  """
  before = (len(taps) - 1) // 2 + 1  # of the enlarged image's zeros
  for axis in (1, 2):
    phases = [_phase(x, axis, taps, before, r) for r in (0, 1)]
    x = jnp.stack(phases, axis + 1).reshape(*x.shape[:axis], -1, *x.shape[axis + 1 :])
  return x


def downsample_fir(x: Array, taps: Sequence[float] = LINEAR) -> Array:
  """A filter, then every other pixel: `[B, H, W, C]` to `[B, H/2, W/2, C]`."""
  if x.shape[1] % 2 or x.shape[2] % 2:
    raise ValueError(f'expected images of even height and width, got {x.shape}: crop or pad them')
  before, after = (len(taps) - 1) // 2, (len(taps) - 2) // 2
  return filtered(x, taps, (before, after), 2)


def _phase(x: Array, axis: int, taps: Sequence[float], before: int, r: int) -> Array:
  """Every other pixel of the enlarged axis, from r on: only these taps meet no zeros."""
  weights = [2 * t / sum(taps) for t in taps[::-1]]
  chosen = [j for j in range(len(taps)) if (r + j - before) % 2 == 0]
  first, last = ((r + j - before) // 2 for j in (chosen[0], chosen[-1]))
  return _filtered(x, axis, [weights[j] for j in chosen[::-1]], (-first, last), 1)


def _filtered(
  x: Array, axis: int, weights: Sequence[float], pads: tuple[int, int], stride: int
) -> Array:
  """A sum of shifted views, which XLA fuses, and whose gradient is one as well."""
  spread = [(*pads, 0) if i == axis else (0, 0, 0) for i in range(x.ndim)]
  # Kept apart, or XLA:CPU computes what x is made of anew for each view.
  x = lax.optimization_barrier(lax.pad(x, jnp.zeros((), x.dtype), spread))
  count = (x.shape[axis] - len(weights)) // stride + 1
  view = lambda j: lax.slice_in_dim(x, j, j + (count - 1) * stride + 1, stride, axis)
  return sum((w * view(j) for j, w in enumerate(weights[::-1])), jnp.zeros((), x.dtype))
