"""Ways to compute a convolution, its transpose and its weight gradient, and rules to choose one.

All ways give the same numbers, but XLA:CPU runs them at very different speeds. `convolution.py`
defines the three functions and their derivatives.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jax import lax

from jaxgan.core.typing import Array

Shape = tuple[int, ...]
Pads = tuple[tuple[int, int], tuple[int, int]]
"""The padding `((top, bottom), (left, right))`, static."""

FEW = 4
"""Up to this many output channels (images, scores), memory limits a convolution, not arithmetic."""

WIDE = 64
"""From this many output channels on, `tconv_phases` is faster than `tconv_subpixel`, which computes
a border in vain."""


# Formulations of conv: (x, w, stride, pads).


def conv_lax(
  x: Array,
  w: Array,
  stride: int,
  pads: Pads,
  lhs_dilation: tuple[int, int] | None = None,
  rhs_dilation: tuple[int, int] | None = None,
  feature_group_count: int = 1,
) -> Array:
  """Convolve with `lax`; sides with negative padding are cropped before where it cannot."""
  layout = ('NHWC', 'HWIO', 'NHWC')
  if any(low < 0 < high or high < 0 < low for low, high in pads):
    # XLA:CPU of jax 0.10 computes wrong numbers of an axis that is cropped and padded.
    x, pads, lhs_dilation = _cropped(x, pads, lhs_dilation)
  return lax.conv_general_dilated(
    x,
    w,
    (stride, stride),
    pads,
    lhs_dilation,
    rhs_dilation,
    dimension_numbers=layout,
    feature_group_count=feature_group_count,
  )


def _cropped(
  x: Array, pads: Pads, dilation: tuple[int, int] | None
) -> tuple[Array, Pads, tuple[int, int] | None]:
  """Dilate and crop an image, and return it with the padding that is left."""
  (top, bottom), (left, right) = pads
  low, high = (min(top, 0), min(left, 0)), (min(bottom, 0), min(right, 0))
  spread = zip(low, high, (d - 1 for d in dilation or (1, 1)), strict=True)
  x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *spread, (0, 0, 0)])
  return x, ((max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0))), None


def conv_product(x: Array, w: Array, stride: int, pads: Pads) -> Array:
  """Convolve with a 1x1 kernel, stride 1 and no padding as one matrix product."""
  return _contract(x, w[0, 0], (3,), (0,)).astype(x.dtype)


def conv_few(x: Array, w: Array, stride: int, pads: Pads) -> Array:
  """Convolve to few channels with stride 1: one product for all taps, then a sum of shifts."""
  taps = _tap_products(w.swapaxes(2, 3), x)
  size = output_size(x.shape, w.shape, 1, pads)
  out = sum(
    (
      _shift(taps[i, j], (pads[0][0] - i, pads[1][0] - j), size)
      for i in range(w.shape[0])
      for j in range(w.shape[1])
    ),
    start=jnp.zeros((), taps.dtype),
  )
  return out.transpose(1, 2, 3, 0).astype(x.dtype)


# Formulations of tconv: (g, w, x_shape, stride, pads).


def tconv_dilated(g: Array, w: Array, x_shape: Shape, stride: int, pads: Pads) -> Array:
  """Put zeros between the pixels of g, then convolve with the reversed kernel."""

  def edges(n: int, m: int, k: int, pad: tuple[int, int]) -> tuple[int, int]:
    low = k - 1 - pad[0]
    return low, n + k - 1 - ((m - 1) * stride + 1) - low

  outer = _outer(edges, x_shape, g.shape, w.shape[:2], pads)
  w = jnp.flip(w, (0, 1)).swapaxes(2, 3)
  return conv_lax(g, w, 1, outer, lhs_dilation=(stride, stride))


def tconv_product(g: Array, w: Array, x_shape: Shape, stride: int, pads: Pads) -> Array:
  """Transpose a convolution with a 1x1 kernel, stride 1 and no padding as one matrix product."""
  return conv_product(g, w.swapaxes(2, 3), stride, pads)


def tconv_subpixel(g: Array, w: Array, x_shape: Shape, stride: int, pads: Pads) -> Array:
  """Convolve on the small grid to stride^2 C channels, then move channels to pixels.

  In padded coordinates i + pad = s q + r. In phase r only the taps u = s m + r meet g, at g[q - m].
  """
  s, (kh, kw, c, o), (b, height, width, _) = stride, w.shape, x_shape
  mh, mw = -(-kh // s), -(-kw // s)  # taps of a phase
  w = jnp.pad(w, ((0, mh * s - kh), (0, mw * s - kw), (0, 0), (0, 0)))
  w = jnp.flip(w.reshape(mh, s, mw, s, c, o), (0, 2))
  w = w.transpose(0, 2, 5, 1, 3, 4).reshape(mh, mw, o, s * s * c)

  def extent(
    n: int, m: int, pad: tuple[int, int], taps: int
  ) -> tuple[int, int, tuple[int, int]]:  # first q, its count, padding of g (negative: cropping)
    first = pad[0] // s
    count = (n - 1 + pad[0]) // s + 1 - first
    low = taps - 1 - first
    return first, count, (low, count + taps - 1 - m - low)

  h0, nh, rows = extent(height, g.shape[1], pads[0], mh)
  w0, nw, cols = extent(width, g.shape[2], pads[1], mw)
  y = conv_lax(g, w, 1, (rows, cols)).reshape(b, nh, nw, s, s, c)
  y = y.transpose(0, 1, 3, 2, 4, 5).reshape(b, nh * s, nw * s, c)
  top, left = pads[0][0] - h0 * s, pads[1][0] - w0 * s
  return y[:, top : top + height, left : left + width]


def tconv_phases(g: Array, w: Array, x_shape: Shape, stride: int, pads: Pads) -> Array:
  """Compute each phase of the output by a convolution of its own, then interleave the phases.

  No product is computed in vain. For output i, i + pad = s q + r, and only the taps u = s m + r
  meet g, at g[q - m]. The kernel must not be smaller than the stride.
  """
  s, (kh, kw, c, _), (b, height, width, _) = stride, w.shape, x_shape
  nh, nw = -(-height // s), -(-width // s)

  # The phase's first tap, and the padding of g (negative: cropping).
  def axis(i: int, n: int, m: int, k: int, pad: tuple[int, int]) -> tuple[int, tuple[int, int]]:
    q, r = divmod(i + pad[0], s)
    last = len(range(r, k, s)) - 1
    return r, (last - q, n - m + q)

  def phase(i: int, j: int) -> Array:
    top, rows = axis(i, nh, g.shape[1], kh, pads[0])
    left, cols = axis(j, nw, g.shape[2], kw, pads[1])
    taps = jnp.flip(w[top::s, left::s], (0, 1)).swapaxes(2, 3)
    return conv_lax(g, taps, 1, (rows, cols))

  out = jnp.stack([jnp.stack([phase(i, j) for j in range(s)], 3) for i in range(s)], 2)
  return out.reshape(b, nh * s, nw * s, c)[:, :height, :width]


def tconv_few(g: Array, w: Array, x_shape: Shape, stride: int, pads: Pads) -> Array:
  """Transpose a convolution from few channels: one product for all taps, then sums of shifts.

  There is one sum for each phase of the output; the phases are interleaved.
  """
  s, (kh, kw, c, _), (b, height, width, _) = stride, w.shape, x_shape
  (top, _), (left, _) = pads
  taps = _tap_products(w, g)
  nh, nw = -(-(height + top) // s), -(-(width + left) // s)

  def phase(r: int, q: int) -> Array:
    near = ((i, j) for i in range(r, kh, s) for j in range(q, kw, s))
    views = (_shift(taps[i, j], (i // s, j // s), (nh, nw)) for i, j in near)
    return sum(views, start=jnp.zeros((c, b, nh, nw), taps.dtype))

  out = jnp.stack([jnp.stack([phase(r, q) for q in range(s)], -1) for r in range(s)], 3)
  out = out.reshape(c, b, nh * s, nw * s)[:, :, top : top + height, left : left + width]
  return out.transpose(1, 2, 3, 0).astype(g.dtype)


# Formulations of wgrad: (x, g, w_shape, stride, pads).


def wgrad_canonical(x: Array, g: Array, w_shape: Shape, stride: int, pads: Pads) -> Array:
  """Convolve x, its channels as batch, with g, its batch as channels, dilated by the stride.

  The transposes are explicit, so that the convolution itself is NHWC and HWIO. XLA:CPU corrects
  layouts only outside of loops; inside a loop the layout of autodiff would run in the naive loop.
  """

  def edges(
    n: int, m: int, k: int, pad: tuple[int, int]
  ) -> tuple[int, int]:  # negative on the right: rows that no window reached
    return pad[0], k + (m - 1) * stride - n - pad[0]

  outer = _outer(edges, x.shape, g.shape, w_shape[:2], pads)
  x, g = _crossed(x, g)
  w = conv_lax(x, g, 1, outer, rhs_dilation=(stride, stride))
  return w.transpose(1, 2, 0, 3)


def wgrad_product(x: Array, g: Array, w_shape: Shape, stride: int, pads: Pads) -> Array:
  """Compute the weight gradient of a 1x1 kernel, of any stride, as one matrix product."""
  x = jnp.pad(x, ((0, 0), *pads, (0, 0)))[:, ::stride, ::stride]
  return _contract(x, g, (0, 1, 2), (0, 1, 2)).astype(x.dtype).reshape(w_shape)


def wgrad_turned(x: Array, g: Array, w_shape: Shape, stride: int, pads: Pads) -> Array:
  """Convolve g with x as the kernel, for few output channels and stride 1.

  The taps come out in reversed order, and are reversed again.
  """

  def edges(n: int, m: int, k: int, pad: tuple[int, int]) -> tuple[int, int]:
    return k - 1 - pad[0], pad[0] + n - m

  outer = _outer(edges, x.shape, g.shape, w_shape[:2], pads)
  g, x = _crossed(g, x)
  return jnp.flip(conv_lax(g, x, 1, outer), (1, 2)).transpose(1, 2, 3, 0)


# Functions that the formulations share.


def _outer(
  edges: Callable[[int, int, int, tuple[int, int]], tuple[int, int]],
  x: Shape,
  g: Shape,
  kernel: Shape,
  pads: Pads,
) -> Pads:
  """Return the padding of a formulation: `edges(n, m, k, pad)` of the rows, and of the columns."""
  rows, columns = map(edges, x[1:3], g[1:3], kernel, pads)
  return rows, columns


def _contract(a: Array, b: Array, axes_a: Shape, axes_b: Shape) -> Array:
  """Compute a product with sums in float32 or wider, which the CPU's bfloat16 units need."""
  wide = jnp.promote_types(a.dtype, jnp.float32)
  return lax.dot_general(a, b, ((axes_a, axes_b), ((), ())), preferred_element_type=wide)


def _tap_products(w: Array, x: Array) -> Array:
  """Multiply w `[kh, kw, few, many]` and x `[B, H, W, many]` to `[kh, kw, few, B, H, W]`.

  In this order of axes a shift moves whole rows.
  """
  return lax.optimization_barrier(_contract(w, lax.optimization_barrier(x), (3,), (3,)))


def _crossed(x: Array, w: Array) -> tuple[Array, Array]:
  """Swap batch and channels of two arrays `[B, H, W, C]`: x to `[C, H, W, B]`, w to `[H, W, B, C]`.

  There are barriers on both sides, because a transpose that XLA fuses with the operation before or
  after it is 5-10 times slower.
  """
  x, w = lax.optimization_barrier((x, w))
  return lax.optimization_barrier((x.transpose(3, 1, 2, 0), w.transpose(1, 2, 0, 3)))


def _shift(y: Array, offset: tuple[int, int], size: tuple[int, int]) -> Array:
  """Move the last two axes of y by `offset` into zeros of `size`; values outside are lost."""
  edges = [(o, n - m - o, 0) for o, n, m in zip(offset, size, y.shape[-2:], strict=True)]
  return lax.pad(y, jnp.zeros((), y.dtype), [(0, 0, 0)] * (y.ndim - 2) + edges)


def output_size(x_shape: Shape, w_shape: Shape, stride: int, pads: Pads) -> tuple[int, int]:
  """Return height and width of the output of `conv`."""
  sizes = zip(x_shape[1:3], w_shape[:2], pads, strict=True)
  height, width = ((n + sum(pad) - k) // stride + 1 for n, k, pad in sizes)
  return height, width


# The rules, measured on two AVX-512 cores. They depend on static shapes only.


def conv_form(w_shape: Shape, stride: int, pads: Pads) -> Callable[..., Array]:
  """Return the formulation of `conv` for a kernel of that shape."""
  if _is_product(w_shape, stride, pads):
    return conv_product
  return conv_few if stride == 1 and w_shape[3] <= FEW else conv_lax


def tconv_form(w_shape: Shape, stride: int, pads: Pads) -> Callable[..., Array]:
  """Return the formulation of `tconv` for a kernel of that shape."""
  if _is_product(w_shape, stride, pads):
    return tconv_product
  if stride**2 * w_shape[2] <= FEW:
    return tconv_few
  if stride == 1:
    return tconv_dilated
  return tconv_phases if w_shape[2] >= WIDE and min(w_shape[:2]) >= stride else tconv_subpixel


def wgrad_form(w_shape: Shape, stride: int, pads: Pads) -> Callable[..., Array]:
  """Return the formulation of `wgrad` for a kernel of that shape."""
  if w_shape[:2] == (1, 1):
    return wgrad_product
  return wgrad_turned if stride == 1 and w_shape[3] <= FEW else wgrad_canonical


def _is_product(w_shape: Shape, stride: int, pads: Pads) -> bool:
  return w_shape[:2] == (1, 1) and stride == 1 and pads == ((0, 0), (0, 0))
