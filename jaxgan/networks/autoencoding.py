"""Critics that are autoencoders, and their encoder and decoder of BEGAN."""

from collections.abc import Callable, Sequence
from functools import partial

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.core.typing import Array
from jaxgan.nn.convolutions import Conv
from jaxgan.nn.dense import Dense
from jaxgan.nn.initializers import glorot
from jaxgan.ops.resample import upsample


def root_mean_square(apart: Array) -> Array:
  """Return the root of the mean square of each image, `[B, ...]` to `[B]`.

  It is the Euclidean norm over the root of the number of values, so that it does not depend on the
  size of the images.
  """
  return jnp.sqrt((apart**2).reshape(len(apart), -1).mean(-1) + 1e-12)


def mean_absolute(apart: Array) -> Array:
  """Return the mean of the absolute values of each image, `[B, ...]` to `[B]`."""
  return jnp.abs(apart).reshape(len(apart), -1).mean(-1)


class AutoencodingCritic(nn.Module):
  """Critic: images `[B, S, S, C]` -> the negative distance to what an autoencoder makes of them.

  D(x) = -distance(x - decoder(encoder(x)))

  The logits `[B]` are at most 0. The features are the codes.

  Args:
    encoder: images -> codes `[B, Z]`.
    decoder: codes -> images.
    distance: differences `[B, S, S, C]` -> their size `[B]`.

  References: Zhao et al., Energy-based Generative Adversarial Network, 2017; with `mean_absolute`:
  Berthelot et al., BEGAN: Boundary Equilibrium Generative Adversarial Networks, 2017.
  """

  encoder: nn.Module
  decoder: nn.Module
  distance: Callable[[Array], Array] = root_mean_square

  @nn.compact
  def __call__(self, x: Array, *, train: bool = False) -> Array:
    code = self.encoder(x, train=train)
    self.sow('intermediates', 'features', code)
    return -self.distance(x - self.decoder(code, train=train))


_Convolution = partial(Conv, start=glorot())


class Encoder(nn.Module):
  """Encoder: images `[B, S, S, C]` -> codes `[B, outputs]`, without a norm.

  Each size has two convolutions; then one of stride 2 halves the map. Maps of the i-th size, from
  the image on, have i times `width` channels.

  Args:
    sizes: sizes of all maps, ascending, such as `dcgan.ladder(size, 8)`.
    width: channels of the maps as large as the image.
    outputs: length of the code.

  Reference: Berthelot et al., BEGAN: Boundary Equilibrium Generative Adversarial Networks, 2017.
  """

  sizes: Sequence[int]
  width: int
  outputs: int

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    x = nn.elu(_Convolution(self.width)(x))
    for i in range(len(self.sizes)):
      if i:
        x = nn.elu(_Convolution(i * self.width, stride=2)(x))
      for _ in range(2):
        x = nn.elu(_Convolution((i + 1) * self.width)(x))
    return Dense(self.outputs, start=glorot())(x.reshape(len(x), -1))


class Decoder(nn.Module):
  """Decoder: codes `[B, Z]` -> images `[B, S, S, channels]`, not bounded, without a norm.

  Each size has two convolutions of `width` channels; then the map is doubled by nearest neighbor.

  Args:
    sizes: sizes of all maps, ascending, such as `dcgan.ladder(size, 8)`.
    width: channels of all maps except the image.
    channels: channels of the image.

  Reference: Berthelot et al., BEGAN: Boundary Equilibrium Generative Adversarial Networks, 2017.
  """

  sizes: Sequence[int]
  width: int
  channels: int

  @nn.compact
  def __call__(self, z: Array, *, train: bool) -> Array:
    first = self.sizes[0]
    x = Dense(first * first * self.width, start=glorot())(z).reshape(-1, first, first, self.width)
    for i, size in enumerate(self.sizes):
      x = upsample(x)[:, :size, :size] if i else x
      for _ in range(2):
        x = nn.elu(_Convolution(self.width)(x))
    return _Convolution(self.channels)(x)
