"""Networks of StyleGAN2: styles that scale the inputs of convolutions, and a residual critic.

References: Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2020 (StyleGAN2),
and Training Generative Adversarial Networks with Limited Data, 2020 (the small critic).
"""

from collections.abc import Callable, Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import DTypeLike

from jaxgan.core.typing import Array
from jaxgan.nn.elementwise import leaky_relu
from jaxgan.nn.equalized import EqualizedConv, EqualizedDense, EqualizedKernel
from jaxgan.nn.minibatch import minibatch_stddev
from jaxgan.nn.normalization import pixel_norm
from jaxgan.nn.parameters import parameter
from jaxgan.ops.convolution import convolve, fir_convolve_downsample, upsample_fir_convolve
from jaxgan.ops.resample import downsample_fir, upsample_fir


def widths(sizes: Sequence[int], base: int = 32768, most: int = 512) -> tuple[int, ...]:
  """Return the channels for each size: min(base / size, most)."""
  return tuple(max(min(base // size, most), 1) for size in sizes)


def active(x: Array) -> Array:
  """Return leaky ReLU times sqrt(2), which keeps the mean square of inputs from N(0, 1)."""
  return leaky_relu(x) * 2**0.5


def within(x: Array, clamp: float) -> Array:
  """Return x clipped to [-clamp, clamp]; with 0 as it is."""
  return jnp.clip(x, -clamp, clamp) if clamp else x


def modulate(
  x: Array,
  w: Array,
  style: Array,
  form: Callable[[Array, Array], Array] = convolve,
  demodulate: bool = True,
) -> Array:
  """Convolve each image with a kernel that is scaled by its style and then normalized.

  w'_io = s_i w_io;  w''_io = w'_io / sqrt(sum over kernel and i of w'_io^2 + 1e-8)

  The code scales the input by s and the output by the norm instead. This gives the same result
  without one kernel for each image.

  Args:
    x: `[B, H, W, C]`.
    w: kernel `[k, k, C, O]`.
    style: the scales s, `[B, C]`.
    form: convolution `(x, w) -> y`, which may also resample.
    demodulate: normalize the kernel; False: use w'.

  Returns:
    `[B, H', W', O]`.
  """
  y = form(x * style[:, None, None], w)
  if not demodulate:
    return y
  wide = jnp.promote_types(w.dtype, jnp.float32)
  kernel = (w.astype(wide) ** 2).sum((0, 1))
  squares = jnp.matmul(style.astype(wide) ** 2, kernel, precision=lax.Precision.HIGHEST)
  return y * lax.rsqrt(squares + 1e-8)[:, None, None].astype(y.dtype)


def noises(module: nn.Module, images: int, sizes: Sequence[int], kept: bool = False) -> list[Array]:
  """Draw noise from N(0, 1), `[B, size, size, 1]` for each size.

  Without the rng `noise` it is `[1, size, size, 1]` and always the same. With `kept` this fixed
  noise consists of variables of the module, in the collection `noise`; noise that a call gives
  there is used too.
  """
  ends = np.cumsum([size * size for size in sizes])
  drawing = module.has_rng('noise')
  if kept or module.has_variable('noise', '0'):
    fixed = [
      module.variable('noise', str(i), _fixed, i, size).value for i, size in enumerate(sizes)
    ]
    if not drawing:
      return fixed
  key = module.make_rng('noise') if drawing else jax.random.key(0)
  # One draw for all sizes: XLA compiles a random number generator for each draw.
  drawn = jax.random.normal(key, (images if drawing else 1, int(ends[-1])))
  parts = jnp.split(drawn, ends[:-1], 1)
  return [x.reshape(-1, size, size, 1) for x, size in zip(parts, sizes, strict=True)]


def _fixed(i: int, size: int) -> Array:
  return jax.random.normal(jax.random.key(i), (1, size, size, 1))


class Tower(nn.Module):
  """Dense layers whose learning rate is multiplied by `rate`: `[B, n] -> [B, features]`."""

  features: int
  layers: int
  rate: float = 0.01

  @nn.compact
  def __call__(self, x: Array) -> Array:
    for i in range(self.layers):
      x = active(EqualizedDense(self.features, 1.0, self.rate, name=f'layer_{i}')(x))
    return x


class Mapping(nn.Module):
  """Mapping: latents `[B, Z]` (and labels `[B]`) -> styles w `[B, features]`.

  The latent, and the label after a dense layer, are each normalized and then joined. In training,
  the average style a is updated: a <- decay a + (1 - decay) mean(w). It is the variable `style` of
  the collection `average`.
  """

  features: int
  layers: int = 8
  classes: int = 0
  decay: float = 0.995

  @nn.compact
  def __call__(self, z: Array, *labels: Array, train: bool) -> Array:
    parts = [pixel_norm(z), *(embedded(y, self.classes, self.features, z.dtype) for y in labels)]
    w = Tower(self.features, self.layers, name='tower')(jnp.concatenate(parts, -1))
    average = self.variable('average', 'style', jnp.zeros, (self.features,))
    if train and not self.is_initializing():
      mean = lax.stop_gradient(w.astype(average.value.dtype)).mean(0)
      average.value = mean + self.decay * (average.value - mean)
    return w


def embedded(labels: Array, classes: int, features: int, dtype: DTypeLike) -> Array:
  """Return a learned vector for each label, `[B, features]`, normalized by pixel norm."""
  vectors = EqualizedDense(features, 1.0, name='label')(
    jax.nn.one_hot(labels, classes, dtype=dtype)
  )
  return pixel_norm(vectors)


class Layer(nn.Module):
  """Modulated 3x3 convolution, then noise with a learned strength, bias and leaky ReLU."""

  features: int
  form: Callable[..., Array] = convolve
  clamp: float = 0.0

  @nn.compact
  def __call__(self, x: Array, w: Array, noise: Array) -> Array:
    style = EqualizedDense(x.shape[-1], 1.0, bias=1.0, name='style')(w)
    kernel = EqualizedKernel((3, 3, x.shape[-1], self.features), 1.0, name='weight')()
    x = modulate(x, kernel, style, self.form)
    x = x + parameter(self, 'noise', nn.initializers.zeros, ()) * noise.astype(x.dtype)
    bias = parameter(self, 'bias', nn.initializers.zeros, (self.features,))
    return within(active(x + bias[None, None, None]), self.clamp)


class Image(nn.Module):
  """Modulated 1x1 convolution to the channels of images; its kernel is not normalized."""

  channels: int
  clamp: float = 0.0

  @nn.compact
  def __call__(self, x: Array, w: Array) -> Array:
    style = EqualizedDense(x.shape[-1], 1.0, bias=1.0, name='style')(w)
    kernel = EqualizedKernel((1, 1, x.shape[-1], self.channels), 1.0, name='weight')()
    bias = parameter(self, 'bias', nn.initializers.zeros, (self.channels,))
    x = modulate(x, kernel, style, demodulate=False) + bias[None, None, None]
    return within(x, self.clamp)


class Synthesis(nn.Module):
  """Synthesis: styles `[B, 2 len(sizes), d]` -> images `[B, S, S, channels]`, about [-1, 1].

  It begins with a learned constant and has two layers for each size (one for the first). The image
  is a sum over the sizes: each size adds its image to the upsampled sum of the sizes before it.
  The rng `noise` draws the noise; without it the noise is always the same.

  Attributes:
    sizes: sizes of the feature maps, ascending.
    widths: channels of the feature map of each size.
    channels: channels of the images.
    kept_noise: keep the fixed noise with the network's variables, as the authors do.
    clamp: bound of the outputs of all layers, which the authors' float16 layers need; 0: none.
  """

  sizes: Sequence[int]
  widths: Sequence[int]
  channels: int
  kept_noise: bool = False
  clamp: float = 0.0

  @nn.compact
  def __call__(self, w: Array, *, train: bool) -> Array:
    every = [size for size in self.sizes for _ in range(2)][1:]
    noise = noises(self, w.shape[0], every, self.kept_noise)
    size, width = self.sizes[0], self.widths[0]
    x = parameter(self, 'constant', nn.initializers.normal(1.0), (size, size, width))
    x = jnp.broadcast_to(x[None].astype(w.dtype), (w.shape[0], size, size, width))
    x = Layer(width, clamp=self.clamp, name=f'layer_{size}')(x, w[:, 0], noise[0])
    image = Image(self.channels, self.clamp, name=f'image_{size}')(x, w[:, 1])
    for i, (size, width) in enumerate(zip(self.sizes[1:], self.widths[1:], strict=True), 1):
      first, second, last = range(2 * i - 1, 2 * i + 2)
      up = Layer(width, upsample_fir_convolve, self.clamp, name=f'layer_{size}_0')
      x = up(x, w[:, first], noise[first])
      x = Layer(width, clamp=self.clamp, name=f'layer_{size}_1')(x, w[:, second], noise[second])
      image = upsample_fir(image) + Image(self.channels, self.clamp, name=f'image_{size}')(
        x, w[:, last]
      )
    return image


class Critic(nn.Module):
  """Critic: images `[B, S, S, C]` (and labels `[B]`, by projection) -> logits `[B]`.

  With labels, the logit is the inner product of the features f and a vector v of the label, which
  a second tower computes: f v / sqrt(length of f).

  Attributes:
    sizes: sizes of the feature maps, ascending; the last is that of the images.
    widths: channels of the feature map of each size.
    residual: add a 1x1 shortcut to each block: (block + shortcut) / sqrt(2).
    group: images of a group for the minibatch standard deviation.
    classes: number of classes.
    label_layers: dense layers of the label's tower.
    clamp: bound of the outputs of all convolutions; 0: none.
  """

  sizes: Sequence[int]
  widths: Sequence[int]
  residual: bool = True
  group: int = 4
  classes: int = 0
  label_layers: int = 8
  clamp: float = 0.0

  @nn.compact
  def __call__(self, images: Array, *labels: Array, train: bool) -> Array:
    x = self.active(EqualizedConv(self.widths[-1], 1, 1.0, name='entry')(images))
    for i in range(len(self.sizes) - 1, 0, -1):
      x = self.block(x, self.sizes[i], self.widths[i - 1])
    features = self.exit(x)
    self.sow('intermediates', 'features', features)
    if not labels:
      return EqualizedDense(1, 1.0, name='logit')(features)[:, 0]
    width = features.shape[-1]
    features = EqualizedDense(width, 1.0, name='logit')(features)
    vectors = embedded(labels[0], self.classes, width, features.dtype)
    vectors = Tower(width, self.label_layers, name='tower')(vectors)
    return (features * vectors).sum(-1) / width**0.5

  def active(self, x: Array) -> Array:
    """Apply the activation, within bounds."""
    return within(active(x), self.clamp)

  def block(self, x: Array, size: int, width: int) -> Array:
    """Apply two convolutions; the second one halves the size."""
    conv = lambda features, i, **given: EqualizedConv(  # i: place in the block, for the name
      features, gain=1.0, name=f'layer_{size}_{i}', **given
    )
    y = self.active(conv(x.shape[-1], 0)(x))
    y = self.active(conv(width, 1, form=fir_convolve_downsample)(y))
    if not self.residual:
      return y
    skip = conv(width, 'skip', kernel=1, use_bias=False)(downsample_fir(x))
    return (y + within(skip, self.clamp)) / 2**0.5

  def exit(self, x: Array) -> Array:
    """Return features `[B, C]` of the smallest map; the images of a group influence each other."""
    width = self.widths[0]
    x = minibatch_stddev(x, self.group)
    x = self.active(EqualizedConv(width, gain=1.0, name=f'layer_{self.sizes[0]}')(x))
    return active(EqualizedDense(width, 1.0, name='dense')(x.reshape(len(x), -1)))
