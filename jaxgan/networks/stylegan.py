"""Networks of StyleGAN: styles set the mean and standard deviation of each channel.

The networks grow during training. The mapping is `stylegan2.Mapping`, and the critic is
`progan.Critic` with `blurred_pool`.

Reference: Karras et al., A Style-Based Generator Architecture for Generative Adversarial Networks,
2019.
"""

from collections.abc import Callable, Sequence

import flax.linen as nn
import jax.numpy as jnp
from jax import lax

from jaxgan.core.typing import Array
from jaxgan.networks.stylegan2 import noises
from jaxgan.nn.elementwise import leaky_relu
from jaxgan.nn.equalized import EqualizedConv, EqualizedDense
from jaxgan.nn.parameters import parameter
from jaxgan.ops.convolution import convolve, convolve_pool, upsample_convolve
from jaxgan.ops.resample import blend, filtered, upsample

BLUR = (1.0, 2.0, 1.0)


def blurred_upsample(x: Array, w: Array) -> Array:
  """Upsample by nearest neighbor, convolve and blur: `[B, h, w, C]` -> `[B, 2h, 2w, C_out]`."""
  return filtered(upsample_convolve(x, w), BLUR, (1, 1))


def blurred_pool(x: Array, w: Array) -> Array:
  """Blur, convolve and average 2x2 pixels: `[B, H, W, C]` -> `[B, H/2, W/2, C_out]`."""
  return convolve_pool(filtered(x, BLUR, (1, 1)), w)


def adaptive_norm(x: Array, style: Array, eps: float = 1e-8) -> Array:
  """Normalize each channel of each image, then scale and shift it by the style (AdaIN).

  y = (x - mean) / sqrt(variance + eps) (scale + 1) + shift

  Args:
    x: `[B, H, W, C]`.
    style: `[B, 2 C]`, the scales and then the shifts.
    eps: added to the variance.

  Returns:
    `[B, H, W, C]`.

  Reference: Huang and Belongie, Arbitrary Style Transfer in Real-time with AdaIN, 2017.
  """
  wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
  mean, variance = wide.mean((1, 2), keepdims=True), wide.var((1, 2), keepdims=True)
  standard = ((wide - mean) * lax.rsqrt(variance + eps)).astype(x.dtype)
  scale, shift = jnp.split(style[:, None, None], 2, -1)
  return standard * (scale + 1) + shift


class Styled(nn.Module):
  """Noise with a learned strength for each channel, then bias, leaky ReLU and `adaptive_norm`."""

  use_bias: bool = True

  @nn.compact
  def __call__(self, x: Array, w: Array, noise: Array) -> Array:
    per_channel = lambda name: parameter(self, name, nn.initializers.zeros, (x.shape[-1],))
    # In float32: the constant starts as ones, so the norm amplifies its last digits.
    wide = jnp.promote_types(x.dtype, jnp.float32)
    y = x.astype(wide) + per_channel('noise')[None, None, None].astype(wide) * noise.astype(wide)
    if self.use_bias:
      y += per_channel('bias')[None, None, None].astype(wide)
    style = EqualizedDense(2 * x.shape[-1], 1.0, name='style')(w)
    return adaptive_norm(leaky_relu(y), style.astype(wide)).astype(x.dtype)


class Synthesis(nn.Module):
  """Synthesis: styles `[B, layers, d]` and a weight -> images `[B, S, S, channels]`.

  It begins with a learned constant and has two layers for each size; each layer uses one style.
  The images have the last of `sizes`. The rng `noise` draws the noise; without it the noise is
  always the same.

  Attributes:
    sizes: sizes of the feature maps, ascending.
    widths: channels of the feature map of each size.
    channels: channels of the images.
    fades: return weight new + (1 - weight) upsample(old), where new is the image of the last size
      and old the image of the size before it.
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

    noise = noises(self, w.shape[0], [size for size in self.sizes for _ in range(2)])
    size, width = self.sizes[0], self.widths[0]
    # The authors' constant starts as ones. The parameter is the difference from one, so that small
    # changes keep their digits. The first layer has no bias: the norm subtracts it, so its gradient
    # would be rounding error.
    x = parameter(self, 'constant', nn.initializers.zeros, (size, size, width))
    x = 1 + x.astype(jnp.promote_types(w.dtype, jnp.float32))
    x = jnp.broadcast_to(x[None], (w.shape[0], size, size, width))
    first = Styled(use_bias=False, name=f'style_{size}_0')(x, w[:, 0], noise[0])
    x = before = layer(first.astype(w.dtype), 1, width)
    for i, width in enumerate(self.widths[1:], 1):
      before = x
      x = layer(x, 2 * i, width, blurred_upsample)
      x = layer(x, 2 * i + 1, width)
    if not self.fades:
      return image(x, self.sizes[-1])
    return blend(upsample(image(before, self.sizes[-2])), image(x, self.sizes[-1]), weight)
