"""Networks of StyleGAN: styles that set each channel's mean and deviation, in networks that grow.

References: Karras et al., A Style-Based Generator Architecture for Generative Adversarial Networks,
2019. The mapping is `stylegan2.Mapping`, the critic `progan.Critic` with `blurred_pool`.
"""

from collections.abc import Callable, Sequence

import flax.linen as nn
import jax.numpy as jnp
from jax import lax

from jaxgan.core.typing import Array
from jaxgan.networks.stylegan2 import noises
from jaxgan.nn.elementwise import leaky_relu
from jaxgan.nn.equalized import EqualizedConv, EqualizedDense
from jaxgan.ops.convolution import convolve, convolve_pool, upsample_convolve
from jaxgan.ops.resample import blend, filtered, upsample

BLUR = (1.0, 2.0, 1.0)


def blurred_upsample(x: Array, w: Array) -> Array:
  """Nearest neighbour, 3x3 convolution, then a blur: `[B, h, w, C]` to `[B, 2h, 2w, C_out]`."""
  return filtered(upsample_convolve(x, w), BLUR, (1, 1))


def blurred_pool(x: Array, w: Array) -> Array:
  """A blur, then convolution and mean of 2x2: `[B, H, W, C]` to `[B, H/2, W/2, C_out]`."""
  return convolve_pool(filtered(x, BLUR, (1, 1)), w)


def adaptive_norm(x: Array, style: Array, eps: float = 1e-8) -> Array:
  """Each channel of each image to mean 0 and variance 1, then x (scale + 1) + shift.

  x `[B, H, W, C]`, style `[B, 2 C]`: scales and shifts. Huang and Belongie, 2017 (AdaIN).
  """
  wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
  mean, variance = wide.mean((1, 2), keepdims=True), wide.var((1, 2), keepdims=True)
  standard = ((wide - mean) * lax.rsqrt(variance + eps)).astype(x.dtype)
  scale, shift = jnp.split(style[:, None, None], 2, -1)
  return standard * (scale + 1) + shift


class Styled(nn.Module):
  """Noise of a learnt strength for each channel, bias, leaky ReLU, and the style."""

  use_bias: bool = True

  @nn.compact
  def __call__(self, x: Array, w: Array, noise: Array) -> Array:
    per_channel = lambda name: self.param(name, nn.initializers.zeros, (x.shape[-1],))
    # In float32: of the constant, which starts as ones, the norm brings out the last digits.
    wide = jnp.promote_types(x.dtype, jnp.float32)
    y = x.astype(wide) + per_channel('noise')[None, None, None].astype(wide) * noise.astype(wide)
    if self.use_bias:
      y += per_channel('bias')[None, None, None].astype(wide)
    style = EqualizedDense(2 * x.shape[-1], 1.0, name='style')(w)
    return adaptive_norm(leaky_relu(y), style.astype(wide)).astype(x.dtype)


class Synthesis(nn.Module):
  """Styles `[B, layers, d]` and the newest size's weight -> images of the last of `sizes`.

  From a learnt constant, two layers a size, of which so many styles are used; where it `fades`,
  images are weight new + (1 - weight) up(old). `key` draws the noise; without it it is fixed.
  """

  sizes: Sequence[int]
  widths: Sequence[int]
  channels: int
  fades: bool = False

  @nn.compact
  def __call__(self, w: Array, weight: Array, *, train: bool) -> Array:
    def layer(x: Array, i: int, width: int, form: Callable[..., Array] = convolve) -> Array:
      name = f'{self.sizes[i // 2]}_{i % 2}'
      x = EqualizedConv(width, use_bias=False, form=form, name=f'layer_{name}')(x)
      return Styled(name=f'style_{name}')(x, w[:, i], noise[i])

    def image(x: Array, size: int) -> Array:
      return EqualizedConv(self.channels, 1, gain=1.0, name=f'image_{size}')(x)

    noise = noises(self, len(w), [size for size in self.sizes for _ in range(2)])
    size, width = self.sizes[0], self.widths[0]
    # The authors' constant starts as ones; what is learnt beside these keeps its digits. It has no
    # bias beside it: the norm takes that out again, which leaves rounding for a gradient.
    x = self.param('constant', nn.initializers.zeros, (size, size, width))
    x = 1 + x.astype(jnp.promote_types(w.dtype, jnp.float32))
    x = jnp.broadcast_to(x[None], (len(w), size, size, width))
    first = Styled(use_bias=False, name=f'style_{size}_0')(x, w[:, 0], noise[0])
    x = before = layer(first.astype(w.dtype), 1, width)
    for i, width in enumerate(self.widths[1:], 1):
      before = x
      x = layer(x, 2 * i, width, blurred_upsample)
      x = layer(x, 2 * i + 1, width)
    if not self.fades:
      return image(x, self.sizes[-1])
    return blend(upsample(image(before, self.sizes[-2])), image(x, self.sizes[-1]), weight)
