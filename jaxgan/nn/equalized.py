"""Layers with an equalized learning rate."""

import math
from collections.abc import Callable, Sequence

import flax.linen as nn

from jaxgan.core.typing import Array
from jaxgan.nn.elementwise import affine
from jaxgan.ops import convolution


class EqualizedKernel(nn.Module):
  """A kernel that starts as N(0, 1/m^2) and is used as w m gain / sqrt(fan_in), so He's in effect.

  With `rate` m below 1 Adam, which moves every weight alike, moves it m times as far.

  References: Karras et al., Progressive Growing of GANs, 2018; the rate: StyleGAN, 2019.
  """

  shape: Sequence[int]
  gain: float = 2**0.5
  rate: float = 1.0

  @nn.compact
  def __call__(self) -> Array:
    w = self.param('kernel', nn.initializers.normal(1 / self.rate), tuple(self.shape))
    return w * (self.gain * self.rate / math.prod(self.shape[:-1]) ** 0.5)


class EqualizedDense(nn.Module):
  """x W + b over the last axis with an equalised kernel; the bias starts at `bias` (None: none)."""

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
    return affine(y, None, self.param('bias', start, (self.features,)) * self.rate)


class EqualizedConv(nn.Module):
  """A SAME convolution of an equalised kernel; `form` may fuse it with resampling."""

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
    return affine(y, None, self.param('bias', nn.initializers.zeros, (self.features,)))
