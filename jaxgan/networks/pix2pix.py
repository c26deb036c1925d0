"""pix2pix's generator, a U-Net."""

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.core.typing import Array
from jaxgan.networks.patch_discriminator import Norm, normed
from jaxgan.nn.convolutions import Conv, ConvTranspose
from jaxgan.nn.elementwise import leaky_relu


def halvings(size: int) -> int:
  """How often a size halves, rounded up, until it is 1; 8 at most.

  Raises:
    ValueError: a size below 8.
  """
  if size < 8:
    raise ValueError(f'a U-Net needs images of 8 pixels or more, these are {size}')
  return min((size - 1).bit_length(), 8)


class UNet(nn.Module):
  """Images `[B, H, W, C]` -> `[B, H, W, channels]` in [-1, 1], each scale passed across.

  `downs` convolutions of 4x4 and stride 2 and as many transposed ones, a norm after all but the
  first, the innermost and the last, and none but the last with a bias. Noise is dropout after the
  ups inside, of the widest maps (three of eight), and is drawn whenever a key is given.

  References: Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2017.
  """

  channels: int
  downs: int = 8
  width: int = 64
  norm: Norm = 'batch'

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    last = self.downs - 1
    maps = [x]
    for i in range(self.downs):
      x = leaky_relu(maps[-1]) if i else x
      x = Conv(self.width * min(2**i, 8), 4, 2, use_bias=False)(x)
      maps.append(normed(x, self.norm, train) if 0 < i < last else x)
    x = maps.pop()
    for i in range(last, 0, -1):
      across = maps.pop()
      size = across.shape[1], across.shape[2]
      x = ConvTranspose(across.shape[-1], size, use_bias=False)(nn.relu(x))
      x = normed(x, self.norm, train)
      if last - max(self.downs - 5, 1) <= i < last:
        x = nn.Dropout(0.5, deterministic=not self.has_rng('dropout'))(x)
      x = jnp.concatenate([across, x], -1)
    size = maps[0].shape[1], maps[0].shape[2]
    return jnp.tanh(ConvTranspose(self.channels, size)(nn.relu(x)))
