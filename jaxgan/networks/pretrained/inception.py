"""The Inception-v3 of the FID, released on 2015-12-05, which differs from that of newer libraries.

It has its own weights and 1008 classes. It resizes images as TensorFlow 1 did, its average pooling
does not count padding, and the pooling branch of its last block takes the maximum.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import unflatten_dict
from jax import lax

from jaxgan.core.typing import Array, Tree
from jaxgan.nn.parameters import parameter

SIZE, FEATURES, CLASSES = 299, 2048, 1008
Unit = tuple[str, int, int | tuple[int, int], int]  # name, width, kernel, stride
Part = str | Unit | tuple[Unit, Unit]
Branches = Sequence[Sequence[Part]]


def resize(x: Array, size: int = SIZE) -> Array:
  """Resize bilinearly as TensorFlow 1 did: output i is read at i n / size, without smoothing.

  Args:
    x: `[B, H, W, C]`; n is H or W. There is no shift by half a pixel.
    size: side of the output in pixels.

  Returns:
    `[B, size, size, C]`; pixels beyond the last row and column repeat it.
  """

  def between(x: Array, axis: int) -> Array:
    n = x.shape[axis]
    at = jnp.arange(size, dtype=jnp.float32) * jnp.float32(n / size)
    low = jnp.floor(at).astype(jnp.int32)
    shape = [size if i == axis else 1 for i in range(x.ndim)]
    a, b = (jnp.take(x, i, axis) for i in (low, jnp.minimum(low + 1, n - 1)))
    return a + (b - a) * (at - low).reshape(shape)

  return between(between(x, 2), 1)


def pool(x: Array, kind: str, stride: int = 1) -> Array:
  """Pool windows of 3x3 pixels by 'max' or 'average', padded at stride 1.

  Padding does not count in an average.
  """
  pad = 1 - stride // 2
  pads = ((0, 0), (pad, pad), (pad, pad), (0, 0))
  window = partial(
    lax.reduce_window, window_dimensions=(1, 3, 3, 1), window_strides=(1, stride, stride, 1)
  )
  if kind == 'max':
    return window(x, -jnp.inf, lax.max, padding=pads)
  count = window(jnp.ones((1, *x.shape[1:3], 1), x.dtype), 0.0, lax.add, padding=pads)
  return window(x, 0.0, lax.add, padding=pads) / count


class Convolution(nn.Module):
  """Convolution, then batch norm (folded to a scale and a shift), then ReLU.

  With `padded`, the size stays the same at stride 1.
  """

  width: int
  kernel: tuple[int, int]
  stride: int = 1
  padded: bool = True

  @nn.compact
  def __call__(self, x: Array) -> Array:
    shape = (*self.kernel, x.shape[-1], self.width)
    w = parameter(self, 'kernel', nn.initializers.he_normal(), shape)
    pads = [(k // 2, k // 2) if self.padded else (0, 0) for k in self.kernel]
    strides, layout = (self.stride, self.stride), ('NHWC', 'HWIO', 'NHWC')
    y = lax.conv_general_dilated(
      x, w, strides, pads, dimension_numbers=layout, precision=lax.Precision.HIGHEST
    )
    scale = parameter(self, 'scale', nn.initializers.ones, (self.width,))
    shift = parameter(self, 'shift', nn.initializers.zeros, (self.width,))
    return nn.relu(y * scale[None, None, None] + shift[None, None, None])


class Mixed(nn.Module):
  """Branches whose outputs are joined as channels.

  Each branch is a sequence of units, pools ('max', 'average', 'max/2') and pairs of units.
  """

  branches: Branches

  @nn.compact
  def __call__(self, x: Array) -> Array:
    return jnp.concatenate([self.row(x, branch) for branch in self.branches], -1)

  def row(self, x: Array, branch: Sequence[Part]) -> Array:
    """Apply the parts of a branch one after another."""
    for part in branch:
      x = self.step(x, part)
    return x

  def step(self, x: Array, part: Part) -> Array:
    """Apply a pool, a pair of units (outputs joined as channels) or one unit."""
    if isinstance(part, str):
      kind, _, halved = part.partition('/')
      return pool(x, kind, 2 if halved else 1)
    if len(part) == 2:
      return jnp.concatenate([self.step(x, unit) for unit in part], -1)
    name, width, kernel, stride = part
    full = (kernel, kernel) if isinstance(kernel, int) else kernel
    return Convolution(width, full, stride, stride == 1, name=name)(x)


def _unit(name: str, width: int, kernel: int | tuple[int, int] = 1, stride: int = 1) -> Unit:
  return f'branch{name}', width, kernel, stride


def _row(name: str, *units: tuple[int, ...] | tuple[int, tuple[int, int]]) -> list[Unit]:
  """Return units with names that are numbered from 1."""
  return [_unit(f'{name}_{i}', *unit) for i, unit in enumerate(units, 1)]


def _a(pooled: int) -> Branches:
  return (
    [_unit('1x1', 64)],
    _row('5x5', (48,), (64, 5)),
    _row('3x3dbl', (64,), (96, 3), (96, 3)),
    ['average', _unit('_pool', pooled)],
  )


def _b() -> Branches:
  return [_unit('3x3', 384, 3, 2)], _row('3x3dbl', (64,), (96, 3), (96, 3, 2)), ['max/2']


def _c(n: int) -> Branches:
  flat, tall = (1, 7), (7, 1)
  return (
    [_unit('1x1', 192)],
    _row('7x7', (n,), (n, flat), (192, tall)),
    _row('7x7dbl', (n,), (n, tall), (n, flat), (n, tall), (192, flat)),
    ['average', _unit('_pool', 192)],
  )


def _d() -> Branches:
  return (
    _row('3x3', (192,), (320, 3, 2)),
    _row('7x7x3', (192,), (192, (1, 7)), (192, (7, 1)), (192, 3, 2)),
    ['max/2'],
  )


def _e(kind: str) -> Branches:
  pair = lambda name: (_unit(f'{name}a', 384, (1, 3)), _unit(f'{name}b', 384, (3, 1)))
  return (
    [_unit('1x1', 320)],
    [_unit('3x3_1', 384), pair('3x3_2')],
    [*_row('3x3dbl', (448,), (384, 3)), pair('3x3dbl_3')],
    [kind, _unit('_pool', 192)],
  )


BLOCKS: Mapping[str, tuple[Callable[..., Branches], tuple[int | str, ...]]] = {
  **{f'Mixed_5{name}': (_a, (pooled,)) for name, pooled in zip('bcd', (32, 64, 64), strict=True)},
  'Mixed_6a': (_b, ()),
  **{f'Mixed_6{name}': (_c, (n,)) for name, n in zip('bcde', (128, 160, 160, 192), strict=True)},
  'Mixed_7a': (_d, ()),
  'Mixed_7b': (_e, ('average',)),
  'Mixed_7c': (_e, ('max',)),
}


class Inception(nn.Module):
  """Inception-v3: images `[B, H, W, 3]` -> features `[B, 2048]` and logits `[B, 1008]`.

  The images are uint8 of any size. The logits have no bias.

  References: Szegedy et al., Rethinking the Inception Architecture, 2016; Heusel et al., 2017.
  """

  @nn.compact
  def __call__(self, images: Array) -> tuple[Array, Array]:
    unit = lambda name, *args: Convolution(*args, name=name)
    x = (resize(images.astype(jnp.float32)) - 128) / 128
    x = unit('Conv2d_1a_3x3', 32, (3, 3), 2, False)(x)
    x = unit('Conv2d_2a_3x3', 32, (3, 3), 1, False)(x)
    x = pool(unit('Conv2d_2b_3x3', 64, (3, 3))(x), 'max', 2)
    x = unit('Conv2d_3b_1x1', 80, (1, 1))(x)
    x = pool(unit('Conv2d_4a_3x3', 192, (3, 3), 1, False)(x), 'max', 2)
    for name, (make, given) in BLOCKS.items():
      x = Mixed(make(*given), name=name)(x)
    features = x.mean((1, 2))
    w = parameter(self, 'fc', nn.initializers.lecun_normal(), (FEATURES, CLASSES))
    return features, jnp.dot(features, w, precision=lax.Precision.HIGHEST)


def converted(state: Mapping[str, np.ndarray]) -> Tree:
  """Convert weights with PyTorch's names and layout to parameters of `Inception`.

  Batch norm (eps 0.001) is folded into a scale and a shift, in float64.

  Args:
    state: arrays by name.

  Raises:
    ValueError: an array is missing.
  """
  params: dict[str, np.ndarray] = {}
  try:
    for key, kernel in state.items():
      if key.endswith('.conv.weight'):
        name = key.removesuffix('.conv.weight')
        scale, shift = _folded(state, name)
        params |= {f'{name}.scale': scale, f'{name}.shift': shift}
        params[f'{name}.kernel'] = np.transpose(kernel, (2, 3, 1, 0))
    params['fc'] = np.transpose(state['fc.weight'])
  except KeyError as error:
    raise ValueError(
      f'these are not the weights of the FID Inception: {error} is missing'
    ) from None
  return unflatten_dict(params, sep='.')


def _folded(state: Mapping[str, np.ndarray], name: str) -> tuple[np.ndarray, np.ndarray]:
  parts = ('weight', 'bias', 'running_mean', 'running_var')
  gain, bias, mean, variance = (state[f'{name}.bn.{part}'].astype(np.float64) for part in parts)
  scale = gain / np.sqrt(variance + 1e-3)
  return scale.astype('f4'), (bias - mean * scale).astype('f4')
