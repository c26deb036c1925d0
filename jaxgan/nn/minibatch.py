"""Layers that compare the images of a batch."""

import flax.linen as nn
import jax.numpy as jnp
from jax import lax

from jaxgan.core import parts
from jaxgan.core.typing import Array
from jaxgan.nn.dense import Dense
from jaxgan.nn.initializers import Initializer, normal
from jaxgan.nn.parameters import parameter


class MinibatchDiscrimination(nn.Module):
  """A measure of how close each image is to the other images of its batch.

  o_b(x_i) = sum over j != i of exp(-|M_ib - M_jb|_1) + bias_b,  M = f T,  T `[A, kernels, dims]`

  Features `[B, ...]` to `[B, kernels]`, float32 at least. Without the bias, which starts at -1, the
  output is B - 1 for equal images and 0 for images far apart. The authors' code also normalizes the
  weights T and sets their scale by the first batch; this does not.

  Args:
    kernels: the number of outputs.
    dims: the number of dimensions in which each output compares the images.
    start: the initializer of T.

  Reference: Salimans et al., Improved Techniques for Training GANs, 2016.
  """

  kernels: int = 100
  dims: int = 5
  start: Initializer = normal

  @nn.compact
  def __call__(self, f: Array) -> Array:
    parts.couples('minibatch discrimination')
    f = f.reshape(len(f), -1)
    # The differences between images are much smaller than the values: they need full precision.
    exact = lax.Precision.HIGHEST
    maps = Dense(self.kernels * self.dims, use_bias=False, start=self.start, precision=exact)(f)
    maps = maps.astype(jnp.promote_types(maps.dtype, jnp.float32))
    sliced = jnp.moveaxis(maps.reshape(len(f), self.kernels, self.dims), -1, 0)
    # Sum over pairs `[B, B, kernels]`, one dimension at a time: all at once needs too much memory.
    apart = sum(jnp.abs(part[:, None] - part[None]) for part in sliced)
    near = jnp.exp(-apart).sum(1) - 1  # minus the pair of each image with itself
    bias = parameter(self, 'bias', nn.initializers.constant(-1.0), (self.kernels,))
    return near + bias.astype(near.dtype)[None]


class MinibatchHead(nn.Module):
  """A linear map of minibatch discrimination: features `[B, ...]` to logits `[B]`.

  The arguments are those of `MinibatchDiscrimination`.
  """

  kernels: int = 100
  dims: int = 5
  start: Initializer = normal

  @nn.compact
  def __call__(self, f: Array, *, train: bool) -> Array:
    near = MinibatchDiscrimination(self.kernels, self.dims)(f)
    return Dense(1, use_bias=False, start=self.start)(near)[:, 0]


def group_size(batch: int, group: int) -> int:
  """Return the largest number from 2 to `group` that divides the batch size.

  Raises:
    ValueError: no such number divides it. A group of one image has no standard deviation.
  """
  for size in range(min(group, batch), 1, -1):
    if batch % size == 0:
      return size
  raise ValueError(
    f'a batch of {batch} does not divide into groups of 2 to {max(group, 2)} images, whose std the '
    'critic sees: give another --batch-size, such as a multiple of 4'
  )


def minibatch_stddev(
  x: Array,
  group: int = 4,
  eps: float = 1e-8,
  neighbors: bool = False,
  unbiased: bool = False,
) -> Array:
  """Append a channel that shows how much images differ: `[B, H, W, C]` to `[B, H, W, C + 1]`.

  Its value is the mean over H, W and C of sqrt(variance over a group + eps), the same for all
  images of a group. It is 1e-4 where all images of the group are equal, and for a single image. The
  group size n is `group_size(B, group)`. As in the authors' code a group is every (B / n)-th image
  of the global batch. Several devices therefore exchange these feature maps, the smallest ones.

  Args:
    x: feature maps.
    group: the largest group size.
    eps: added to the variance.
    neighbors: a group is n images that follow each other.
    unbiased: divide the sum of squares by n - 1, not by n.

  Raises:
    ValueError: B > 1 and no group size from 2 to `group` divides it; or a batch is given in parts
      that do not consist of whole groups.

  Reference: Karras et al., Progressive Growing of GANs, 2018.
  """
  b, h, w, c = x.shape
  if parts.count() > 1:  # the images of a group lie in one part, if parts consist of groups
    most = group_size(b * parts.count(), group)
    if neighbors or b % most:
      parts.couples(
        f'the std of {most} images',
        parts.SMALLER
        if neighbors
        else f'give parts of a multiple of {most} images, these have {b}',
      )
  size = group_size(b, group) if b > 1 else 1
  wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
  shape, axis = ((b // size, size), 1) if neighbors else ((size, b // size), 0)
  variance = wide.reshape(*shape, h, w, c).var(axis, ddof=int(unbiased and size > 1))
  spread = jnp.sqrt(variance + eps).mean((1, 2, 3))
  tiled = jnp.broadcast_to(jnp.expand_dims(spread, axis)[..., None, None, None], (*shape, h, w, 1))
  return jnp.concatenate([x, tiled.reshape(b, h, w, 1).astype(x.dtype)], -1)
