"""Networks of strided convolutions: DCGAN, the small networks of WGAN-GP and similar ones."""

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
  """Draw from N(1, 0.02): DCGAN's initializer for the scales of batch norm."""
  return 1 + scale(key, shape, dtype)


def ladder(size: int, stem: int = 7) -> tuple[int, ...]:
  """Return the sizes of the feature maps, ascending, each half of the next (rounded up).

  Args:
    size: side of the image in pixels, the last size.
    stem: upper bound of the first size.

  Example:
    >>> ladder(64), ladder(28), ladder(28, 4)
    ((4, 8, 16, 32, 64), (7, 14, 28), (4, 7, 14, 28))
  """
  return (size,) if size <= stem else (*ladder(-(-size // 2), stem), size)


def widths(width: int, layers: int) -> tuple[int, ...]:
  """Return channels that double with every layer: width, 2 width, 4 width ..."""
  return tuple(width * 2**i for i in range(layers))


class Generator(nn.Module):
  """Generator: latents `[B, Z]` (and labels `[B]`) -> images `[B, S, S, channels]` in [-1, 1].

  A dense layer makes the first feature map; transposed convolutions enlarge it. Layers before a
  batch norm have no bias.

  Attributes:
    sizes: sizes of all feature maps, from the first to the image, such as `ladder(size)`.
    widths: channels of all feature maps except the image.
    channels: channels of the image.
    kernel: side of the kernels.
    classes: number of classes; above 0, an embedding of the label is joined to the latent.
    embedding: length of that embedding.
    hidden: units of a dense layer before the one that makes the first map; 0: there is none.
    norm: use batch norm.
    reference: rows of the batch, from its start, that virtual batch norm takes its statistics
      from; 0: ordinary batch norm.
    bias: give the layers without a batch norm a bias.
    activation: applied after every layer except the last.
    start: initializer of the weights.

  Reference: Radford et al., Unsupervised Representation Learning with DCGAN, 2016.
  """

  sizes: Sequence[int]
  widths: Sequence[int]
  channels: int
  kernel: int = 4
  classes: int = 0
  embedding: int = 50
  hidden: int = 0
  norm: bool = True
  reference: int = 0
  bias: bool = True
  activation: Callable[[Array], Array] = nn.relu
  start: Initializer = normal

  @nn.compact
  def __call__(self, z: Array, *labels: Array, train: bool) -> Array:
    def active(x: Array) -> Array:
      x = batch_norm(self.reference)(start=near_one)(x, train=train) if self.norm else x
      return self.activation(x)

    bias, stem = self.bias and not self.norm, self.sizes[0]
    z = jnp.concatenate([z, *(Embed(self.classes, self.embedding)(y) for y in labels)], -1)
    if self.hidden:
      z = active(Dense(self.hidden, use_bias=bias, start=self.start)(z))
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
  """Critic: images `[B, S, S, C]` (and labels `[B]`) -> logits `[B]`, by convolutions of stride 2.

  Attributes:
    widths: channels of each convolution.
    kernel: side of the kernels.
    classes: number of classes; above 0, a learned map of the label is one more input channel; at 0
      labels have no effect.
    norm: use batch norm after every convolution except the first; layers before it have no bias.
    bias: give the layers without a batch norm a bias.
    spectral: use spectral norm.
    start: initializer of the weights.
    outputs: above 1, return vectors `[B, outputs]`, for objectives that need vectors.
    hidden: units of a dense layer after the convolutions, without batch norm; 0: there is none.
  """

  widths: Sequence[int]
  kernel: int = 4
  classes: int = 0
  norm: bool = True
  bias: bool = True
  spectral: bool = False
  start: Initializer = normal
  outputs: int = 1
  hidden: int = 0

  @nn.compact
  def __call__(self, x: Array, *labels: Array, train: bool) -> Array:
    size = x.shape[1]
    given = labels if self.classes else ()
    maps = [Embed(self.classes, size * size)(y).reshape(-1, size, size, 1) for y in given]
    x = jnp.concatenate([x, *maps], -1)
    for i, width in enumerate(self.widths):
      norm = self.norm and i > 0
      x = Conv(
        width, self.kernel, 2, self.bias and not norm, spectral=self.spectral, start=self.start
      )(x)
      x = leaky_relu(BatchNorm(start=near_one)(x, train=train) if norm else x)
    x = x.reshape(len(x), -1)
    if self.hidden:  # without batch norm, which would hide what sets a batch of fakes apart
      x = leaky_relu(Dense(self.hidden, self.bias, spectral=self.spectral, start=self.start)(x))
    self.sow('intermediates', 'features', x)
    x = Dense(self.outputs, self.bias, spectral=self.spectral, start=self.start)(x)
    return x[:, 0] if self.outputs == 1 else x
