"""StarGAN's networks: a generator that takes a domain, and a critic of patches without norms."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.core.typing import Array
from jaxgan.networks.patch_discriminator import padded
from jaxgan.nn.convolutions import Conv, ConvTranspose
from jaxgan.nn.normalization import InstanceNorm

start = nn.initializers.variance_scaling(1 / 3, 'fan_in', 'uniform')
"""U(-b, b) with b = 1 / sqrt(inputs of a unit), PyTorch's own, with which the authors began."""


class Generator(nn.Module):
  """Translator: images `[B, H, W, C]` and domains `[B]` -> images `[B, H, W, channels]`, [-1, 1].

  Each domain is one more input channel, 1 in all pixels of the asked one and 0 in the others. The
  layers are a 7x7 convolution, two convolutions of stride 2, the residual blocks, two transposed
  convolutions, a 7x7 convolution and tanh. H and W are multiples of 4, at least 8.

  The convolutions pad with zeros. That is essential: in any other place a constant map adds the
  same number to all pixels, which instance norm takes out again. At the edge it adds another
  number, and this is how the domain comes in. The middle weights over these maps have no effect.

  Attributes:
    domains: number of domains.
    channels: channels of the output.
    width: channels after the first convolution.
    blocks: number of residual blocks.

  Reference: Choi et al., StarGAN: Unified Generative Adversarial Networks for Multi-Domain
  Image-to-Image Translation, 2018.
  """

  domains: int
  channels: int
  width: int = 64
  blocks: int = 6

  @nn.compact
  def __call__(self, x: Array, domains: Array, *, train: bool = False) -> Array:
    conv = partial(Conv, use_bias=False, start=start)
    active = lambda x: nn.relu(InstanceNorm()(x))
    maps = jax.nn.one_hot(domains, self.domains, dtype=x.dtype)[:, None, None]
    x = jnp.concatenate([x, jnp.broadcast_to(maps, (*x.shape[:3], self.domains))], -1)
    x = active(conv(self.width, 7)(x))
    for width in (2 * self.width, 4 * self.width):
      x = active(conv(width, 4, form=padded(2))(x))
    for _ in range(self.blocks):
      y = active(conv(4 * self.width)(x))
      x = x + InstanceNorm()(conv(4 * self.width)(y))
    for width in (2 * self.width, self.width):
      size = 2 * x.shape[1], 2 * x.shape[2]
      x = active(ConvTranspose(width, size, pads=1, use_bias=False, start=start)(x))
    return jnp.tanh(conv(self.channels, 7)(x))


def critic_layers(size: int, asked: int | None = None) -> int:
  """Return the layers of a critic: those asked, or as many, up to 6, as leave 2 pixels of a side.

  Raises:
    ValueError: the image is smaller than 4 pixels, or the asked layers leave no pixel of it.

  Example:
    >>> [critic_layers(size) for size in (16, 28, 128, 256)]
    [3, 3, 6, 6]
  """
  if size < 4:
    raise ValueError(f'a critic of patches needs images of 4 pixels or more, these are {size}')
  most = size.bit_length() - 1
  if asked is not None and not 1 <= asked <= most:
    raise ValueError(f'--critic-layers={asked} halves {size} pixels to none: give 1 to {most}')
  return asked or min(most - 1, 6)


class Critic(nn.Module):
  """Patch critic: images `[B, H, W, C]` -> logits `[B, h, w]`, one for each patch.

  It has `layers` convolutions of stride 2 with 4x4 kernels, then one with 3x3 kernels, and no
  norms, so that a gradient penalty treats each image separately.

  Attributes:
    layers: convolutions of stride 2.
    width: channels after the first convolution; they double with each layer.
  """

  layers: int = 6
  width: int = 64

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    for i in range(self.layers):
      x = nn.leaky_relu(Conv(self.width * 2**i, 4, start=start, form=padded(2))(x), 0.01)
    self.sow('intermediates', 'features', x)
    return Conv(1, 3, use_bias=False, start=start)(x)[..., 0]
