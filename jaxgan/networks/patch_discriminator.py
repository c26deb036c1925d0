"""Critics of patches (PatchGAN)."""

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
  """A convolution with one pixel of zeros around the image."""
  return lambda x, w: convolve(x, w, stride, 1)


def field(layers: int) -> int:
  """The pixels on a side that one logit of a `PatchCritic` sees: 16, 34, 70, 142 ..."""
  return 9 * 2**layers - 2


def most_layers(size: int) -> int:
  """How many layers, up to 3, a critic of patches may have so that an image holds a whole one.

  Raises:
    ValueError: images of fewer than 16 pixels.
  """
  fitting = [layers for layers in (3, 2, 1) if field(layers) <= size]
  if not fitting:
    raise ValueError(f'a critic of patches needs images of 16 pixels or more, these are {size}')
  return fitting[0]


class PatchCritic(nn.Module):
  """Images `[B, H, W, C]` -> logits `[B, h, w]`, one for each patch of `field(layers)` pixels.

  `layers` convolutions of stride 2, then two of stride 1, all of 4x4; a norm after all but the
  first and the last. Several inputs are taken as channels of one. `bias` as in `ResNetGenerator`.

  References: Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2017.
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
  """Normalize by the statistics of each image, or of the batch."""
  return instance_norm(x) if norm == 'instance' else BatchNorm(start=near_one)(x, train=train)
