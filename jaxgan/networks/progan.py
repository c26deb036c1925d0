"""Networks of Progressive GAN, which grow by one size at a time.

Reference: Karras et al., Progressive Growing of GANs for Improved Quality, Stability, and
Variation, 2018.
"""

from collections.abc import Callable, Sequence

import flax.linen as nn

from jaxgan.core.typing import Array
from jaxgan.nn.elementwise import leaky_relu
from jaxgan.nn.equalized import EqualizedConv, EqualizedDense
from jaxgan.nn.minibatch import minibatch_stddev
from jaxgan.nn.normalization import pixel_norm
from jaxgan.nn.parameters import parameter
from jaxgan.ops.convolution import convolve, convolve_pool, upsample_convolve
from jaxgan.ops.resample import blend, pool, upsample


def widths(levels: int, base: int = 8192, most: int = 512) -> tuple[int, ...]:
  """Return the channels min(base / 2^s, most) for s = 0 .. levels.

  s = 0 is the critic's dense layer, s = 1 the smallest size, and so on.
  """
  return tuple(max(min(base // 2**s, most), 1) for s in range(levels + 1))


class Generator(nn.Module):
  """Generator: latents `[B, Z]` and a weight -> images `[B, S, S, channels]`, about [-1, 1].

  Attributes:
    sizes: sizes of the feature maps, ascending; the last is that of the images.
    widths: channels of the feature map of each size.
    channels: channels of the images.
    fades: return weight new + (1 - weight) upsample(old), where new is the image of the last size
      and old the image of the size before it.
    zoo: give the dense layer a bias for each number, as the library pytorch_GAN_zoo does, in place
      of one for each channel.
  """

  sizes: Sequence[int]
  widths: Sequence[int]
  channels: int
  fades: bool = False
  zoo: bool = False

  @nn.compact
  def __call__(self, z: Array, weight: Array, *, train: bool) -> Array:
    def image(x: Array, size: int) -> Array:
      return EqualizedConv(self.channels, 1, gain=1.0, name=f'image_{size}')(x)

    x = before = self.stem(pixel_norm(z))
    for size, width in zip(self.sizes[1:], self.widths[1:], strict=True):
      before = x
      for i, form in enumerate((upsample_convolve, convolve)):
        x = self.layer(x, width, f'layer_{size}_{i}', form)
    if not self.fades:
      return image(x, self.sizes[-1])
    return blend(upsample(image(before, self.sizes[-2])), image(x, self.sizes[-1]), weight)

  def stem(self, z: Array) -> Array:
    """Return the smallest feature map, `[B, size, size, width]`."""
    size, width = self.sizes[0], self.widths[0]
    # A quarter of the usual gain, as in the authors' code.
    x = EqualizedDense(size * size * width, 2**0.5 / 4, bias=None, name='dense')(z)
    places = (size, size, width) if self.zoo else (1, 1, width)
    bias = parameter(self, 'bias', nn.initializers.zeros, places if self.zoo else (width,))
    x = x.reshape(-1, size, size, width) + bias.reshape(1, *places)
    return self.layer(pixel_norm(leaky_relu(x)), width, f'layer_{size}')

  def layer(self, x: Array, width: int, name: str, form: Callable[..., Array] = convolve) -> Array:
    """Apply a convolution, leaky ReLU and pixel norm."""
    return pixel_norm(leaky_relu(EqualizedConv(width, form=form, name=name)(x)))


class Critic(nn.Module):
  """Critic: images `[B, S, S, C]` and a weight -> logits `[B]`.

  Attributes:
    sizes: sizes of the feature maps, ascending; the last is that of the images.
    widths: channels of the dense layer, then of the feature map of each size.
    fades: use the features weight new + (1 - weight) old after the first block, where new comes
      from the images and old from the images at half size.
    down: the convolution that halves the size.
    zoo: as in the library pytorch_GAN_zoo, apply the leaky ReLU before the 2x2 mean, and take the
      unbiased variance over groups of neighbors in the batch.
  """

  sizes: Sequence[int]
  widths: Sequence[int]
  fades: bool = False
  down: Callable[[Array, Array], Array] = convolve_pool
  zoo: bool = False

  @nn.compact
  def __call__(self, images: Array, weight: Array, *, train: bool) -> Array:
    def entry(x: Array, i: int) -> Array:
      name = f'image_{self.sizes[i]}'
      return leaky_relu(EqualizedConv(self.widths[i + 1], 1, name=name)(x))

    last = len(self.sizes) - 1
    x = entry(images, last)
    for i in range(last, 0, -1):
      x = self.block(x, i)
      if self.fades and i == last:
        x = blend(entry(pool(images), i - 1), x, weight)
    return self.exit(x)

  def block(self, x: Array, i: int) -> Array:
    """Apply two convolutions; the second one halves the size."""
    names = [f'layer_{self.sizes[i]}_{j}' for j in range(2)]
    x = leaky_relu(EqualizedConv(self.widths[i + 1], name=names[0])(x))
    if self.zoo:
      return pool(leaky_relu(EqualizedConv(self.widths[i], name=names[1])(x)))
    return leaky_relu(EqualizedConv(self.widths[i], form=self.down, name=names[1])(x))

  def exit(self, x: Array) -> Array:
    """Return logits `[B]` of the smallest feature map; images of a batch influence each other."""
    x = minibatch_stddev(x, neighbors=self.zoo, unbiased=self.zoo)
    x = EqualizedConv(self.widths[1], name=f'layer_{self.sizes[0]}')(x)
    x = leaky_relu(x).reshape(len(x), -1)
    x = leaky_relu(EqualizedDense(self.widths[0], name='dense')(x))
    self.sow('intermediates', 'features', x)
    return EqualizedDense(1, gain=1.0, name='logit')(x)[:, 0]
