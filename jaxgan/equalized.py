"""Layers of networks that grow: an equalised learning rate, pixel norm, minibatch deviation."""

import math
from collections.abc import Callable, Sequence

import flax.linen as nn
import jax.numpy as jnp
from jax import lax

from jaxgan import convolution
from jaxgan.layers import affine
from jaxgan.typing import Array


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


def pixel_norm(x: Array, eps: float = 1e-8) -> Array:
  """x / sqrt(mean x^2 + eps), the mean over the last axis. Karras et al., 2018."""
  wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
  return x * lax.rsqrt((wide * wide).mean(-1, keepdims=True) + eps).astype(x.dtype)


def minibatch_stddev(x: Array, group: int = 4, eps: float = 1e-8) -> Array:
  """Append a channel that tells how much images differ: `[B, H, W, C]` to `[B, H, W, C + 1]`.

  The mean over H, W and C of sqrt(variance over a group + eps), the same for all of a group: 1e-4
  where its images are equal. Groups are of the global batch, every B / group-th image of it; where
  `group` does not divide the batch, of the largest size below it that does.

  References: Karras et al., Progressive Growing of GANs, 2018.
  """
  b, h, w, c = x.shape
  size = next(n for n in range(min(group, b), 0, -1) if b % n == 0)
  wide = x.astype(jnp.promote_types(x.dtype, jnp.float32)).reshape(size, b // size, h, w, c)
  spread = jnp.sqrt(wide.var(0) + eps).mean((1, 2, 3))
  tiled = jnp.broadcast_to(spread[None, :, None, None, None], (size, b // size, h, w, 1))
  return jnp.concatenate([x, tiled.reshape(b, h, w, 1).astype(x.dtype)], -1)
