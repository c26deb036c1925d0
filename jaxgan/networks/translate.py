"""Networks from image to image: CycleGAN's residual generator, pix2pix's U-Net, critics of patches.

Sizes may be any that the network's halvings allow, and height and width may differ.
"""

from functools import partial
from typing import Literal

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.convolution import convolve
from jaxgan.layers import BatchNorm, Conv, ConvTranspose, instance_norm, leaky_relu
from jaxgan.networks.dcgan import near_one
from jaxgan.typing import Array

Norm = Literal['batch', 'instance']


def mirrored(x: Array, w: Array) -> Array:
  """A convolution that keeps the size, the image continued by its reflection."""
  pad = w.shape[0] // 2
  x = jnp.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode='reflect')
  return convolve(x, w, 1, 0)


def padded(stride: int):
  """A convolution with one pixel of zeros around the image."""
  return lambda x, w: convolve(x, w, stride, 1)


class ResidualBlock(nn.Module):
  """x + norm(conv(ReLU(norm(conv(x))))), with reflection; nothing after the sum."""

  bias: bool = False

  @nn.compact
  def __call__(self, x: Array) -> Array:
    conv = partial(Conv, x.shape[-1], use_bias=self.bias, form=mirrored)
    y = nn.relu(instance_norm(conv()(x)))
    return x + instance_norm(conv()(y))


class ResNetGenerator(nn.Module):
  """Images `[B, H, W, C]` -> `[B, H, W, channels]` in [-1, 1]; H and W multiples of 4 from 8 on.

  A convolution of 7x7, two of stride 2, residual blocks, two transposed ones, one of 7x7, tanh;
  instance norm without parameters. `bias` gives the convolutions before a norm one too, as the
  authors have it: the norm takes it out again.

  References: Johnson et al., Perceptual Losses for Style Transfer, 2016; Zhu et al., 2017.
  """

  channels: int
  width: int = 64
  blocks: int = 9
  bias: bool = False

  @nn.compact
  def __call__(self, x: Array, *, train: bool = False) -> Array:
    conv = partial(Conv, use_bias=self.bias)
    x = nn.relu(instance_norm(conv(self.width, 7, form=mirrored)(x)))
    for width in (2 * self.width, 4 * self.width):
      x = nn.relu(instance_norm(conv(width, form=padded(2))(x)))
    for _ in range(self.blocks):
      x = ResidualBlock(self.bias)(x)
    for width in (2 * self.width, self.width):
      size = 2 * x.shape[1], 2 * x.shape[2]
      x = ConvTranspose(width, size, 3, pads=1, use_bias=self.bias)(x)
      x = nn.relu(instance_norm(x))
    return jnp.tanh(Conv(self.channels, 7, form=mirrored)(x))


def field(layers: int) -> int:
  """The pixels on a side that one logit of a `PatchCritic` sees: 16, 34, 70, 142 ..."""
  return 9 * 2**layers - 2


def most_layers(size: int) -> int:
  """How many layers, up to 3, a critic of patches may have so that an image holds a whole one.

  Raises:
    ValueError: images of fewer than 16 pixels.
  """
  fitting = [layers for layers in (3, 2, 1) if field(layers) <= size]
  if not fitting:
    raise ValueError(f'a critic of patches needs images of 16 pixels or more, these are {size}')
  return fitting[0]


class PatchCritic(nn.Module):
  """Images `[B, H, W, C]` -> logits `[B, h, w]`, one for each patch of `field(layers)` pixels.

  `layers` convolutions of stride 2, then two of stride 1, all of 4x4; a norm after all but the
  first and the last. Several inputs are taken as channels of one. `bias` as in `ResNetGenerator`.

  References: Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2017.
  """

  layers: int = 3
  width: int = 64
  norm: Norm = 'instance'
  bias: bool = False

  @nn.compact
  def __call__(self, *images: Array, train: bool) -> Array:
    x = leaky_relu(Conv(self.width, 4, form=padded(2))(jnp.concatenate(images, -1)))
    for i in range(1, self.layers + 1):
      stride = 2 if i < self.layers else 1
      x = Conv(self.width * min(2**i, 8), 4, use_bias=self.bias, form=padded(stride))(x)
      x = leaky_relu(_normed(x, self.norm, train))
    return Conv(1, 4, form=padded(1))(x)[..., 0]


def halvings(size: int) -> int:
  """How often a size halves, rounded up, until it is 1; 8 at most.

  Raises:
    ValueError: a size below 8.
  """
  if size < 8:
    raise ValueError(f'a U-Net needs images of 8 pixels or more, these are {size}')
  return min((size - 1).bit_length(), 8)


class UNet(nn.Module):
  """Images `[B, H, W, C]` -> `[B, H, W, channels]` in [-1, 1], each scale passed across.

  `downs` convolutions of 4x4 and stride 2 and as many transposed ones, a norm after all but the
  first, the innermost and the last, and none but the last with a bias. Noise is dropout after the
  ups inside, of the widest maps (three of eight), and is drawn whenever a key is given.

  References: Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2017.
  """

  channels: int
  downs: int = 8
  width: int = 64
  norm: Norm = 'batch'

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    last = self.downs - 1
    maps = [x]
    for i in range(self.downs):
      x = leaky_relu(maps[-1]) if i else x
      x = Conv(self.width * min(2**i, 8), 4, 2, use_bias=False)(x)
      maps.append(_normed(x, self.norm, train) if 0 < i < last else x)
    x = maps.pop()
    for i in range(last, 0, -1):
      across = maps.pop()
      size = across.shape[1], across.shape[2]
      x = ConvTranspose(across.shape[-1], size, use_bias=False)(nn.relu(x))
      x = _normed(x, self.norm, train)
      if last - max(self.downs - 5, 1) <= i < last:
        x = nn.Dropout(0.5, deterministic=not self.has_rng('dropout'))(x)
      x = jnp.concatenate([across, x], -1)
    size = maps[0].shape[1], maps[0].shape[2]
    return jnp.tanh(ConvTranspose(self.channels, size)(nn.relu(x)))


def _normed(x: Array, norm: Norm, train: bool) -> Array:
  return instance_norm(x) if norm == 'instance' else BatchNorm(start=near_one)(x, train=train)
