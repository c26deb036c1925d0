"""Convolution with derivatives of every order that XLA:CPU runs fast; elsewhere plain `lax`.

T(x, w, g) = <conv(x, w), g> is linear in each argument. Its partial derivatives are `conv` = dT/dg,
`tconv` = dT/dx (input gradient and transposed convolution at once) and `wgrad` = dT/dw; those of
each of the three are the other two. So the triple is closed under differentiation, and gradient
penalties too never leave the formulations below. Left to itself, autodiff arrives at input dilation
and at layouts that XLA:CPU runs in its naive loop, a hundred times slower.

Images are `[B, H, W, C]`, kernels `[kh, kw, C_in, C_out]`; there is one stride for both axes. The
triple has reverse mode only: use `plain()` for `jax.jvp`. Kernels for each example (`vmap` over w,
or `vmap(grad)` with respect to w) come out right but slow: differentiate a sum instead.
Batches may be sharded over mesh axes of type Auto, not Explicit.
"""

import contextlib
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.resample import pool, upsample
from jaxgan.typing import Array

Shape = tuple[int, ...]
Pads = tuple[tuple[int, int], tuple[int, int]]
"""`((top, bottom), (left, right))`, static."""

FEW = 4
"""Up to so many output channels (images, scores) memory bounds a convolution, not arithmetic."""

_plain = jax.make_user_context(default_value=False)


# The back end.


def fast() -> bool:
  """Whether convolutions are traced as the triple: on CPU, outside `plain()`."""
  return jax.default_backend() == 'cpu' and not _plain.value


def plain() -> contextlib.AbstractContextManager:
  """Inside it convolutions are traced as plain `lax`, which forward mode (`jax.jvp`) needs.

  The jit cache tells inside from outside: a function already traced is traced anew.
  """
  return _plain(True)


def compiler_options() -> dict[str, str]:
  """For `jax.jit(..., compiler_options=...)` at top level: on CPU, convolutions run by Eigen.

  Products and reductions stay with YNNPACK, whose convolutions do not scale beyond one core.
  Empty on other back ends and where jaxlib does not know the (experimental) option.
  """
  return dict(_ynn_option()) if jax.default_backend() == 'cpu' else {}


@functools.cache
def _ynn_option() -> dict[str, str]:
  kinds = 'LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_REDUCE'
  option = {'xla_cpu_experimental_ynn_fusion_type': kinds}
  try:
    jax.jit(lambda: 0, compiler_options=option).lower().compile()
  except (jax.errors.JaxRuntimeError, ValueError):
    return {}
  return option


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
  size = _output_size(x.shape, w.shape, 1, pads)
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
  order only outside loops; inside, the layout of autodiff runs in the naive loop. The barrier keeps
  the transposes out of what precedes them: fused with it they are 5-10 times slower.
  """

  def edges(n, m, k, pad):  # negative on the right: rows that no window reached
    return pad[0], k + (m - 1) * stride - n - pad[0]

  outer = tuple(map(edges, x.shape[1:3], g.shape[1:3], w_shape[:2], pads))
  x, g = lax.optimization_barrier((x.transpose(3, 1, 2, 0), g.transpose(1, 2, 0, 3)))
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
  g, x = lax.optimization_barrier((g.transpose(3, 1, 2, 0), x.transpose(1, 2, 0, 3)))
  return jnp.flip(conv_lax(g, x, 1, outer), (1, 2)).transpose(1, 2, 3, 0)


# What formulations share.


def _contract(a: Array, b: Array, axes_a: Shape, axes_b: Shape) -> Array:
  """A product summed in float32 or wider, which is also what reaches the CPU's bfloat16 units."""
  wide = jnp.promote_types(a.dtype, jnp.float32)
  return lax.dot_general(a, b, ((axes_a, axes_b), ((), ())), preferred_element_type=wide)


def _tap_products(w: Array, x: Array) -> Array:
  """w `[kh, kw, few, many]`, x `[B, H, W, many]` to `[kh, kw, few, B, H, W]`: shifts move rows."""
  return lax.optimization_barrier(_contract(w, x, (3,), (3,)))


def _shift(y: Array, offset: tuple[int, int], size: tuple[int, int]) -> Array:
  """The last two axes of y, moved by offset into zeros of that size; what falls outside is lost."""
  edges = [(o, n - m - o, 0) for o, n, m in zip(offset, size, y.shape[-2:], strict=True)]
  return lax.pad(y, jnp.zeros((), y.dtype), [(0, 0, 0)] * (y.ndim - 2) + edges)


def _output_size(x_shape: Shape, w_shape: Shape, stride: int, pads: Pads) -> tuple[int, int]:
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
  if w_shape[2] <= FEW:
    return tconv_few
  return tconv_subpixel if stride > 1 else tconv_dilated


def wgrad_form(w_shape: Shape, stride: int, pads: Pads) -> Callable[..., Array]:
  """The formulation of `wgrad` for a kernel of that shape."""
  if w_shape[:2] == (1, 1):
    return wgrad_product
  return wgrad_turned if stride == 1 and w_shape[3] <= FEW else wgrad_canonical


def _is_product(w_shape: Shape, stride: int, pads: Pads) -> bool:
  return w_shape[:2] == (1, 1) and stride == 1 and pads == ((0, 0), (0, 0))


# The triple.


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def conv(x: Array, w: Array, stride: int, pads: Pads) -> Array:
  """dT/dg, the convolution: x `[B, H, W, C]`, w `[kh, kw, C, O]` to `[B, oh, ow, O]`."""
  return conv_form(w.shape, stride, pads)(x, w, stride, pads)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def tconv(g: Array, w: Array, x_shape: Shape, stride: int, pads: Pads) -> Array:
  """dT/dx, the transpose of x -> conv(x, w): g `[B, oh, ow, O]` to `x_shape`."""
  return tconv_form(w.shape, stride, pads)(g, w, x_shape, stride, pads)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def wgrad(x: Array, g: Array, w_shape: Shape, stride: int, pads: Pads) -> Array:
  """dT/dw, the transpose of w -> conv(x, w): x and g to `w_shape`."""
  return wgrad_form(w_shape, stride, pads)(x, g, w_shape, stride, pads)


def _conv_pull(stride, pads, saved, t):
  x, w = saved
  return tconv(t, w, x.shape, stride, pads), wgrad(x, t, w.shape, stride, pads)


def _tconv_pull(x_shape, stride, pads, saved, t):
  g, w = saved
  return conv(t, w, stride, pads), wgrad(t, g, w.shape, stride, pads)


def _wgrad_pull(w_shape, stride, pads, saved, t):
  x, g = saved
  return tconv(g, t, x.shape, stride, pads), conv(x, t, stride, pads)


conv.defvjp(lambda x, w, *static: (conv(x, w, *static), (x, w)), _conv_pull)
tconv.defvjp(lambda g, w, *static: (tconv(g, w, *static), (g, w)), _tconv_pull)
wgrad.defvjp(lambda x, g, *static: (wgrad(x, g, *static), (x, g)), _wgrad_pull)


# What a layer calls.


def same_pads(size: int, kernel: int, stride: int) -> tuple[int, int]:
  """SAME padding of one axis, for ceil(size / stride) outputs; an odd pixel goes last."""
  total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
  return total // 2, total - total // 2


def convolve(x: Array, w: Array, stride: int = 1, pads: int | Pads | None = None) -> Array:
  """Convolution of x `[B, H, W, C_in]` with w `[kh, kw, C_in, C_out]`.

  pads: None is SAME, an int is that many pixels on every side, or `((top, bottom), (left, right))`.
  Raises ValueError where shapes, dtypes or padding do not fit, or the kernel exceeds the image.
  """
  _check(x, w, w.shape[-2:-1])
  pads = _full_pads(x.shape[1:3], w.shape[:2], stride, pads)
  _check_size(_output_size(x.shape, w.shape, stride, pads), x.shape, w.shape, pads)
  return (conv if fast() else conv_lax)(x, w, stride, pads)


def convolve_transposed(
  x: Array,
  w: Array,
  size: tuple[int, int],
  stride: int = 2,
  pads: int | Pads | None = None,
) -> Array:
  """The transpose of `convolve(_, w, stride, pads)` from images of `size` to those of x.

  x: `[B, h, w, C_in]`. w: `[kh, kw, C_out, C_in]`, the kernel of the convolution it transposes.
  size: (H, W) of the output `[B, H, W, C_out]`, since several sizes convolve to the same.
  pads: those of the convolution; None is its SAME. To have the weights of `lax.conv_transpose` with
  SAME and an even output, reverse both axes of the kernel and swap its channels.
  Raises ValueError where the convolution of `size` does not have the size of x, or nothing fits.
  """
  _check(x, w, w.shape[-1:])
  pads = _full_pads(size, w.shape[:2], stride, pads)
  x_shape = (x.shape[0], *size, w.shape[2])
  back = _output_size(x_shape, w.shape, stride, pads)
  if back != x.shape[1:3]:
    raise ValueError(
      f'expected input of size {back}, which is what {size} convolves to (kernel {w.shape[:2]}, '
      f'stride {stride}, pads {pads}), got {x.shape[1:3]}: choose another size or pads'
    )
  return (tconv if fast() else tconv_dilated)(x, w, x_shape, stride, pads)


def convolve_pool(x: Array, w: Array) -> Array:
  """SAME convolution, then the mean of 2x2: `[B, H, W, C_in]` to `[B, H/2, W/2, C_out]`.

  On CPU a 3x3 kernel becomes one 4x4 convolution of stride 2, 16 products instead of 36; a 1x1
  kernel comes after the mean. Raises ValueError at odd sizes or another kernel.
  """
  _check_kernel(w)
  if x.shape[1] % 2 or x.shape[2] % 2:
    raise ValueError(f'expected images of even height and width, got {x.shape}: crop or pad them')
  if w.shape[0] == 1:
    return convolve(pool(x), w)
  return convolve(x, _spread(w) / 4, 2, 1) if fast() else pool(convolve(x, w))


def upsample_convolve(x: Array, w: Array) -> Array:
  """Nearest neighbour x2, then SAME convolution: `[B, h, w, C_in]` to `[B, 2h, 2w, C_out]`.

  On CPU a 3x3 kernel becomes one 4x4 transposed convolution of stride 2; a 1x1 kernel comes before
  the enlargement. Raises ValueError for another kernel.
  """
  _check_kernel(w)
  if w.shape[0] == 1:
    return upsample(convolve(x, w))
  if not fast():
    return convolve(upsample(x), w)
  w = _spread(jnp.flip(w, (0, 1))).swapaxes(2, 3)
  return convolve_transposed(x, w, (2 * x.shape[1], 2 * x.shape[2]), 2, 1)


def _spread(w: Array) -> Array:
  """The kernel with each tap on 2x2 neighbours: `[k + 1, k + 1, ...]`."""
  pad = lambda i, j: jnp.pad(w, ((i, 1 - i), (j, 1 - j), (0, 0), (0, 0)))
  return pad(0, 0) + pad(0, 1) + pad(1, 0) + pad(1, 1)


def _full_pads(size: Shape, kernel: Shape, stride: int, pads: int | Pads | None) -> Pads:
  if stride < 1:
    raise ValueError(f'expected a stride of 1 or more, got {stride}')
  if pads is None:
    rows, cols = (same_pads(n, k, stride) for n, k in zip(size, kernel, strict=True))
    return rows, cols
  full = ((pads, pads), (pads, pads)) if isinstance(pads, int) else pads
  (top, bottom), (left, right) = full
  if min(top, bottom, left, right) < 0:
    raise ValueError(f'expected padding of 0 or more, got {pads}: crop the images instead')
  return (int(top), int(bottom)), (int(left), int(right))


def _check(x: Array, w: Array, channels: Shape) -> None:
  if x.ndim != 4 or w.ndim != 4 or x.shape[3:] != channels or x.dtype != w.dtype:
    raise ValueError(
      'expected images [B, H, W, C] and a kernel [kh, kw, ...] with as many input channels and of '
      f'the same dtype, got {x.dtype} {x.shape} and {w.dtype} {w.shape}'
    )


def _check_size(size: Shape, x_shape: Shape, w_shape: Shape, pads: Pads) -> None:
  if min(size) < 1:
    raise ValueError(
      f'expected images no smaller than the kernel {w_shape[:2]}, got {x_shape[1:3]} with pads '
      f'{pads}: enlarge the images or pad them'
    )


def _check_kernel(w: Array) -> None:
  if w.shape[:2] not in ((1, 1), (3, 3)):
    raise ValueError(f'expected a kernel of 3x3 or 1x1, got {w.shape}: resample and convolve apart')
