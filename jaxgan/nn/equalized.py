"""Layers with an equalized learning rate."""

import math
from collections.abc import Callable, Sequence

import flax.linen as nn

from jaxgan.core.typing import Array
from jaxgan.nn.elementwise import affine
from jaxgan.nn.parameters import parameter
from jaxgan.ops import convolution


class EqualizedKernel(nn.Module):
  """A kernel with an equalized learning rate: w m gain / sqrt(fan_in), w ~ N(0, 1/m^2) at first.

  So the kernel in use starts with the scale of He's initializer. Adam changes all weights w by
  similar amounts; the kernel in use changes m times as much as with m = 1.

  Args:
    shape: `[..., out]`; fan_in is the product of all but the last.
    gain: the gain of the initializer.
    rate: m, the multiplier of the learning rate.

  References: Karras et al., Progressive Growing of GANs, 2018; the rate: Karras et al., A
  Style-Based Generator Architecture for GANs, 2019.
  """

  shape: Sequence[int]
  gain: float = 2**0.5
  rate: float = 1.0

  @nn.compact
  def __call__(self) -> Array:
    w = parameter(self, 'kernel', nn.initializers.normal(1 / self.rate), self.shape)
    return w * (self.gain * self.rate / math.prod(self.shape[:-1]) ** 0.5)


class EqualizedDense(nn.Module):
  """A linear map of the last axis, x W + b, with an equalized kernel.

  Args:
    features: the size of the output.
    gain: the gain of the initializer.
    rate: the multiplier of the learning rate, of W and b.
    bias: the initial value of b; None: no bias.
  """

  features: int
  gain: float = 2**0.5
  rate: float = 1.0
  bias: float | None = 0.0

  @nn.compact
  def __call__(self, x: Array) -> Array:
    w = EqualizedKernel((x.shape[-1], self.features), self.gain, self.rate, name='weight')()
    y = x @ w
    if self.bias is None:
      return y
    start = nn.initializers.constant(self.bias / self.rate)
    return affine(y, None, parameter(self, 'bias', start, (self.features,)) * self.rate)


class EqualizedConv(nn.Module):
  """A convolution with SAME padding, stride 1 and an equalized kernel.

  Args:
    features: the number of output channels.
    kernel: the side of the kernel in pixels.
    gain: the gain of the initializer.
    use_bias: True adds a learned bias.
    form: the function of images and kernel, which may include resampling (`ops.convolution`).
  """

  features: int
  kernel: int = 3
  gain: float = 2**0.5
  use_bias: bool = True
  form: Callable[..., Array] = convolution.convolve

  @nn.compact
  def __call__(self, x: Array) -> Array:
    shape = (self.kernel, self.kernel, x.shape[-1], self.features)
    y = self.form(x, EqualizedKernel(shape, self.gain, name='weight')())
    if not self.use_bias:
      return y
    return affine(y, None, parameter(self, 'bias', nn.initializers.zeros, (self.features,)))
