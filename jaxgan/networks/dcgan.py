"""Convolutional networks of strided layers: DCGAN, WGAN-GP's small networks and their relatives."""

from collections.abc import Callable, Sequence

import flax.linen as nn
import jax.numpy as jnp
from jax.typing import DTypeLike

from jaxgan.core.typing import Array, Key
from jaxgan.nn.convolutions import Conv, ConvTranspose
from jaxgan.nn.dense import Dense, Embed
from jaxgan.nn.elementwise import leaky_relu
from jaxgan.nn.initializers import Initializer, normal
from jaxgan.nn.normalization import BatchNorm, batch_norm

scale = nn.initializers.normal(0.02)


def near_one(key: Key, shape: Sequence[int], dtype: DTypeLike = jnp.float32) -> Array:
  """N(1, 0.02), where DCGAN's batch norm scales start."""
  return 1 + scale(key, shape, dtype)


def ladder(size: int, stem: int = 7) -> tuple[int, ...]:
  """Sizes of feature maps up to `size`, each half of the next (rounded up), from `stem` at most.

  ladder(64) is (4, 8, 16, 32, 64), ladder(28) is (7, 14, 28), ladder(28, 4) is (4, 7, 14, 28).
  """
  return (size,) if size <= stem else (*ladder(-(-size // 2), stem), size)


def widths(width: int, layers: int) -> tuple[int, ...]:
  """Channels that double with every layer: width, 2 width, 4 width ..."""
  return tuple(width * 2**i for i in range(layers))


class Generator(nn.Module):
  """Latents `[B, Z]` (and labels `[B]`) -> images `[B, S, S, channels]` in [-1, 1].

  A dense stem, then transposed convolutions: `sizes` are those of all feature maps from the stem to
  the image, `widths` the channels of all but the image. With `classes` an embedding of the label,
  `embedding` wide, joins the latent. Layers before a batch norm have no bias. With `reference`
  batch norm is virtual, by so many first rows.
  """

  sizes: Sequence[int]
  widths: Sequence[int]
  channels: int
  kernel: int = 4
  classes: int = 0
  embedding: int = 50
  norm: bool = True
  reference: int = 0
  bias: bool = True
  activation: Callable[[Array], Array] = nn.relu
  start: Initializer = normal

  @nn.compact
  def __call__(self, z: Array, *labels: Array, train: bool) -> Array:
    def active(x):
      x = batch_norm(self.reference)(start=near_one)(x, train=train) if self.norm else x
      return self.activation(x)

    bias, stem = self.bias and not self.norm, self.sizes[0]
    z = jnp.concatenate([z, *(Embed(self.classes, self.embedding)(y) for y in labels)], -1)
    x = Dense(stem * stem * self.widths[0], use_bias=bias, start=self.start)(z)
    x = active(x.reshape(-1, stem, stem, self.widths[0]))
    steps = list(zip(self.sizes, self.sizes[1:], strict=False))
    for (small, large), width in zip(steps, self.widths[1:], strict=False):
      stride = 1 if small == large else 2
      x = active(
        ConvTranspose(width, large, self.kernel, stride, use_bias=bias, start=self.start)(x)
      )
    image = ConvTranspose(
      self.channels, self.sizes[-1], self.kernel, use_bias=self.bias, start=self.start
    )
    return jnp.tanh(image(x))


class Critic(nn.Module):
  """Images `[B, S, S, C]` (and labels `[B]`) -> logits `[B]`, by convolutions of stride 2.

  With `classes` a learned map of the label joins the image as one more channel. With `norm`, batch
  norm follows every convolution but the first; layers before it have no bias. With several
  `outputs` it gives vectors `[B, outputs]`, for objectives of these.
  """

  widths: Sequence[int]
  kernel: int = 4
  classes: int = 0
  norm: bool = True
  bias: bool = True
  spectral: bool = False
  start: Initializer = normal
  outputs: int = 1

  @nn.compact
  def __call__(self, x: Array, *labels: Array, train: bool) -> Array:
    size = x.shape[1]
    maps = [Embed(self.classes, size * size)(y).reshape(-1, size, size, 1) for y in labels]
    x = jnp.concatenate([x, *maps], -1)
    for i, width in enumerate(self.widths):
      norm = self.norm and i > 0
      x = Conv(
        width, self.kernel, 2, self.bias and not norm, spectral=self.spectral, start=self.start
      )(x)
      x = leaky_relu(BatchNorm(start=near_one)(x, train=train) if norm else x)
    x = x.reshape(len(x), -1)
    self.sow('intermediates', 'features', x)
    x = Dense(self.outputs, self.bias, spectral=self.spectral, start=self.start)(x)
    return x[:, 0] if self.outputs == 1 else x
