"""Layers that compare the images of a batch."""

import flax.linen as nn
import jax.numpy as jnp
from jax import lax

from jaxgan.core.typing import Array
from jaxgan.nn.dense import Dense
from jaxgan.nn.initializers import Initializer, normal


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
    # The differences of neighbours are small beside the numbers: they need all digits.
    exact = lax.Precision.HIGHEST
    maps = Dense(self.kernels * self.dims, use_bias=False, start=self.start, precision=exact)(f)
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


def group_size(batch: int, group: int) -> int:
  """Return the largest number from 2 to `group` that divides the batch.

  Raises:
    ValueError: none does: the images of a group of one do not differ.
  """
  for size in range(min(group, batch), 1, -1):
    if batch % size == 0:
      return size
  raise ValueError(
    f'a batch of {batch} does not divide into groups of 2 to {max(group, 2)} images, whose std the '
    'critic sees: give another --batch-size, such as a multiple of 4'
  )


def minibatch_stddev(x: Array, group: int = 4, eps: float = 1e-8) -> Array:
  """Append a channel that tells how much images differ: `[B, H, W, C]` to `[B, H, W, C + 1]`.

  The mean over H, W and C of sqrt(variance over a group + eps), the same for all of a group: 1e-4
  where its images are equal, or one is alone. Groups are of the global batch, every B / n-th image
  of it, as in the authors' code, so that a batch gives what it gives there; over several devices
  they therefore exchange the smallest feature maps. The size n is `group_size`.

  Raises:
    ValueError: as `group_size`.

  References: Karras et al., Progressive Growing of GANs, 2018.
  """
  b, h, w, c = x.shape
  size = group_size(b, group) if b > 1 else 1
  wide = x.astype(jnp.promote_types(x.dtype, jnp.float32)).reshape(size, b // size, h, w, c)
  spread = jnp.sqrt(wide.var(0) + eps).mean((1, 2, 3))
  tiled = jnp.broadcast_to(spread[None, :, None, None, None], (size, b // size, h, w, 1))
  return jnp.concatenate([x, tiled.reshape(b, h, w, 1).astype(x.dtype)], -1)
