"""Convolution with derivatives of every order that XLA:CPU runs fast; elsewhere plain `lax`.

T(x, w, g) = <conv(x, w), g> is linear in each argument. Its partial derivatives are `conv` = dT/dg,
`tconv` = dT/dx (input gradient and transposed convolution at once) and `wgrad` = dT/dw; those of
each of the three are the other two. So the triple is closed under differentiation, and gradient
penalties too never leave the chosen formulations. Left to itself, autodiff arrives at input
dilation and at layouts that XLA:CPU runs in its naive loop, a hundred times slower.

Images are `[B, H, W, C]`, kernels `[kh, kw, C_in, C_out]`; there is one stride for both axes. The
triple has reverse mode only: use `plain()` for `jax.jvp`. Kernels for each example (`vmap` over w,
or `vmap(grad)` with respect to w) come out right but slow: differentiate a sum instead.
Batches may be sharded over mesh axes of type Auto, not Explicit.
"""

import contextlib
import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxgan.core.typing import Array
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
"""Channels up to which groups share a convolution whose kernel is zero between them."""

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

  Products and reductions stay with YNNPACK, whose convolutions do not scale beyond one core. The
  pass that drops optimization barriers before XLA fuses is left out: they keep transposes apart.
  Empty on other back ends and where jaxlib does not know the (experimental) option.
  """
  return dict(_ynn_option()) if jax.default_backend() == 'cpu' else {}


@functools.cache
def _ynn_option() -> dict[str, str]:
  kinds = 'LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_REDUCE'
  option = {
    'xla_cpu_experimental_ynn_fusion_type': kinds,
    'xla_disable_hlo_passes': 'cse_barrier_expander',
  }
  try:
    jax.jit(lambda: 0, compiler_options=option).lower().compile()
  except (jax.errors.JaxRuntimeError, ValueError):
    return {}
  return option


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
  _check_size(output_size(x.shape, w.shape, stride, pads), x.shape, w.shape, pads)
  return (conv if fast() else conv_lax)(x, w, stride, pads)


def convolve_grouped(x: Array, w: Array, groups: int) -> Array:
  """SAME convolution within each group of channels: w is `[kh, kw, C_in / groups, C_out]`.

  On CPU a convolution for every few groups, the kernel zero between these: through a gradient
  penalty some 40 times faster than XLA's own (64 images of 16x16, 8 groups of 16). Raises
  ValueError where channels do not divide evenly, or nothing fits.
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
  """The kernel of one convolution that is zero between groups: `[kh, kw, groups C, O]`."""
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
  back = output_size(x_shape, w.shape, stride, pads)
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


def upsample_fir_convolve(x: Array, w: Array, taps: Sequence[float] = LINEAR) -> Array:
  """Zeros between pixels, 3x3 convolution, then a filter: `[B, h, w, C]` to `[B, 2h, 2w, C_out]`.

  The convolution is that of the small image, a transposed one of stride 2. Karras et al., 2020
  (StyleGAN2), whose authors' code has this order; inside the border it is `upsample_fir` first.
  """
  size = 2 * x.shape[1] + 1, 2 * x.shape[2] + 1
  y = convolve_transposed(x, jnp.flip(w, (0, 1)).swapaxes(2, 3), size, 2, 0)
  return 4 * filtered(y, taps, _around(taps, -1))


def fir_convolve_downsample(x: Array, w: Array, taps: Sequence[float] = LINEAR) -> Array:
  """A filter, then 3x3 convolution of stride 2: `[B, H, W, C]` to `[B, H/2, W/2, C_out]`.

  Karras et al., 2020 (StyleGAN2).
  """
  return convolve(filtered(x, taps, _around(taps, 1)), w, 2, 0)


def _around(taps: Sequence[float], more: int) -> tuple[int, int]:
  """Padding after which a filter leaves an axis longer by `more`."""
  total = len(taps) - 1 + more
  return (total + 1) // 2, total // 2


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
