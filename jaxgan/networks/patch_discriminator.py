"""PatchGAN: critics that give one logit for each patch of an image."""

from collections.abc import Callable
from typing import Literal

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.core.typing import Array
from jaxgan.networks.dcgan import near_one
from jaxgan.nn.convolutions import Conv
from jaxgan.nn.elementwise import leaky_relu
from jaxgan.nn.normalization import BatchNorm, instance_norm
from jaxgan.ops.convolution import convolve

Norm = Literal['batch', 'instance']


def padded(stride: int) -> Callable[[Array, Array], Array]:
  """Return a convolution `(x, w) -> y` that pads the image with one pixel of zeros."""
  return lambda x, w: convolve(x, w, stride, 1)


def field(layers: int) -> int:
  """Return the side in pixels of the patch that one logit of a `PatchCritic` sees.

  field = 9 2^layers - 2: 16, 34, 70, 142 ... for 1, 2, 3, 4 ... layers.
  """
  return 9 * 2**layers - 2


def most_layers(size: int) -> int:
  """Return the largest number of layers, at most 3, whose patch fits into an image.

  Args:
    size: side of the image in pixels.

  Raises:
    ValueError: the image is smaller than 16 pixels.

  Example:
    >>> most_layers(32)
    1
  """
  fitting = [layers for layers in (3, 2, 1) if field(layers) <= size]
  if not fitting:
    raise ValueError(f'a critic of patches needs images of 16 pixels or more, these are {size}')
  return fitting[0]


class PatchCritic(nn.Module):
  """Patch critic: images `[B, H, W, C]` -> logits `[B, h, w]`, one for each patch.

  It has `layers` convolutions of stride 2, then two of stride 1, all with 4x4 kernels. A norm
  follows every convolution except the first and the last. Several inputs are joined as channels.

  Attributes:
    layers: convolutions of stride 2; a patch has `field(layers)` pixels on a side.
    width: channels after the first convolution; they double with each layer, up to 8 width.
    norm: 'instance' or 'batch'.
    bias: give a bias to the convolutions before a norm too, as in `ResNetGenerator`.

  Reference: Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2017.
  """

  layers: int = 3
  width: int = 64
  norm: Norm = 'instance'
  bias: bool = False

  @nn.compact
  def __call__(self, *images: Array, train: bool) -> Array:
    x = leaky_relu(Conv(self.width, 4, form=padded(2))(jnp.concatenate(images, -1)))
    for i in range(1, self.layers + 1):
      stride = 2 if i < self.layers else 1
      x = Conv(self.width * min(2**i, 8), 4, use_bias=self.bias, form=padded(stride))(x)
      x = leaky_relu(normed(x, self.norm, train))
    self.sow('intermediates', 'features', x)
    return Conv(1, 4, form=padded(1))(x)[..., 0]


def normed(x: Array, norm: Norm, train: bool) -> Array:
  """Normalize x by the statistics of each image ('instance') or of the batch ('batch')."""
  return instance_norm(x) if norm == 'instance' else BatchNorm(start=near_one)(x, train=train)
