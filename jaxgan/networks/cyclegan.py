"""CycleGAN's generator, which is made of residual blocks."""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.core.typing import Array
from jaxgan.networks.patch_discriminator import padded
from jaxgan.nn.convolutions import Conv, ConvTranspose
from jaxgan.nn.normalization import instance_norm
from jaxgan.ops.convolution import convolve


def mirrored(x: Array, w: Array) -> Array:
  """Convolve at the same size, with the image padded by its reflection."""
  pad = w.shape[0] // 2
  x = jnp.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode='reflect')
  return convolve(x, w, 1, 0)


class ResidualBlock(nn.Module):
  """Residual block: x + norm(conv(ReLU(norm(conv(x))))), padded by reflection."""

  bias: bool = False

  @nn.compact
  def __call__(self, x: Array) -> Array:
    conv = partial(Conv, x.shape[-1], use_bias=self.bias, form=mirrored)
    y = nn.relu(instance_norm(conv()(x)))
    return x + instance_norm(conv()(y))


class ResNetGenerator(nn.Module):
  """Translator: images `[B, H, W, C]` -> images `[B, H, W, channels]` in [-1, 1].

  The layers are a 7x7 convolution, two convolutions of stride 2, the residual blocks, two
  transposed convolutions, a 7x7 convolution and tanh. Instance norm has no parameters. H and W are
  multiples of 4, at least 8. Its features are several: the image, the outputs of the convolutions
  of stride 2, and those of the first and the middle block.

  Attributes:
    channels: channels of the output.
    width: channels after the first convolution.
    blocks: number of residual blocks.
    bias: give a bias to the convolutions before a norm too, as the authors do. It has no effect on
      the output, since the norm subtracts it.

  References: Johnson et al., Perceptual Losses for Style Transfer, 2016; Zhu et al., 2017.
  """

  channels: int
  width: int = 64
  blocks: int = 9
  bias: bool = False

  @nn.compact
  def __call__(self, x: Array, *, train: bool = False) -> Array:
    conv, seen = partial(Conv, use_bias=self.bias), [x]
    x = nn.relu(instance_norm(conv(self.width, 7, form=mirrored)(x)))
    for width in (2 * self.width, 4 * self.width):
      seen.append(conv(width, form=padded(2))(x))
      x = nn.relu(instance_norm(seen[-1]))
    for i in range(self.blocks):
      x = ResidualBlock(self.bias)(x)
      seen += [x] if i in (0, self.blocks // 2) else []
    self.sow('intermediates', 'features', tuple(seen))
    for width in (2 * self.width, self.width):
      size = 2 * x.shape[1], 2 * x.shape[2]
      x = ConvTranspose(width, size, 3, pads=1, use_bias=self.bias)(x)
      x = nn.relu(instance_norm(x))
    return jnp.tanh(Conv(self.channels, 7, form=mirrored)(x))
