"""PatchGAN: critics that give one logit for each patch of an image."""

from collections.abc import Callable
from functools import partial
from typing import Literal

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.core.typing import Array
from jaxgan.networks.dcgan import near_one
from jaxgan.nn.convolutions import Conv
from jaxgan.nn.elementwise import leaky_relu
from jaxgan.nn.normalization import BatchNorm, instance_norm
from jaxgan.ops.convolution import convolve
from jaxgan.ops.resample import downsample_fir

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
    spectral: use spectral norm for the convolutions before a norm.

  Reference: Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2017.
  """

  layers: int = 3
  width: int = 64
  norm: Norm = 'instance'
  bias: bool = False
  spectral: bool = False

  def __call__(self, *images: Array, train: bool) -> Array:
    logits, maps = self.judged(*images, train=train)
    self.sow('intermediates', 'features', maps[-1])
    return logits

  @nn.compact
  def judged(self, *images: Array, train: bool) -> tuple[Array, list[Array]]:
    """Return the logits, and the map after each layer but the last."""
    maps = [leaky_relu(Conv(self.width, 4, form=padded(2))(jnp.concatenate(images, -1)))]
    for i in range(1, self.layers + 1):
      conv = partial(Conv, self.width * min(2**i, 8), 4, spectral=self.spectral)
      x = conv(use_bias=self.bias, form=padded(2 if i < self.layers else 1))(maps[-1])
      maps.append(leaky_relu(normed(x, self.norm, train)))
    return Conv(1, 4, form=padded(1))(maps[-1])[..., 0], maps


class MultiscaleCritic(nn.Module):
  """Critics of patches of an image and of its halves: images `[B, H, W, C]` -> (logits, maps).

  Each scale has a `PatchCritic` with spectral and instance norm; the next one sees the image with
  half the pixels on a side. The logits are those of all scales, `[B, n]`; `patches` says how many
  each gives. The maps are those after all layers but the last, a list for each scale. Several
  inputs are joined as channels.

  Attributes:
    scales: the number of critics.
    layers: as for `PatchCritic`.
    width: as for `PatchCritic`.

  References: Wang et al., High-Resolution Image Synthesis and Semantic Manipulation with
  Conditional GANs, 2018; with spectral norm: Park et al., Semantic Image Synthesis with
  Spatially-Adaptive Normalization, 2019.
  """

  scales: int = 2
  layers: int = 3
  width: int = 64

  @nn.compact
  def __call__(self, *images: Array, train: bool) -> tuple[Array, list[list[Array]]]:
    x, logits, maps = jnp.concatenate(images, -1), [], []
    for i in range(self.scales):
      x = downsample_fir(x) if i else x
      found, seen = PatchCritic(self.layers, self.width, spectral=True).judged(x, train=train)
      logits.append(found)
      maps.append(seen)
    flat = lambda arrays: jnp.concatenate([a.reshape(len(a), -1) for a in arrays], 1)
    self.sow('intermediates', 'features', flat([seen[-1] for seen in maps]))
    return flat(logits), maps


def patches(size: int, layers: int, scales: int) -> list[int]:
  """Return how many logits each critic of a `MultiscaleCritic` gives of an image.

  Args:
    size: side of the image in pixels, which is halved `scales` - 1 times.
    layers: convolutions of stride 2 of each critic.
    scales: the number of critics.

  Raises:
    ValueError: the last critic has no logit, because its image is too small.

  Example:
    >>> patches(64, 2, 2)
    [196, 36]
  """
  needed = 3 << layers + scales - 1
  if size < needed:
    raise ValueError(
      f'--scales={scales} needs images of {needed} pixels or more, these are {size}: give fewer '
      '--scales, or a larger --image-size'
    )
  return [((size >> i + layers) - 2) ** 2 for i in range(scales)]


def normed(x: Array, norm: Norm, train: bool) -> Array:
  """Normalize x by the statistics of each image ('instance') or of the batch ('batch')."""
  return instance_norm(x) if norm == 'instance' else BatchNorm(start=near_one)(x, train=train)
