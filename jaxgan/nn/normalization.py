"""Normalization: batch norm of explicit modes, by class or by vector, instance norm, pixel norm."""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp
from jax import lax

from jaxgan.core.typing import Array
from jaxgan.nn.dense import Dense
from jaxgan.nn.elementwise import affine
from jaxgan.nn.initializers import Initializer, orthogonal


def moments(x: Array) -> tuple[Array, Array]:
  """Mean and (biased) variance of each channel over all other axes, in float32 or wider."""
  x = x.astype(jnp.promote_types(x.dtype, jnp.float32))
  axes = tuple(range(x.ndim - 1))
  mean = x.mean(axes)
  return mean, jnp.maximum(
    (x * x).mean(axes) - mean * mean, 0
  )  # one pass; rounding may make it negative


class Standardise(nn.Module):
  """(scale, shift) that bring each channel to mean 0 and variance 1.

  In training by the statistics of the (global) batch, which also move the running ones on; else by
  the running ones: r <- momentum r + (1 - momentum) statistic.
  """

  momentum: float = 0.9
  eps: float = 1e-5

  @nn.compact
  def __call__(self, x: Array, train: bool) -> tuple[Array, Array]:
    c = x.shape[-1]
    running = (
      self.variable('batch_stats', 'mean', jnp.zeros, (c,)),
      self.variable('batch_stats', 'var', jnp.ones, (c,)),
    )
    mean, var = moments(x) if train else (running[0].value, running[1].value)
    if train and not self.is_initializing():
      for kept, new in zip(running, (mean, var), strict=True):
        kept.value = self.momentum * kept.value + (1 - self.momentum) * lax.stop_gradient(new)
    scale = lax.rsqrt(var + self.eps)
    return scale, -mean * scale


class BatchNorm(nn.Module):
  """Batch norm, its mode explicit at every call.

  References: Ioffe and Szegedy, Batch Normalization, 2015.
  """

  momentum: float = 0.9
  eps: float = 1e-5
  start: Initializer = nn.initializers.ones

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    scale, shift = Standardise(self.momentum, self.eps, name='statistics')(x, train)
    gain = self.param('scale', self.start, (x.shape[-1],))
    bias = self.param('bias', nn.initializers.zeros, (x.shape[-1],))
    return affine(x, gain * scale, gain * shift + bias)


class VirtualBatchNorm(nn.Module):
  """Batch norm by a reference batch, the first `reference` rows, so that no other image counts.

  An image is normalised by mean and mean square of the reference batch, joined by its own as one
  more image: m = (R m_R + m_i) / (R + 1); the reference batch by its own alone. The same in use as
  in training.

  References: Salimans et al., Improved Techniques for Training GANs, 2016.
  """

  reference: int
  eps: float = 1e-5
  start: Initializer = nn.initializers.ones

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    gain = self.param('scale', self.start, (x.shape[-1],))
    bias = self.param('bias', nn.initializers.zeros, (x.shape[-1],))
    first, share = len(x[: self.reference]), 1 / (self.reference + 1)
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    own = jnp.stack([wide, wide**2]).mean(tuple(range(2, x.ndim)) if x.ndim > 2 else ())
    common = own[:, :first].mean(1, keepdims=True)
    joined = share * own[:, first:] + (1 - share) * common
    mean, square = jnp.concatenate([jnp.broadcast_to(common, own[:, :first].shape), joined], 1)
    scale = gain[None] * lax.rsqrt(jnp.maximum(square - mean**2, 0) + self.eps)
    return affine(x, scale, bias[None] - mean * scale)


def batch_norm(reference: int = 0) -> type[BatchNorm] | partial[VirtualBatchNorm]:
  """The kind of batch norm: by the batch, or by a reference batch of that many rows."""
  return partial(VirtualBatchNorm, reference) if reference else BatchNorm


def instance_norm(x: Array, eps: float = 1e-5) -> Array:
  """Each channel of each image to mean 0 and variance 1 over its pixels; no parameters.

  x: `[B, H, W, C]`, computed in float32 or wider. Ulyanov et al., Instance Normalization, 2016.
  """
  wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
  centred = wide - wide.mean((1, 2), keepdims=True)
  variance = (centred**2).mean((1, 2), keepdims=True)
  return (centred * lax.rsqrt(variance + eps)).astype(x.dtype)


class ConditionalBatchNorm(nn.Module):
  """Batch norm with a gain and a bias for each class, from tables `[classes, C]`; labels are `[B]`.

  References: Dumoulin et al., A Learned Representation for Artistic Style, 2017.
  """

  classes: int
  momentum: float = 0.9
  eps: float = 1e-5

  @nn.compact
  def __call__(self, x: Array, labels: Array, *, train: bool) -> Array:
    scale, shift = Standardise(self.momentum, self.eps, name='statistics')(x, train)
    shape = (self.classes, x.shape[-1])
    gain = self.param('scale', nn.initializers.ones, shape)[labels]
    bias = self.param('bias', nn.initializers.zeros, shape)[labels]
    return affine(x, gain * scale[None], gain * shift[None] + bias)


class VectorBatchNorm(nn.Module):
  """Batch norm whose gain is 1 + W c and bias V c, linear in a vector c for each image `[B, D]`.

  References: de Vries et al., Modulating early visual processing by language, 2017; with the
  spectral norm and without constant terms: Brock et al., 2018 (BigGAN).
  """

  spectral: bool = True
  start: Initializer = orthogonal
  momentum: float = 0.9
  eps: float = 1e-5

  @nn.compact
  def __call__(self, x: Array, condition: Array, *, train: bool) -> Array:
    scale, shift = Standardise(self.momentum, self.eps, name='statistics')(x, train)
    linear = partial(Dense, x.shape[-1], False, self.spectral, self.start)
    gain, bias = 1 + linear(name='gain')(condition), linear(name='bias')(condition)
    return affine(x, gain * scale[None], gain * shift[None] + bias)


def pixel_norm(x: Array, eps: float = 1e-8) -> Array:
  """x / sqrt(mean x^2 + eps), the mean over the last axis. Karras et al., 2018."""
  wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
  return x * lax.rsqrt((wide * wide).mean(-1, keepdims=True) + eps).astype(x.dtype)
