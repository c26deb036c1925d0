"""Ways to compute a convolution, its transpose and its weight gradient, and which is taken when.

All give the same numbers; XLA:CPU runs them at very different speeds. `convolution.py` says what
the three are and closes them under differentiation.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax

from jaxgan.core.typing import Array

Shape = tuple[int, ...]
Pads = tuple[tuple[int, int], tuple[int, int]]
"""`((top, bottom), (left, right))`, static."""

FEW = 4
"""Up to so many output channels (images, scores) memory bounds a convolution, not arithmetic."""

WIDE = 64
"""From so many output channels on, interleaving phases costs less than sub-pixels' border."""


# Formulations of conv: (x, w, stride, pads).


def conv_lax(x: Array, w: Array, stride: int, pads: Pads, **dilation: Any) -> Array:
  """The convolution as `lax` has it."""
  layout = ('NHWC', 'HWIO', 'NHWC')
  return lax.conv_general_dilated(
    x, w, (stride, stride), pads, dimension_numbers=layout, **dilation
  )


def conv_product(x: Array, w: Array, stride: int, pads: Pads) -> Array:
  """Kernel 1x1, stride 1, no padding: one product."""
  return _contract(x, w[0, 0], (3,), (0,)).astype(x.dtype)


def conv_few(x: Array, w: Array, stride: int, pads: Pads) -> Array:
  """Few output channels, stride 1: one product for all taps, then a sum of shifted views."""
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
  """Zeros between the pixels of g, then a dense convolution with the reversed kernel."""

  def edges(n, m, k, pad):
    low = k - 1 - pad[0]
    return low, n + k - 1 - ((m - 1) * stride + 1) - low

  outer = tuple(map(edges, x_shape[1:3], g.shape[1:3], w.shape[:2], pads))
  w = jnp.flip(w, (0, 1)).swapaxes(2, 3)
  return conv_lax(g, w, 1, outer, lhs_dilation=(stride, stride))


def tconv_product(g: Array, w: Array, x_shape: Shape, stride: int, pads: Pads) -> Array:
  """Kernel 1x1, stride 1, no padding: one product."""
  return conv_product(g, w.swapaxes(2, 3), stride, pads)


def tconv_subpixel(g: Array, w: Array, x_shape: Shape, stride: int, pads: Pads) -> Array:
  """A dense convolution on the small grid to stride^2 C channels, then depth to space.

  In padded coordinates i + pad = s q + r; of phase r only the taps u = s m + r meet g, at g[q - m].
  """
  s, (kh, kw, c, o), (b, height, width, _) = stride, w.shape, x_shape
  mh, mw = -(-kh // s), -(-kw // s)  # taps of a phase
  w = jnp.pad(w, ((0, mh * s - kh), (0, mw * s - kw), (0, 0), (0, 0)))
  w = jnp.flip(w.reshape(mh, s, mw, s, c, o), (0, 2))
  w = w.transpose(0, 2, 5, 1, 3, 4).reshape(mh, mw, o, s * s * c)

  def extent(n, m, pad, taps):  # first q, how many, padding of g (negative crops)
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
  """A dense convolution for each phase of the output, interleaved: no product in vain.

  Output i has i + pad = s q + r, where only the taps u = s m + r meet g, at g[q - m]. The kernel is
  no smaller than the stride.
  """
  s, (kh, kw, c, _), (b, height, width, _) = stride, w.shape, x_shape
  nh, nw = -(-height // s), -(-width // s)

  def axis(i, n, m, k, pad):  # the phase's first tap, and padding of g (negative crops)
    q, r = divmod(i + pad[0], s)
    last = len(range(r, k, s)) - 1
    return r, (last - q, n - m + q)

  def phase(i, j):
    top, rows = axis(i, nh, g.shape[1], kh, pads[0])
    left, cols = axis(j, nw, g.shape[2], kw, pads[1])
    taps = jnp.flip(w[top::s, left::s], (0, 1)).swapaxes(2, 3)
    return conv_lax(g, taps, 1, (rows, cols))

  out = jnp.stack([jnp.stack([phase(i, j) for j in range(s)], 3) for i in range(s)], 2)
  return out.reshape(b, nh * s, nw * s, c)[:, :height, :width]


def tconv_few(g: Array, w: Array, x_shape: Shape, stride: int, pads: Pads) -> Array:
  """Few output channels: one product for all taps, summed for each phase, phases interleaved."""
  s, (kh, kw, c, _), (b, height, width, _) = stride, w.shape, x_shape
  (top, _), (left, _) = pads
  taps = _tap_products(w, g)
  nh, nw = -(-(height + top) // s), -(-(width + left) // s)

  def phase(r, q):
    near = ((i, j) for i in range(r, kh, s) for j in range(q, kw, s))
    views = (_shift(taps[i, j], (i // s, j // s), (nh, nw)) for i, j in near)
    return sum(views, start=jnp.zeros((c, b, nh, nw), taps.dtype))

  out = jnp.stack([jnp.stack([phase(r, q) for q in range(s)], -1) for r in range(s)], 3)
  out = out.reshape(c, b, nh * s, nw * s)[:, :, top : top + height, left : left + width]
  return out.transpose(1, 2, 3, 0).astype(g.dtype)


# Formulations of wgrad: (x, g, w_shape, stride, pads).


def wgrad_canonical(x: Array, g: Array, w_shape: Shape, stride: int, pads: Pads) -> Array:
  """x, channels as batch, convolved with g, batch as channels, dilated by the stride.

  With the transposes written out the convolution itself is NHWC and HWIO. XLA:CPU puts layouts in
  order only outside loops; inside, the layout of autodiff runs in the naive loop.
  """

  def edges(n, m, k, pad):  # negative on the right: rows that no window reached
    return pad[0], k + (m - 1) * stride - n - pad[0]

  outer = tuple(map(edges, x.shape[1:3], g.shape[1:3], w_shape[:2], pads))
  x, g = _crossed(x, g)
  w = conv_lax(x, g, 1, outer, rhs_dilation=(stride, stride))
  return w.transpose(1, 2, 0, 3)


def wgrad_product(x: Array, g: Array, w_shape: Shape, stride: int, pads: Pads) -> Array:
  """Kernel 1x1, any stride: one product."""
  x = jnp.pad(x, ((0, 0), *pads, (0, 0)))[:, ::stride, ::stride]
  return _contract(x, g, (0, 1, 2), (0, 1, 2)).astype(x.dtype).reshape(w_shape)


def wgrad_turned(x: Array, g: Array, w_shape: Shape, stride: int, pads: Pads) -> Array:
  """Few output channels, stride 1: g as the image, x as the kernel; the taps come out reversed."""

  def edges(n, m, k, pad):
    return k - 1 - pad[0], pad[0] + n - m

  outer = tuple(map(edges, x.shape[1:3], g.shape[1:3], w_shape[:2], pads))
  g, x = _crossed(g, x)
  return jnp.flip(conv_lax(g, x, 1, outer), (1, 2)).transpose(1, 2, 3, 0)


# What formulations share.


def _contract(a: Array, b: Array, axes_a: Shape, axes_b: Shape) -> Array:
  """A product summed in float32 or wider, which is also what reaches the CPU's bfloat16 units."""
  wide = jnp.promote_types(a.dtype, jnp.float32)
  return lax.dot_general(a, b, ((axes_a, axes_b), ((), ())), preferred_element_type=wide)


def _tap_products(w: Array, x: Array) -> Array:
  """w `[kh, kw, few, many]`, x `[B, H, W, many]` to `[kh, kw, few, B, H, W]`: shifts move rows."""
  return lax.optimization_barrier(_contract(w, lax.optimization_barrier(x), (3,), (3,)))


def _crossed(x: Array, w: Array) -> tuple[Array, Array]:
  """x `[C, H, W, B]`, w `[H, W, B, C]` of `[B, H, W, C]`: batch and channels change places.

  Barriers on both sides: fused with what is before or after, a transpose is 5-10 times slower.
  """
  x, w = lax.optimization_barrier((x, w))
  return lax.optimization_barrier((x.transpose(3, 1, 2, 0), w.transpose(1, 2, 0, 3)))


def _shift(y: Array, offset: tuple[int, int], size: tuple[int, int]) -> Array:
  """The last two axes of y, moved by offset into zeros of that size; what falls outside is lost."""
  edges = [(o, n - m - o, 0) for o, n, m in zip(offset, size, y.shape[-2:], strict=True)]
  return lax.pad(y, jnp.zeros((), y.dtype), [(0, 0, 0)] * (y.ndim - 2) + edges)


def output_size(x_shape: Shape, w_shape: Shape, stride: int, pads: Pads) -> tuple[int, int]:
  """Height and width of `conv`'s output."""
  sizes = zip(x_shape[1:3], w_shape[:2], pads, strict=True)
  height, width = ((n + sum(pad) - k) // stride + 1 for n, k, pad in sizes)
  return height, width


# The rules, measured on two AVX-512 cores. They look at static shapes alone.


def conv_form(w_shape: Shape, stride: int, pads: Pads) -> Callable[..., Array]:
  """The formulation of `conv` for a kernel of that shape."""
  if _is_product(w_shape, stride, pads):
    return conv_product
  return conv_few if stride == 1 and w_shape[3] <= FEW else conv_lax


def tconv_form(w_shape: Shape, stride: int, pads: Pads) -> Callable[..., Array]:
  """The formulation of `tconv` for a kernel of that shape."""
  if _is_product(w_shape, stride, pads):
    return tconv_product
  if stride**2 * w_shape[2] <= FEW:
    return tconv_few
  if stride == 1:
    return tconv_dilated
  return tconv_phases if w_shape[2] >= WIDE and min(w_shape[:2]) >= stride else tconv_subpixel


def wgrad_form(w_shape: Shape, stride: int, pads: Pads) -> Callable[..., Array]:
  """The formulation of `wgrad` for a kernel of that shape."""
  if w_shape[:2] == (1, 1):
    return wgrad_product
  return wgrad_turned if stride == 1 and w_shape[3] <= FEW else wgrad_canonical


def _is_product(w_shape: Shape, stride: int, pads: Pads) -> bool:
  return w_shape[:2] == (1, 1) and stride == 1 and pads == ((0, 0), (0, 0))
