"""SRGAN's networks: the generator SRResNet and the critic."""

from collections.abc import Sequence
from functools import partial

import flax.linen as nn
import jax

from jaxgan.core.typing import Array
from jaxgan.nn.convolutions import Conv
from jaxgan.nn.dense import Dense
from jaxgan.nn.elementwise import leaky_relu
from jaxgan.nn.normalization import BatchNorm
from jaxgan.ops.resample import shuffle

he = nn.initializers.he_normal()
prelu = partial(nn.PReLU, negative_slope_init=0.25)


class SRResNet(nn.Module):
  """Upscaler: images `[B, H, W, C]` -> images `[B, 2^doublings H, 2^doublings W, channels]`.

  The layers are a 9x9 convolution, residual blocks with batch norm and one shortcut over all of
  them, a convolution and a pixel shuffle for each doubling, and a 9x9 convolution. The output has
  no bounds. With `unit` the layers see and make images in [0, 1]; else in [-1, 1].

  Reference: Ledig et al., Photo-Realistic Single Image Super-Resolution, 2017.
  """

  channels: int
  width: int = 64
  blocks: int = 16
  doublings: int = 2
  unit: bool = False

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    conv = partial(Conv, start=he)
    x = (x + 1) / 2 if self.unit else x
    inner = lambda x: BatchNorm()(conv(self.width, use_bias=False)(x), train=train)
    first = x = prelu()(conv(self.width, 9)(x))
    for _ in range(self.blocks):
      x = x + inner(prelu()(inner(x)))
    x = first + inner(x)
    for _ in range(self.doublings):
      x = prelu()(shuffle(conv(4 * self.width)(x)))
    x = conv(self.channels, 9)(x)
    return 2 * x - 1 if self.unit else x


class PlainResNet(nn.Module):
  """Upscaler without norm: images `[B, H, W, C]` -> `[B, 2^doublings H, 2^doublings W, channels]`.

  It is SRResNet with 3x3 kernels, without batch norm, with leaky ReLUs of slope 0.1, and with one
  more convolution; its output is added to the bilinearly enlarged input. `unit` as in `SRResNet`.

  Reference: MSRResNet of the library BasicSR (Wang et al., 2022).
  """

  channels: int
  width: int = 64
  blocks: int = 16
  doublings: int = 2
  unit: bool = False

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    conv, active = partial(Conv, start=he), partial(nn.leaky_relu, negative_slope=0.1)
    small = (x + 1) / 2 if self.unit else x
    x = active(conv(self.width)(small))
    for _ in range(self.blocks):
      x = x + conv(self.width)(nn.relu(conv(self.width)(x)))
    for _ in range(self.doublings):
      x = active(shuffle(conv(4 * self.width)(x)))
    x = active(conv(self.width)(x))
    x = conv(self.channels)(x)
    b, h, w, _ = small.shape
    sizes = h * 2**self.doublings, w * 2**self.doublings
    x += jax.image.resize(small, (b, *sizes, self.channels), 'linear')
    return 2 * x - 1 if self.unit else x


class Critic(nn.Module):
  """Critic: images `[B, S, S, C]` -> logits `[B]`.

  For each width there are two convolutions, the second of stride 2. Batch norm follows all but the
  first. Two dense layers follow.

  Attributes:
    widths: channels of each pair of convolutions.
    down: side of the kernels of stride 2; the others are 3x3.
    hidden: units of the first dense layer.
    bias: give the last dense layer a bias; a loss of differences of logits needs none.

  References: Ledig et al., 2017 (widths 64 to 512, down 3, 1024 hidden); Wang et al., 2018 (512
  twice, down 4, 100 hidden).
  """

  widths: Sequence[int] = (64, 128, 256, 512)
  down: int = 3
  hidden: int = 1024
  bias: bool = True

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    for i, width in enumerate(self.widths):
      x = Conv(width, use_bias=i == 0, start=he)(x)
      x = leaky_relu(BatchNorm()(x, train=train) if i else x)
      x = Conv(width, self.down, 2, use_bias=False, start=he)(x)
      x = leaky_relu(BatchNorm()(x, train=train))
    x = leaky_relu(Dense(self.hidden, start=he)(x.reshape(len(x), -1)))
    self.sow('intermediates', 'features', x)
    return Dense(1, self.bias, start=he)(x)[:, 0]
