"""Normalization: batch norm, also by class or by vector, instance norm and pixel norm."""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp
from jax import lax

from jaxgan.core.parts import couples
from jaxgan.core.typing import Array
from jaxgan.nn.dense import Dense
from jaxgan.nn.elementwise import affine
from jaxgan.nn.initializers import Initializer, orthogonal
from jaxgan.nn.parameters import parameter


def moments(x: Array) -> tuple[Array, Array]:
  """Return the mean and (biased) variance of each channel, in float32 or wider."""
  x = x.astype(jnp.promote_types(x.dtype, jnp.float32))
  axes = tuple(range(x.ndim - 1))
  mean = x.mean(axes)
  # One pass over x; rounding may make the difference negative.
  return mean, jnp.maximum((x * x).mean(axes) - mean * mean, 0)


class Standardize(nn.Module):
  """The (scale, shift) `[C]` that give each channel mean 0 and variance 1.

  With `train` it uses the statistics of the (global) batch, and updates the running statistics:
  r <- momentum r + (1 - momentum) statistic. Otherwise it uses the running statistics.
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
      couples('batch norm')
      for kept, new in zip(running, (mean, var), strict=True):
        kept.value = self.momentum * kept.value + (1 - self.momentum) * lax.stop_gradient(new)
    scale = lax.rsqrt(var + self.eps)
    return scale, -mean * scale


class BatchNorm(nn.Module):
  """Batch norm of `[B, ..., C]`; each call says whether it is for training.

  With `train=True` it uses the statistics of the batch, otherwise the running statistics.

  Args:
    momentum: the share of the old running statistics that each update keeps, in [0, 1].
    eps: added to the variance.
    start: the initializer of the scale.

  Reference: Ioffe and Szegedy, Batch Normalization, 2015.
  """

  momentum: float = 0.9
  eps: float = 1e-5
  start: Initializer = nn.initializers.ones

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    scale, shift = Standardize(self.momentum, self.eps, name='statistics')(x, train)
    gain = parameter(self, 'scale', self.start, (x.shape[-1],))
    bias = parameter(self, 'bias', nn.initializers.zeros, (x.shape[-1],))
    return affine(x, gain * scale, gain * shift + bias)


class VirtualBatchNorm(nn.Module):
  """Batch norm by a reference batch, the first `reference` rows of the input `[B, ..., C]`.

  The statistics of an image are the mean and mean square of the reference batch and the image
  itself: m = (R m_R + m_i) / (R + 1). So an image does not depend on the other images of its batch.
  The reference batch is normalized by its own statistics. Training and use are the same.

  Args:
    reference: R, the size of the reference batch.
    eps: added to the variance.
    start: the initializer of the scale.

  Reference: Salimans et al., Improved Techniques for Training GANs, 2016.
  """

  reference: int
  eps: float = 1e-5
  start: Initializer = nn.initializers.ones

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    gain = parameter(self, 'scale', self.start, (x.shape[-1],))
    bias = parameter(self, 'bias', nn.initializers.zeros, (x.shape[-1],))
    first, share = len(x[: self.reference]), 1 / (self.reference + 1)
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    own = jnp.stack([wide, wide**2]).mean(tuple(range(2, x.ndim)) if x.ndim > 2 else ())
    common = own[:, :first].mean(1, keepdims=True)
    joined = share * own[:, first:] + (1 - share) * common
    mean, square = jnp.concatenate([jnp.broadcast_to(common, own[:, :first].shape), joined], 1)
    scale = gain[None] * lax.rsqrt(jnp.maximum(square - mean**2, 0) + self.eps)
    return affine(x, scale, bias[None] - mean * scale)


def batch_norm(reference: int = 0) -> type[BatchNorm] | partial[VirtualBatchNorm]:
  """Return the class of batch norm: `BatchNorm` for 0, else with a reference batch of that size."""
  return partial(VirtualBatchNorm, reference) if reference else BatchNorm


def instance_norm(x: Array, eps: float = 1e-5) -> Array:
  """Normalize each channel of each image to mean 0 and variance 1 over its pixels.

  There are no parameters. It is computed in float32 or wider.

  Args:
    x: `[B, H, W, C]`.
    eps: added to the variance.

  Returns:
    `[B, H, W, C]` of the type of x.

  Reference: Ulyanov et al., Instance Normalization, 2016.
  """
  wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
  centred = wide - wide.mean((1, 2), keepdims=True)
  variance = (centred**2).mean((1, 2), keepdims=True)
  return (centred * lax.rsqrt(variance + eps)).astype(x.dtype)


class InstanceNorm(nn.Module):
  """Instance norm of `[B, H, W, C]` with a learned gain and bias for each channel."""

  @nn.compact
  def __call__(self, x: Array) -> Array:
    gain = parameter(self, 'scale', nn.initializers.ones, (x.shape[-1],))
    bias = parameter(self, 'bias', nn.initializers.zeros, (x.shape[-1],))
    return affine(instance_norm(x), gain, bias)


class ConditionalBatchNorm(nn.Module):
  """Batch norm of `[B, ..., C]` with a learned gain and bias for each class; labels are int `[B]`.

  Args:
    classes: the number of classes.
    momentum: as for `BatchNorm`.
    eps: added to the variance.

  Reference: Dumoulin et al., A Learned Representation for Artistic Style, 2017.
  """

  classes: int
  momentum: float = 0.9
  eps: float = 1e-5

  @nn.compact
  def __call__(self, x: Array, labels: Array, *, train: bool) -> Array:
    scale, shift = Standardize(self.momentum, self.eps, name='statistics')(x, train)
    shape = (self.classes, x.shape[-1])
    gain = parameter(self, 'scale', nn.initializers.ones, shape)[labels]
    bias = parameter(self, 'bias', nn.initializers.zeros, shape)[labels]
    return affine(x, gain * scale[None], gain * shift[None] + bias)


class VectorBatchNorm(nn.Module):
  """Batch norm of `[B, ..., C]` with gain 1 + W c and bias V c, for a vector c of each image.

  The vectors, `condition`, are `[B, D]`; W and V are learned.

  Args:
    spectral: True gives W and V spectral norm.
    start: the initializer of W and V.
    momentum: as for `BatchNorm`.
    eps: added to the variance.

  References: de Vries et al., Modulating early visual processing by language, 2017; with spectral
  norm and without constant terms: Brock et al., Large Scale GAN Training, 2018 (BigGAN).
  """

  spectral: bool = True
  start: Initializer = orthogonal
  momentum: float = 0.9
  eps: float = 1e-5

  @nn.compact
  def __call__(self, x: Array, condition: Array, *, train: bool) -> Array:
    scale, shift = Standardize(self.momentum, self.eps, name='statistics')(x, train)
    linear = partial(Dense, x.shape[-1], False, self.spectral, self.start)
    gain, bias = 1 + linear(name='gain')(condition), linear(name='bias')(condition)
    return affine(x, gain * scale[None], gain * shift[None] + bias)


def pixel_norm(x: Array, eps: float = 1e-8) -> Array:
  """Return x / sqrt(mean x^2 + eps), with the mean over the last axis.

  Reference: Karras et al., Progressive Growing of GANs, 2018.
  """
  wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
  return x * lax.rsqrt((wide * wide).mean(-1, keepdims=True) + eps).astype(x.dtype)
