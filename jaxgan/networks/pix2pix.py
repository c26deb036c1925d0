"""The generator of pix2pix, a U-Net."""

from typing import Literal

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.core.typing import Array
from jaxgan.networks.patch_discriminator import Norm, normed
from jaxgan.nn.convolutions import Conv, ConvTranspose
from jaxgan.nn.elementwise import leaky_relu

Biases = Literal['last', 'effective', 'all']


def halvings(size: int) -> int:
  """Return how often a size can be halved (rounded up) until it is 1, at most 8.

  Args:
    size: side of the image in pixels.

  Raises:
    ValueError: the size is below 8.
  """
  if size < 8:
    raise ValueError(f'a U-Net needs images of 8 pixels or more, these are {size}')
  return min((size - 1).bit_length(), 8)


class UNet(nn.Module):
  """U-Net: images `[B, H, W, C]` -> images `[B, H, W, channels]` in [-1, 1].

  It has `downs` 4x4 convolutions of stride 2 and as many transposed convolutions; a skip
  connection joins the maps of equal size. A norm follows every convolution except the first, the
  innermost and the last. The noise is dropout after the inner transposed
  convolutions, three of eight; it is active whenever the rng `dropout` is given.

  Attributes:
    channels: channels of the output.
    downs: convolutions of stride 2.
    width: channels after the first convolution.
    norm: 'instance' or 'batch'.
    biases: which convolutions have a bias. 'last': the last one. 'effective': those that no norm
      follows. 'all': every one, as the authors have it with instance norm; those before a norm
      have no effect.

  Reference: Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2017.
  """

  channels: int
  downs: int = 8
  width: int = 64
  norm: Norm = 'batch'
  biases: Biases = 'last'

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    last, every = self.downs - 1, self.biases == 'all'
    maps = [x]
    for i in range(self.downs):
      x = leaky_relu(maps[-1]) if i else x
      bias = every or (self.biases == 'effective' and i in (0, last))
      x = Conv(self.width * min(2**i, 8), 4, 2, bias)(x)
      maps.append(normed(x, self.norm, train) if 0 < i < last else x)
    x = maps.pop()
    for i in range(last, 0, -1):
      across = maps.pop()
      size = across.shape[1], across.shape[2]
      x = ConvTranspose(across.shape[-1], size, use_bias=every)(nn.relu(x))
      x = normed(x, self.norm, train)
      if last - max(self.downs - 5, 1) <= i < last:
        x = nn.Dropout(0.5, deterministic=not self.has_rng('dropout'))(x)
      x = jnp.concatenate([across, x], -1)
    size = maps[0].shape[1], maps[0].shape[2]
    return jnp.tanh(ConvTranspose(self.channels, size)(nn.relu(x)))
