"""The generator of SPADE: normalization whose gain and bias are images made of a label map.

Reference: Park et al., Semantic Image Synthesis with Spatially-Adaptive Normalization, 2019.
"""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.core.typing import Array
from jaxgan.nn.convolutions import Conv
from jaxgan.nn.elementwise import leaky_relu
from jaxgan.nn.normalization import Standardize
from jaxgan.ops.resample import upsample


def doublings(size: int) -> int:
  """Return how often the generator doubles its first map, of 8 to 15 pixels, at most 5 times.

  Args:
    size: side of the image in pixels.

  Raises:
    ValueError: the size is odd or below 16.

  Example:
    >>> doublings(64), doublings(256)
    (3, 5)
  """
  count = 0
  while count < 5 and size % 2 == 0 and size >= 16:
    size, count = size // 2, count + 1
  if not count:
    raise ValueError(f'spade needs images of an even size from 16 pixels on, these are {size}')
  return count


def at_size(maps: Array, size: int) -> Array:
  """Return every so many-th pixel of maps `[B, H, W, K]`, so that their height is `size`."""
  step = maps.shape[1] // size
  return maps[:, ::step, ::step]


class SpatialNorm(nn.Module):
  """SPADE: batch norm whose gain 1 + g and bias b at each pixel come from the label map.

  With h = relu(conv(map)), g and b are convolutions of h. The batch norm has no parameters.

  Args:
    hidden: channels of h.
  """

  hidden: int

  @nn.compact
  def __call__(self, x: Array, maps: Array, *, train: bool) -> Array:
    scale, shift = (a.astype(x.dtype) for a in Standardize(name='statistics')(x, train))
    h = nn.relu(Conv(self.hidden, name='shared')(at_size(maps, x.shape[1])))
    gain, bias = jnp.split(Conv(2 * x.shape[-1], name='modulation')(h), 2, -1)
    return (x * scale[None, None, None] + shift[None, None, None]) * (1 + gain) + bias


class Block(nn.Module):
  """Residual block: twice SPADE, leaky ReLU and a convolution with spectral norm.

  Its inner map has as many channels as the narrower of input and output. Where the channels change,
  the shortcut is SPADE and a 1x1 convolution.
  """

  width: int
  hidden: int

  @nn.compact
  def __call__(self, x: Array, maps: Array, *, train: bool) -> Array:
    norm = lambda x: SpatialNorm(self.hidden)(x, maps, train=train)
    conv = partial(Conv, spectral=True)
    inner = min(x.shape[-1], self.width)
    y = conv(inner, use_bias=False)(leaky_relu(norm(x)))  # the norm would subtract a bias
    y = conv(self.width)(leaky_relu(norm(y)))
    if x.shape[-1] != self.width:
      x = conv(self.width, kernel=1, use_bias=False)(norm(x))
    return x + y


class Generator(nn.Module):
  """SPADE's generator: label maps `[B, H, W, K]` -> images `[B, H, W, channels]` in [-1, 1].

  A convolution of the map with H / 2^doublings pixels on a side begins. Then follow `doublings` + 2
  blocks, and the size doubles before each of them except the first and the third.

  Attributes:
    channels: channels of the image.
    doublings: how often the size doubles.
    width: channels of the last block; they double with each block before it, up to 16 width.
    hidden: channels inside of each SPADE.
  """

  channels: int
  doublings: int = 5
  width: int = 64
  hidden: int = 128

  @nn.compact
  def __call__(self, maps: Array, *, train: bool) -> Array:
    widths = [self.width * 2 ** min(self.doublings + 1 - i, 4) for i in range(self.doublings + 2)]
    x = Conv(widths[0])(at_size(maps, maps.shape[1] >> self.doublings))
    for i, width in enumerate(widths):
      x = upsample(x) if i not in (0, 2) else x
      x = Block(width, self.hidden)(x, maps, train=train)
    return jnp.tanh(Conv(self.channels)(leaky_relu(x)))
