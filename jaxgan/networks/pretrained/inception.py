"""The Inception-v3 of the FID, of 2015-12-05: not the one of today's libraries.

It has weights and 1008 classes of its own, resizes by itself as TensorFlow 1 did, leaves padding
out of its averages, and takes the maximum in the last block's pooling branch.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.core.typing import Array, Tree

SIZE, FEATURES, CLASSES = 299, 2048, 1008
Unit = tuple[str, int, int | tuple[int, int], int]  # name, width, kernel, stride
Branches = Sequence[Sequence[Any]]


def resize(x: Array, size: int = SIZE) -> Array:
  """Bilinear as TensorFlow 1 had it: output i is at i n / size, no half pixel, no smoothing.

  x `[B, H, W, C]` -> `[B, size, size, C]`; the last row and column repeat.
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
  """3x3 windows: 'max' or 'average', padded at stride 1; padding does not count in an average."""
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
  """Convolution, batch norm folded to a scale and a shift, ReLU; SAME at stride 1 if `padded`."""

  width: int
  kernel: tuple[int, int]
  stride: int = 1
  padded: bool = True

  @nn.compact
  def __call__(self, x: Array) -> Array:
    shape = (*self.kernel, x.shape[-1], self.width)
    w = self.param('kernel', nn.initializers.he_normal(), shape)
    pads = [(k // 2, k // 2) if self.padded else (0, 0) for k in self.kernel]
    strides, layout = (self.stride, self.stride), ('NHWC', 'HWIO', 'NHWC')
    y = lax.conv_general_dilated(
      x, w, strides, pads, dimension_numbers=layout, precision=lax.Precision.HIGHEST
    )
    scale = self.param('scale', nn.initializers.ones, (self.width,))
    shift = self.param('shift', nn.initializers.zeros, (self.width,))
    return nn.relu(y * scale[None, None, None] + shift[None, None, None])


class Mixed(nn.Module):
  """Branches side by side, each a row of units, pools ('max', 'average') or pairs of units."""

  branches: Branches

  @nn.compact
  def __call__(self, x: Array) -> Array:
    return jnp.concatenate([self.row(x, branch) for branch in self.branches], -1)

  def row(self, x: Array, branch: Sequence[Any]) -> Array:
    """One after another."""
    for part in branch:
      x = self.step(x, part)
    return x

  def step(self, x: Array, part: Any) -> Array:
    """A pool, two units side by side, or one."""
    if isinstance(part, str):
      kind, _, halved = part.partition('/')
      return pool(x, kind, 2 if halved else 1)
    if isinstance(part[0], tuple):
      return jnp.concatenate([self.step(x, unit) for unit in part], -1)
    name, width, kernel, stride = part
    full = (kernel, kernel) if isinstance(kernel, int) else kernel
    return Convolution(width, full, stride, stride == 1, name=name)(x)


def _unit(name: str, width: int, kernel: int | tuple[int, int] = 1, stride: int = 1) -> Unit:
  return f'branch{name}', width, kernel, stride


def _row(name: str, *units: tuple) -> list[Unit]:
  """Units that are numbered from 1."""
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


BLOCKS: Mapping[str, tuple[Callable[..., Branches], tuple]] = {
  **{f'Mixed_5{name}': (_a, (pooled,)) for name, pooled in zip('bcd', (32, 64, 64), strict=True)},
  'Mixed_6a': (_b, ()),
  **{f'Mixed_6{name}': (_c, (n,)) for name, n in zip('bcde', (128, 160, 160, 192), strict=True)},
  'Mixed_7a': (_d, ()),
  'Mixed_7b': (_e, ('average',)),
  'Mixed_7c': (_e, ('max',)),
}


class Inception(nn.Module):
  """uint8 `[B, H, W, 3]` of any size -> features `[B, 2048]` and logits without bias `[B, 1008]`.

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
    w = self.param('fc', nn.initializers.lecun_normal(), (FEATURES, CLASSES))
    return features, jnp.dot(features, w, precision=lax.Precision.HIGHEST)


def converted(state: Mapping[str, np.ndarray]) -> Tree:
  """Parameters from PyTorch's names and layout; batch norm (eps 0.001) folded in float64.

  Raises:
    ValueError: arrays that are missing or of another shape.
  """
  params: dict[str, Any] = {}
  try:
    for key, kernel in state.items():
      if key.endswith('.conv.weight'):
        name = key.removesuffix('.conv.weight')
        place = params
        for part in name.split('.'):
          place = place.setdefault(part, {})
        place.update(_folded(state, name), kernel=np.transpose(kernel, (2, 3, 1, 0)))
    params['fc'] = np.transpose(state['fc.weight'])
  except KeyError as error:
    raise ValueError(
      f'these are not the weights of the FID Inception: {error} is missing'
    ) from None
  return params


def _folded(state: Mapping[str, np.ndarray], name: str) -> dict[str, Any]:
  parts = ('weight', 'bias', 'running_mean', 'running_var')
  gain, bias, mean, variance = (state[f'{name}.bn.{part}'].astype(np.float64) for part in parts)
  scale = gain / np.sqrt(variance + 1e-3)
  return {'scale': scale.astype('f4'), 'shift': (bias - mean * scale).astype('f4')}
