"""Convolutions whose derivatives of every order are fast on XLA:CPU; elsewhere plain `lax`.

T(x, w, g) = <conv(x, w), g> is linear in each argument. Its partial derivatives are `conv` = dT/dg,
`tconv` = dT/dx (both the input gradient and the transposed convolution) and `wgrad` = dT/dw. The
derivatives of each of these three are the other two. So every derivative of the three, also that of
a gradient penalty, is again one of them and uses a fast formulation. Without this, autodiff
produces input dilation and layouts that XLA:CPU computes in a naive loop, a hundred times slower.

Images are `[B, H, W, C]`, kernels `[kh, kw, C_in, C_out]`; both axes have the same stride. The
three functions support reverse mode only: use `plain()` for `jax.jvp`. One kernel per example
(`vmap` over w, or `vmap(grad)` with respect to w) is correct but slow: differentiate a sum instead.
Batches may be sharded over mesh axes of type Auto, not Explicit. Inside of `native.using(kernels)`
the three are compiled kernels of our own where these are faster.
"""

import contextlib
import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxgan.core.typing import Array
from jaxgan.ops import native
from jaxgan.ops.convolution_forms import (
  Pads,
  Shape,
  conv_form,
  conv_lax,
  output_size,
  tconv_dilated,
  tconv_form,
  wgrad_form,
)
from jaxgan.ops.resample import LINEAR, filtered, pool, upsample

JOINED = 32
"""Up to this many channels, groups share one convolution whose kernel is zero between them."""

Saved = tuple[Array, Array]
"""Two arguments of one of the three functions, or their gradients."""

_plain = jax.make_user_context(default_value=False)


# The back end.


def fast() -> bool:
  """Return whether convolutions use the three fast functions: on CPU, outside `plain()`."""
  return jax.default_backend() == 'cpu' and not _plain.value


def plain() -> contextlib.AbstractContextManager[None]:
  """Return a context in which convolutions are plain `lax`, as forward mode (`jax.jvp`) needs.

  The context is part of the key of the jit cache: inside it a function is traced again.
  """
  return _plain(True)


def compiler_options() -> dict[str, str | bool]:
  """Return the options for `jax.jit(..., compiler_options=...)` at top level.

  On CPU they make Eigen run convolutions; YNNPACK, whose convolutions use one core only, runs
  products and reductions. They also disable the pass that removes optimization barriers before XLA
  fuses: barriers keep transposes apart. And LLVM does not unroll loops, which gains nothing at run
  time and takes a tenth of the time to compile. The options are empty on other back ends, and where
  jaxlib does not know them (some are experimental).
  """
  return dict(_ynn_option()) if jax.default_backend() == 'cpu' else {}


@functools.cache
def _ynn_option() -> dict[str, str | bool]:
  kinds = 'LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_REDUCE'
  option: dict[str, str | bool] = {
    'xla_cpu_experimental_ynn_fusion_type': kinds,
    'xla_disable_hlo_passes': 'cse_barrier_expander',
    'xla_llvm_disable_expensive_passes': True,
  }
  try:
    jax.jit(lambda: 0, compiler_options=option).lower().compile()
  except (jax.errors.JaxRuntimeError, ValueError):
    return {}
  return option


# The three functions.


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def conv(x: Array, w: Array, stride: int, pads: Pads) -> Array:
  """Compute dT/dg, the convolution: x `[B, H, W, C]`, w `[kh, kw, C, O]` to `[B, oh, ow, O]`."""
  return native.apply('conv', conv_form(w.shape, stride, pads), x, w, stride, pads)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def tconv(g: Array, w: Array, x_shape: Shape, stride: int, pads: Pads) -> Array:
  """Compute dT/dx, the transpose of x -> conv(x, w): g `[B, oh, ow, O]` to `x_shape`."""
  return native.apply('tconv', tconv_form(w.shape, stride, pads), g, w, x_shape, stride, pads)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def wgrad(x: Array, g: Array, w_shape: Shape, stride: int, pads: Pads) -> Array:
  """Compute dT/dw, the transpose of w -> conv(x, w): x and g to `w_shape`."""
  return native.apply('wgrad', wgrad_form(w_shape, stride, pads), x, g, w_shape, stride, pads)


def _conv_pull(stride: int, pads: Pads, saved: Saved, t: Array) -> Saved:
  x, w = saved
  return tconv(t, w, x.shape, stride, pads), wgrad(x, t, w.shape, stride, pads)


def _tconv_pull(x_shape: Shape, stride: int, pads: Pads, saved: Saved, t: Array) -> Saved:
  g, w = saved
  return conv(t, w, stride, pads), wgrad(t, g, w.shape, stride, pads)


def _wgrad_pull(w_shape: Shape, stride: int, pads: Pads, saved: Saved, t: Array) -> Saved:
  x, g = saved
  return tconv(g, t, x.shape, stride, pads), conv(x, t, stride, pads)


conv.defvjp(lambda x, w, *static: (conv(x, w, *static), (x, w)), _conv_pull)
tconv.defvjp(lambda g, w, *static: (tconv(g, w, *static), (g, w)), _tconv_pull)
wgrad.defvjp(lambda x, g, *static: (wgrad(x, g, *static), (x, g)), _wgrad_pull)


# The functions that layers call.


def same_pads(size: int, kernel: int, stride: int) -> tuple[int, int]:
  """Return SAME padding of one axis, for ceil(size / stride) outputs; an odd pixel goes last."""
  total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
  return total // 2, total - total // 2


def convolve(x: Array, w: Array, stride: int = 1, pads: int | Pads | None = None) -> Array:
  """Convolve images with a kernel.

  Args:
    x: images `[B, H, W, C_in]`.
    w: a kernel `[kh, kw, C_in, C_out]` of the same dtype.
    stride: the stride of both axes, >= 1.
    pads: None for SAME, a number of pixels for every side, or `((top, bottom), (left, right))`.

  Returns:
    `[B, oh, ow, C_out]`, with SAME oh = ceil(H / stride).

  Raises:
    ValueError: shapes, dtypes or padding do not fit, or the kernel is larger than the padded image.
  """
  _check(x, w, w.shape[-2:-1])
  pads = _full_pads(x.shape[1:3], w.shape[:2], stride, pads)
  _check_size(output_size(x.shape, w.shape, stride, pads), x.shape, w.shape, pads)
  return (conv if fast() else conv_lax)(x, w, stride, pads)


def convolve_grouped(x: Array, w: Array, groups: int) -> Array:
  """Convolve each group of channels separately, with SAME padding and stride 1.

  On CPU a few groups share one convolution whose kernel is zero between them. With a gradient
  penalty this is about 40 times faster than XLA's own (64 images of 16x16, 8 groups of 16).

  Args:
    x: images `[B, H, W, C_in]`.
    w: a kernel `[kh, kw, C_in / groups, C_out]` of the same dtype.
    groups: the number of groups; it must divide C_in and C_out.

  Returns:
    `[B, H, W, C_out]`.

  Raises:
    ValueError: `groups` does not divide the channels, or shapes or dtypes do not fit.
  """
  if x.shape[-1] % groups or w.shape[-1] % groups:
    raise ValueError(
      f'expected channels in {groups} groups, got {x.shape[-1]} of the images and {w.shape[-1]} of '
      'the kernel: give a --cardinality that divides both'
    )
  _check(x[..., : x.shape[-1] // groups], w, w.shape[-2:-1])
  if groups == 1:
    return convolve(x, w)
  if not fast():
    pads = _full_pads(x.shape[1:3], w.shape[:2], 1, None)
    return conv_lax(x, w, 1, pads, feature_group_count=groups)
  joined = max(
    n for n in range(1, groups + 1) if (not groups % n and n * w.shape[2] <= JOINED) or n == 1
  )
  parts = groups // joined
  split = zip(jnp.split(x, parts, -1), jnp.split(w, parts, -1), strict=True)
  return jnp.concatenate([convolve(x, _diagonal(w, joined)) for x, w in split], -1)


def _diagonal(w: Array, groups: int) -> Array:
  """Return the kernel of one convolution that is zero between groups: `[kh, kw, groups C, O]`."""
  *size, c, o = w.shape
  blocks = w.reshape(*size, 1, c, groups, o // groups)
  between = jnp.eye(groups, dtype=w.dtype)[None, None, :, None, :, None]
  return (blocks * between).reshape(*size, groups * c, o)


def convolve_transposed(
  x: Array,
  w: Array,
  size: tuple[int, int],
  stride: int = 2,
  pads: int | Pads | None = None,
) -> Array:
  """Apply the transpose of `convolve(_, w, stride, pads)` on images of `size`.

  To use weights of `lax.conv_transpose` with SAME and an even output, reverse both axes of the
  kernel and swap its channels.

  Args:
    x: `[B, h, w, C_in]`.
    w: `[kh, kw, C_out, C_in]`, the kernel of the convolution that is transposed.
    size: (H, W) of the output. It must be given, because a convolution maps several sizes to the
      same size.
    stride: the stride of the convolution, >= 1.
    pads: the padding of the convolution; None for its SAME padding.

  Returns:
    `[B, H, W, C_out]`.

  Raises:
    ValueError: the convolution maps `size` to another size than that of x, or shapes or dtypes do
      not fit.
  """
  _check(x, w, w.shape[-1:])
  pads = _full_pads(size, w.shape[:2], stride, pads)
  x_shape = (x.shape[0], *size, w.shape[2])
  back = output_size(x_shape, w.shape, stride, pads)
  if back != x.shape[1:3]:
    raise ValueError(
      f'expected input of size {back}, which is what {size} convolves to (kernel {w.shape[:2]}, '
      f'stride {stride}, pads {pads}), got {x.shape[1:3]}: choose another size or pads'
    )
  return (tconv if fast() else tconv_dilated)(x, w, x_shape, stride, pads)


def convolve_pool(x: Array, w: Array) -> Array:
  """Convolve with SAME padding, then take the mean of each 2x2 block.

  On CPU a 3x3 kernel becomes one 4x4 convolution of stride 2, with 16 products instead of 36. A 1x1
  kernel is applied after the mean.

  Args:
    x: images `[B, H, W, C_in]`, H and W even.
    w: a kernel `[3, 3, C_in, C_out]` or `[1, 1, C_in, C_out]`.

  Returns:
    `[B, H/2, W/2, C_out]`.

  Raises:
    ValueError: an odd height or width, or a kernel of another size.
  """
  _check_kernel(w)
  if x.shape[1] % 2 or x.shape[2] % 2:
    raise ValueError(f'expected images of even height and width, got {x.shape}: crop or pad them')
  if w.shape[0] == 1:
    return convolve(pool(x), w)
  return convolve(x, _spread(w) / 4, 2, 1) if fast() else pool(convolve(x, w))


def upsample_convolve(x: Array, w: Array) -> Array:
  """Upsample by nearest neighbor to twice the size, then convolve with SAME padding.

  On CPU a 3x3 kernel becomes one 4x4 transposed convolution of stride 2. A 1x1 kernel is applied
  before the upsampling.

  Args:
    x: images `[B, h, w, C_in]`.
    w: a kernel `[3, 3, C_in, C_out]` or `[1, 1, C_in, C_out]`.

  Returns:
    `[B, 2h, 2w, C_out]`.

  Raises:
    ValueError: a kernel of another size.
  """
  _check_kernel(w)
  if w.shape[0] == 1:
    return upsample(convolve(x, w))
  if not fast():
    return convolve(upsample(x), w)
  w = _spread(jnp.flip(w, (0, 1))).swapaxes(2, 3)
  return convolve_transposed(x, w, (2 * x.shape[1], 2 * x.shape[2]), 2, 1)


def upsample_fir_convolve(x: Array, w: Array, taps: Sequence[float] = LINEAR) -> Array:
  """Upsample with a convolution and a filter: `[B, h, w, C]` to `[B, 2h, 2w, C_out]`.

  It puts zeros between the pixels, convolves with a 3x3 kernel (both in one transposed convolution
  of stride 2), and then filters. The authors' code has this order. Except at the border the result
  equals `upsample_fir` followed by the convolution.

  Reference: Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2020 (StyleGAN2).
  """
  size = 2 * x.shape[1] + 1, 2 * x.shape[2] + 1
  y = convolve_transposed(x, jnp.flip(w, (0, 1)).swapaxes(2, 3), size, 2, 0)
  return 4 * filtered(y, taps, _around(taps, -1))


def fir_convolve_downsample(x: Array, w: Array, taps: Sequence[float] = LINEAR) -> Array:
  """Filter, then convolve 3x3 with stride 2: `[B, H, W, C]` to `[B, H/2, W/2, C_out]`.

  Reference: Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2020 (StyleGAN2).
  """
  return convolve(filtered(x, taps, _around(taps, 1)), w, 2, 0)


def _around(taps: Sequence[float], more: int) -> tuple[int, int]:
  """Return the padding with which a filter makes an axis longer by `more`."""
  total = len(taps) - 1 + more
  return (total + 1) // 2, total // 2


def _spread(w: Array) -> Array:
  """Return the kernel with each tap copied to 2x2 neighbors: `[k + 1, k + 1, ...]`."""
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
