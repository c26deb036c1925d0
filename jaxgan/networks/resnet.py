"""Residual networks of SN-GAN and WGAN-GP; resampling is fused into their convolutions."""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.core.typing import Array
from jaxgan.nn.convolutions import Conv
from jaxgan.nn.dense import Dense, Embed
from jaxgan.nn.initializers import Initializer, glorot
from jaxgan.nn.normalization import BatchNorm, ConditionalBatchNorm
from jaxgan.ops.convolution import convolve, convolve_pool, upsample_convolve
from jaxgan.ops.resample import upsample_fir

residual, straight = glorot(2**0.5), glorot(1.0)


def stem(size: int) -> tuple[int, int]:
  """Return the size of the first feature map and how often it doubles to reach `size`.

  Args:
    size: side of the image in pixels.

  Raises:
    ValueError: the size is not 4, 5, 6 or 7 times a power of two, or is below 8.

  Example:
    >>> stem(28), stem(64)
    ((7, 2), (4, 4))
  """
  doublings = 0
  while size % 2 == 0 and size > 7:
    size, doublings = size // 2, doublings + 1
  if not (4 <= size <= 7 and doublings):
    raise ValueError(
      'these networks need images of 4, 5, 6 or 7 times a power of two, such as 16, 28, 32, 64; '
      f'these are {size * 2**doublings} pixels: give another --image-size'
    )
  return size, doublings


def sizes(size: int) -> tuple[int, ...]:
  """Return the sizes of the maps of an image, from the stem's on; raises ValueError as `stem`."""
  small, doublings = stem(size)
  return tuple(small * 2**i for i in range(doublings + 1))


def upsample_bilinear_convolve(x: Array, w: Array) -> Array:
  """Upsample linearly to twice the size, then convolve: `[B, h, w, C]` -> `[B, 2h, 2w, C_out]`."""
  edge = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode='edge')
  return convolve(upsample_fir(edge)[:, 2:-2, 2:-2], w)


class UpBlock(nn.Module):
  """Residual block that doubles the size.

  The branch is norm, ReLU, upsample, conv, norm, ReLU, conv. The shortcut is a 1x1 convolution of
  the upsampled input.
  """

  width: int
  classes: int = 0
  bias: bool = False
  mimicry: bool = False

  @nn.compact
  def __call__(self, x: Array, *labels: Array, train: bool) -> Array:
    eps = 1e-5 if self.mimicry else 2e-5
    larger = upsample_bilinear_convolve if self.mimicry else upsample_convolve

    def active(x: Array) -> Array:
      norm = ConditionalBatchNorm(self.classes, eps=eps) if labels else BatchNorm(eps=eps)
      return nn.relu(norm(x, *labels, train=train))

    conv = partial(Conv, self.width, use_bias=self.bias)
    y = conv(form=larger, start=residual)(active(x))
    y = conv(start=residual)(active(y))
    return y + conv(kernel=1, form=larger, start=straight)(x)


class DownBlock(nn.Module):
  """Residual block of the critic; with `down` it halves the size.

  The branch is ReLU, conv 3x3, ReLU, conv 3x3 and, with `down`, a 2x2 mean. The shortcut is a 1x1
  convolution of the (pooled) input, or the input itself where neither size nor channels change.

  Attributes:
    width: channels of the output.
    down: halve the size.
    entry: omit the first ReLU, for the block whose input is the image.
    mimicry: the shortcut too has the input after the first ReLU.
    spectral: use spectral norm.
    starts: initializers of the branch's convolutions and of the shortcut's.
  """

  width: int
  down: bool = True
  entry: bool = False
  spectral: bool = True
  starts: tuple[Initializer, Initializer] = (residual, straight)
  mimicry: bool = False

  @nn.compact
  def __call__(self, x: Array) -> Array:
    conv = partial(Conv, self.width, spectral=self.spectral)
    form = convolve_pool if self.down else None
    branch, straight = self.starts
    active = x if self.entry else nn.relu(x)
    x = active if self.mimicry else x
    y = conv(start=branch)(active)
    y = conv(start=branch, form=form)(nn.relu(y))
    if self.down or x.shape[-1] != self.width:
      x = conv(kernel=1, start=straight, form=form)(x)
    return y + x


class Generator(nn.Module):
  """Generator: latents `[B, Z]` (and labels `[B]`) -> images `[B, S, S, channels]` in [-1, 1].

  Labels condition the batch norms.

  Attributes:
    size: side of the image in pixels.
    channels: channels of the image.
    width: channels of all blocks.
    classes: number of classes.
    bias: give every convolution of the blocks a bias, as the authors do. It has no effect on the
      images, since the next batch norm subtracts it; its gradient is zero up to rounding.
    mimicry: use bilinear upsampling and add 1e-5 to variances, as the library torch-mimicry does,
      in place of nearest neighbors and 2e-5.

  Reference: Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018.
  """

  size: int
  channels: int
  width: int = 256
  classes: int = 0
  bias: bool = False
  mimicry: bool = False

  @nn.compact
  def __call__(self, z: Array, *labels: Array, train: bool) -> Array:
    small, doublings = stem(self.size)
    x = Dense(small * small * self.width, start=straight)(z)
    x = x.reshape(-1, small, small, self.width)
    for _ in range(doublings):
      x = UpBlock(self.width, self.classes, self.bias, self.mimicry)(x, *labels, train=train)
    x = nn.relu(BatchNorm(eps=1e-5 if self.mimicry else 2e-5)(x, train=train))
    return jnp.tanh(Conv(self.channels, start=straight)(x))


class Critic(nn.Module):
  """Critic: images `[B, S, S, C]` (and labels `[B]`, by projection) -> logits `[B]`.

  Blocks halve the size until it is at most 8 pixels. Two blocks that keep the size, a ReLU, the sum
  over the pixels and a dense layer follow. With labels, the logit also has the inner product of the
  sum with the label's embedding. With `mimicry`, the shortcuts of all blocks but the first have
  their input after the ReLU, as in the library torch-mimicry, whose ReLU works in place. Without
  `classes` labels have no effect.

  Reference: Miyato and Koyama, cGANs with Projection Discriminator, 2018.
  """

  width: int = 128
  classes: int = 0
  spectral: bool = True
  mimicry: bool = False

  @nn.compact
  def __call__(self, x: Array, *labels: Array, train: bool) -> Array:
    stem(x.shape[1])  # accept the same sizes as the generator
    block = partial(DownBlock, self.width, spectral=self.spectral, mimicry=self.mimicry)
    x = block(entry=True)(x)
    while x.shape[1] > 8:
      x = block()(x)
    for _ in range(2):
      x = block(down=False)(x)
    h = nn.relu(x).sum((1, 2))
    self.sow('intermediates', 'features', h)
    logits = Dense(1, spectral=self.spectral, start=straight)(h)[:, 0]
    embed = partial(Embed, self.classes, self.width, self.spectral, straight)
    return logits + sum((embed()(y) * h).sum(-1) for y in labels if self.classes)
