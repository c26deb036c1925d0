"""ESRGAN's generator: residual blocks that are made of dense blocks."""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.core.typing import Array
from jaxgan.networks.srgan import he
from jaxgan.nn.convolutions import Conv
from jaxgan.nn.elementwise import leaky_relu
from jaxgan.nn.initializers import Initializer
from jaxgan.ops.convolution import upsample_convolve
from jaxgan.ops.resample import unshuffle

tenth: Initializer = nn.initializers.variance_scaling(0.02, 'fan_in', 'truncated_normal')
"""He's initializer, with values a tenth as large."""


class DenseBlock(nn.Module):
  """Dense block: x + 0.2 y, where y is the last of five convolutions.

  The input of each convolution is x joined with the outputs of all convolutions before it.
  """

  growth: int = 32

  @nn.compact
  def __call__(self, x: Array) -> Array:
    seen = x
    for _ in range(4):
      more = leaky_relu(Conv(self.growth, start=tenth)(seen))
      seen = jnp.concatenate([seen, more], -1)
    return x + 0.2 * Conv(x.shape[-1], start=tenth)(seen)


class RRDBNet(nn.Module):
  """Upscaler: images `[B, H, W, C]` -> images `[B, 2^doublings H, 2^doublings W, channels]`.

  Each of the residual `blocks` has three dense blocks; one shortcut leads over all of them. For
  each doubling there is a nearest neighbor upsampling with a convolution. There is no norm, and
  the output has no bounds. With `unit` the layers see and make images in [0, 1], as the authors'
  do, whose weights then fit; else images in [-1, 1]. `unshuffle` x `unshuffle` pixels of the input
  become channels of one pixel first, so that the output is so many times smaller.

  Reference: Wang et al., ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks, 2018.
  """

  channels: int
  width: int = 64
  blocks: int = 23
  growth: int = 32
  doublings: int = 2
  unit: bool = False
  unshuffle: int = 1

  @nn.compact
  def __call__(self, x: Array, *, train: bool = False) -> Array:
    conv = partial(Conv, self.width, start=he)
    x = (x + 1) / 2 if self.unit else x
    first = x = conv()(unshuffle(x, self.unshuffle) if self.unshuffle > 1 else x)
    for _ in range(self.blocks):
      y = x
      for _ in range(3):
        y = DenseBlock(self.growth)(y)
      x = x + 0.2 * y
    x = first + conv()(x)
    for _ in range(self.doublings):
      x = leaky_relu(conv(form=upsample_convolve)(x))
    x = Conv(self.channels, start=he)(leaky_relu(conv()(x)))
    return 2 * x - 1 if self.unit else x
