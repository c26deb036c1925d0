"""Layers of GANs, in Linen: spectral norm, batch norm of explicit modes, fast convolutions.

Images are NHWC, kernels HWIO. A layer with `spectral` divides its kernel by its largest singular
value.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from jaxgan import convolution
from jaxgan.resample import max_pool
from jaxgan.typing import Array

Initializer = Callable[..., Array]

normal: Initializer = nn.initializers.normal(0.02)
"""N(0, 0.02), the start of DCGAN and most that followed."""


orthogonal: Initializer = nn.initializers.orthogonal()
"""Orthonormal columns (or rows, where there are fewer) of the kernel as [rest, out]."""


def uniform(bound: float) -> Initializer:
  """U(-bound, bound)."""
  return lambda key, shape, dtype=jnp.float32: jax.random.uniform(key, shape, dtype, -bound, bound)


def glorot(gain: float = 1.0) -> Initializer:
  """Glorot's uniform start times `gain` (Chainer's form: the gain multiplies the values)."""
  return nn.initializers.variance_scaling(gain**2, 'fan_avg', 'uniform')


def spectral_norm(w: Array, u: Array, eps: float = 1e-12) -> tuple[Array, Array]:
  """Divide a kernel by its largest singular value, by one power iteration from `u`.

  v = uW / |uW|, u = vW' / |vW'|, sigma = u W v' with W = w as [out, rest]; u and v are constants to
  the gradient, which flows through W in sigma. `w` is [..., out], `u` [out]; returns w / sigma, of
  the type of w, and the next u; sigma is computed in float32 or wider. `eps` is added to the norms.

  References: Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018.
  """
  matrix = w.reshape(-1, w.shape[-1]).astype(jnp.promote_types(w.dtype, jnp.float32))
  unit = lambda x: x / (jnp.linalg.norm(x) + eps)
  frozen = lax.stop_gradient(matrix)
  v = unit(frozen @ u)
  u = unit(v @ frozen)
  return (matrix / (v @ matrix @ u)).reshape(w.shape).astype(w.dtype), u


class Kernel(nn.Module):
  """A kernel `[..., out]`; with `spectral`, divided by its largest singular value.

  The iteration's vector is kept in the collection `spectral` and moves on where that collection is
  mutable, which is in training only.
  """

  shape: Sequence[int]
  start: Initializer = normal
  spectral: bool = False

  @nn.compact
  def __call__(self) -> Array:
    w = self.param('kernel', self.start, tuple(self.shape))
    if not self.spectral:
      return w
    first = lambda: jax.random.normal(self.make_rng('params'), (self.shape[-1],))
    u = self.variable('spectral', 'u', first)
    w, moved = spectral_norm(w, u.value)
    if self.is_mutable_collection('spectral') and not self.is_initializing():
      u.value = moved
    return w


def _bias(module: nn.Module, y: Array, features: int) -> Array:
  return affine(y, None, module.param('bias', nn.initializers.zeros, (features,)))


def affine(x: Array, scale: Array | None, shift: Array) -> Array:
  """x * scale + shift over the last axis, in the type of x, where these are [C] or [B, C]."""
  axes = lambda a: range(a.ndim - 1, x.ndim - 1) if a.ndim > 1 else range(x.ndim - 1)
  spread = lambda a: jnp.expand_dims(a.astype(x.dtype), tuple(axes(a)))
  return x + spread(shift) if scale is None else x * spread(scale) + spread(shift)


class Dense(nn.Module):
  """x W + b over the last axis."""

  features: int
  use_bias: bool = True
  spectral: bool = False
  start: Initializer = normal

  @nn.compact
  def __call__(self, x: Array) -> Array:
    y = x @ Kernel((x.shape[-1], self.features), self.start, self.spectral, name='weight')()
    return _bias(self, y, self.features) if self.use_bias else y


class Conv(nn.Module):
  """A convolution with SAME padding; `form` may fuse it with resampling.

  With `groups` each group of outputs sees its own group of inputs alone; there is then no `form`,
  and the stride is 1.
  """

  features: int
  kernel: int = 3
  stride: int = 1
  use_bias: bool = True
  spectral: bool = False
  start: Initializer = normal
  form: Callable[..., Array] | None = None
  groups: int = 1

  @nn.compact
  def __call__(self, x: Array) -> Array:
    shape = (self.kernel, self.kernel, x.shape[-1] // self.groups, self.features)
    w = Kernel(shape, self.start, self.spectral, name='weight')()
    if self.groups > 1:
      y = convolution.convolve_grouped(x, w, self.groups)
    else:
      y = self.form(x, w) if self.form else convolution.convolve(x, w, self.stride)
    return _bias(self, y, self.features) if self.use_bias else y


class ConvTranspose(nn.Module):
  """The transpose of a convolution, SAME or of `pads`, from an image of `size`, a side or both."""

  features: int
  size: int | tuple[int, int]
  kernel: int = 4
  stride: int = 2
  pads: int | None = None
  use_bias: bool = True
  start: Initializer = normal

  @nn.compact
  def __call__(self, x: Array) -> Array:
    shape = (self.kernel, self.kernel, self.features, x.shape[-1])
    w = Kernel(shape, _turned(self.start), name='weight')()
    size = (self.size, self.size) if isinstance(self.size, int) else self.size
    y = convolution.convolve_transposed(x, w, size, self.stride, self.pads)
    return _bias(self, y, self.features) if self.use_bias else y


def _turned(start: Initializer) -> Initializer:
  """For kernels `[..., out, in]`: an initializer counts its inputs on the last axis but one."""
  return lambda key, shape: start(key, (*shape[:-2], shape[-1], shape[-2])).swapaxes(-1, -2)


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


def batch_norm(reference: int = 0) -> Callable[..., Any]:
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


class SelfAttention(nn.Module):
  """x + gamma O(softmax(Q(x) K(x)') V(x)), over all pixels; gamma starts at 0.

  Q and K have an eighth of the channels, V half of them; K and V see the largest of each 2x2 block.
  All four are 1x1 convolutions without bias. Height and width are even.

  References: Zhang et al., Self-Attention Generative Adversarial Networks, 2018.
  """

  spectral: bool = True
  start: Initializer = orthogonal

  @nn.compact
  def __call__(self, x: Array) -> Array:
    b, _, _, c = x.shape
    conv = lambda n, name: Conv(n, 1, 1, False, self.spectral, self.start, name=name)
    flat = lambda y: y.reshape(b, -1, y.shape[-1])
    query = flat(conv(max(c // 8, 1), 'query')(x))
    key = flat(max_pool(conv(max(c // 8, 1), 'key')(x)))
    value = flat(max_pool(conv(max(c // 2, 1), 'value')(x)))
    likeness = jnp.einsum('bqc,bkc->bqk', query, key)
    wide = jnp.promote_types(x.dtype, jnp.float32)
    shares = nn.softmax(likeness.astype(wide)).astype(x.dtype)
    seen = jnp.einsum('bqk,bkc->bqc', shares, value).reshape(*x.shape[:3], -1)
    gamma = self.param('gamma', nn.initializers.zeros, ())
    return x + gamma * conv(c, 'output')(seen)


class Embed(nn.Module):
  """A vector for each class: labels `[B]` -> `[B, features]`."""

  classes: int
  features: int
  spectral: bool = False
  start: Initializer = nn.initializers.normal(1.0)

  @nn.compact
  def __call__(self, labels: Array) -> Array:
    return Kernel((self.classes, self.features), self.start, self.spectral, name='weight')()[labels]


class MinibatchDiscrimination(nn.Module):
  """How near each image is to the others of its batch, by `kernels` measures of features.

  o_b(x_i) = sum over j != i of exp(-|M_ib - M_jb|_1) + bias_b,  M = f T,  T `[A, kernels, dims]`

  Features `[B, ...]` -> `[B, kernels]`, float32 at least: of equal images B - 1 each, of images far
  apart 0, beside the bias, which starts at -1. Departs from the authors in that T is not
  weight-normalised, nor its scale set by the first batch.

  References: Salimans et al., Improved Techniques for Training GANs, 2016.
  """

  kernels: int = 100
  dims: int = 5
  start: Initializer = normal

  @nn.compact
  def __call__(self, f: Array) -> Array:
    f = f.reshape(len(f), -1)
    maps = Dense(self.kernels * self.dims, use_bias=False, start=self.start)(f)
    maps = maps.astype(jnp.promote_types(maps.dtype, jnp.float32))
    parts = jnp.moveaxis(maps.reshape(len(f), self.kernels, self.dims), -1, 0)
    # A sum of pairs `[B, B, kernels]`, one dimension after the other: all at once is too large.
    apart = sum(jnp.abs(part[:, None] - part[None]) for part in parts)
    near = jnp.exp(-apart).sum(1) - 1  # it is at no distance from itself
    bias = self.param('bias', nn.initializers.constant(-1.0), (self.kernels,))
    return near + bias.astype(near.dtype)[None]


class MinibatchHead(nn.Module):
  """A linear map of minibatch discrimination: features `[B, ...]` -> logits `[B]`."""

  kernels: int = 100
  dims: int = 5
  start: Initializer = normal

  @nn.compact
  def __call__(self, f: Array, *, train: bool) -> Array:
    near = MinibatchDiscrimination(self.kernels, self.dims)(f)
    return Dense(1, use_bias=False, start=self.start)(near)[:, 0]


class Maxout(nn.Module):
  """The largest of `pieces` linear maps, for each feature.

  References: Goodfellow et al., Maxout Networks, 2013.
  """

  features: int
  pieces: int = 5
  start: Initializer = normal

  @nn.compact
  def __call__(self, x: Array) -> Array:
    y = Dense(self.features * self.pieces, start=self.start)(x)
    return y.reshape(*x.shape[:-1], self.features, self.pieces).max(-1)


def leaky_relu(x: Array) -> Array:
  """x where positive, else 0.2 x."""
  return nn.leaky_relu(x, 0.2)


Norm = Callable[[], Any]
