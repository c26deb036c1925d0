"""Networks that grow: those of Progressive GAN, a size at a time.

References: Karras et al., Progressive Growing of GANs for Improved Quality, Stability, and
Variation, 2018.
"""

from collections.abc import Callable, Sequence

import flax.linen as nn

from jaxgan.core.typing import Array
from jaxgan.nn.elementwise import leaky_relu
from jaxgan.nn.equalized import EqualizedConv, EqualizedDense
from jaxgan.nn.minibatch import minibatch_stddev
from jaxgan.nn.normalization import pixel_norm
from jaxgan.ops.convolution import convolve, convolve_pool, upsample_convolve
from jaxgan.ops.resample import blend, pool, upsample


def widths(levels: int, base: int = 8192, most: int = 512) -> tuple[int, ...]:
  """Channels from the smallest size on, and first those of the critic's dense layer.

  nf(s) = min(base / 2^s, most), s = 0 .. levels
  """
  return tuple(max(min(base // 2**s, most), 1) for s in range(levels + 1))


class Generator(nn.Module):
  """Latents `[B, Z]` and the newest size's weight -> images of the last of `sizes`, about [-1, 1].

  `widths` are those of `sizes`. Where it `fades`, images are weight new + (1 - weight) up(old).
  """

  sizes: Sequence[int]
  widths: Sequence[int]
  channels: int
  fades: bool = False

  @nn.compact
  def __call__(self, z: Array, weight: Array, *, train: bool) -> Array:
    def image(x, size):
      return EqualizedConv(self.channels, 1, gain=1.0, name=f'image_{size}')(x)

    x, before = self.stem(pixel_norm(z)), None
    for size, width in zip(self.sizes[1:], self.widths[1:], strict=True):
      before = x
      for i, form in enumerate((upsample_convolve, convolve)):
        x = self.layer(x, width, f'layer_{size}_{i}', form)
    if not self.fades:
      return image(x, self.sizes[-1])
    return blend(upsample(image(before, self.sizes[-2])), image(x, self.sizes[-1]), weight)

  def stem(self, z: Array) -> Array:
    """The smallest feature map."""
    size, width = self.sizes[0], self.widths[0]
    # The authors' gain, kept from an earlier form of theirs: a quarter of the usual.
    x = EqualizedDense(size * size * width, 2**0.5 / 4, bias=None, name='dense')(z)
    bias = self.param('bias', nn.initializers.zeros, (width,))
    x = x.reshape(-1, size, size, width) + bias[None, None, None]
    return self.layer(pixel_norm(leaky_relu(x)), width, f'layer_{size}')

  def layer(self, x: Array, width: int, name: str, form: Callable[..., Array] = convolve) -> Array:
    """Convolution, leaky ReLU, pixel norm."""
    return pixel_norm(leaky_relu(EqualizedConv(width, form=form, name=name)(x)))


class Critic(nn.Module):
  """Images of the last of `sizes` `[B, S, S, C]` and the newest size's weight -> logits `[B]`.

  `widths` has one more than `sizes`: first that of the dense layer. `down` is the convolution that
  halves. Where it `fades`, features are weight new + (1 - weight) those of the halved image.
  """

  sizes: Sequence[int]
  widths: Sequence[int]
  fades: bool = False
  down: Callable[[Array, Array], Array] = convolve_pool

  @nn.compact
  def __call__(self, images: Array, weight: Array, *, train: bool) -> Array:
    def entry(x, i):
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
    """Two convolutions, the second of which halves."""
    names = [f'layer_{self.sizes[i]}_{j}' for j in range(2)]
    x = leaky_relu(EqualizedConv(self.widths[i + 1], name=names[0])(x))
    return leaky_relu(EqualizedConv(self.widths[i], form=self.down, name=names[1])(x))

  def exit(self, x: Array) -> Array:
    """Logits of the smallest feature map, of images beside each other."""
    x = EqualizedConv(self.widths[1], name=f'layer_{self.sizes[0]}')(minibatch_stddev(x))
    x = leaky_relu(x).reshape(len(x), -1)
    x = leaky_relu(EqualizedDense(self.widths[0], name='dense')(x))
    self.sow('intermediates', 'features', x)
    return EqualizedDense(1, gain=1.0, name='logit')(x)[:, 0]
