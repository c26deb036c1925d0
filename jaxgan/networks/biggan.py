"""Networks of SAGAN, BigGAN and BigGAN-deep: residual blocks, spectral norm and attention.

The initializers are orthogonal unless `start` says otherwise. Channels are multiples of `width`. Up
to 56 pixels, all blocks of a network have the same width, as the authors use for CIFAR-10. From 64
pixels on, the blocks become narrower towards the image.

References: Brock et al., Large Scale GAN Training for High Fidelity Natural Image Synthesis, 2018;
Zhang et al., Self-Attention Generative Adversarial Networks, 2019.
"""

from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.core.typing import Array
from jaxgan.networks.resnet import DownBlock, stem
from jaxgan.nn.attention import SelfAttention
from jaxgan.nn.convolutions import Conv
from jaxgan.nn.dense import Dense, Embed
from jaxgan.nn.elementwise import affine
from jaxgan.nn.initializers import Initializer, orthogonal
from jaxgan.nn.normalization import BatchNorm, Standardize, VectorBatchNorm
from jaxgan.ops.convolution import upsample_convolve
from jaxgan.ops.resample import pool, upsample

# Multiples of `width` from the first map to the last; the key is the number of doublings.
RISING = {4: (16, 16, 8, 4, 2), 5: (16, 16, 8, 4, 2, 1), 6: (16, 16, 8, 8, 4, 2, 1)}
FALLING = {4: (1, 2, 4, 8, 16), 5: (1, 2, 4, 8, 16, 16), 6: (1, 2, 4, 8, 8, 16, 16)}


def rising(size: int) -> tuple[int, ...]:
  """Return the channels of the generator's first map and of each block, as multiples of its width.

  Raises:
    ValueError: the size is not 4, 5, 6 or 7 times a power of two, or is above 448.
  """
  doublings = stem(size)[1]
  if doublings > max(RISING):
    raise ValueError(f'BigGAN is known up to 448 pixels, these are {size}: give --image-size')
  return RISING.get(doublings, (4,) * (doublings + 1))


def falling(size: int, deep: bool) -> tuple[tuple[int, ...], int]:
  """Return the channels of the critic's blocks and how many blocks halve the map.

  The channels are multiples of the critic's width. For the deep critic, the first multiple belongs
  to its first convolution.
  """
  doublings = len(rising(size)) - 1
  if doublings in FALLING:
    return FALLING[doublings], doublings
  halvings = 1
  while size >> halvings > 8:
    halvings += 1
  return (4 if deep else 2,) * (halvings + 2), halvings


def attended(size: int, limit: int) -> int:
  """Return the side in pixels of the map with self-attention, or 0 where there is none.

  It is the largest map that has at most `limit` pixels on a side and at most half the image's, and
  that a block makes.
  """
  first, side = stem(size)[0], size // 2
  while side > max(limit, first):
    side //= 2
  return side if side > first else 0


conv = partial(Conv, spectral=True, start=orthogonal)


class ClassBatchNorm(nn.Module):
  """Batch norm with gain 1 + g and bias b, where g and b are learned vectors of each class.

  Attributes:
    classes: the number of classes.
    eps: added to the variance.
    start: the initializer of g and b.

  Reference: Brock et al., 2018; the authors' setting for CIFAR-10.
  """

  classes: int
  eps: float = 1e-5
  start: Initializer = orthogonal

  @nn.compact
  def __call__(self, x: Array, labels: Array, *, train: bool) -> Array:
    scale, shift = Standardize(eps=self.eps, name='statistics')(x, train)
    table = partial(Embed, self.classes, x.shape[-1], start=self.start)
    gain, bias = 1 + table(name='gain')(labels), table(name='bias')(labels)
    return affine(x, gain * scale[None], gain * shift[None] + bias)


class UpBlock(nn.Module):
  """Residual block that doubles the size.

  The branch is norm, ReLU, upsample, conv, norm, ReLU, conv. The shortcut is a 1x1 convolution of
  the upsampled input.
  """

  width: int
  bias: bool = False
  norm: Callable[..., nn.Module] = VectorBatchNorm
  start: Initializer = orthogonal

  @nn.compact
  def __call__(self, x: Array, *condition: Array, train: bool) -> Array:
    active = lambda x: nn.relu(self.norm()(x, *condition, train=train))
    wide = partial(conv, self.width, use_bias=self.bias, start=self.start)
    y = wide(form=upsample_convolve)(active(x))
    y = wide()(active(y))
    return y + wide(kernel=1, form=upsample_convolve)(x)


class DeepUpBlock(nn.Module):
  """Residual block of the deep generator; with `up` it doubles the size.

  The branch is four times norm, ReLU and conv (1x1, 3x3, 3x3, 1x1). Its inner maps have a quarter
  of the input's channels. The shortcut is the first `width` channels of the input. With `up`, the
  first 3x3 convolution and the shortcut upsample.
  """

  width: int
  up: bool
  bias: bool = False
  norm: Callable[..., nn.Module] = VectorBatchNorm

  @nn.compact
  def __call__(self, x: Array, condition: Array, *, train: bool) -> Array:
    active = lambda x: nn.relu(self.norm()(x, condition, train=train))
    inner = partial(conv, max(x.shape[-1] // 4, 1), use_bias=self.bias)
    y = inner(kernel=1)(active(x))
    y = inner(form=upsample_convolve if self.up else None)(active(y))
    y = inner()(active(y))
    y = conv(self.width, kernel=1, use_bias=self.bias)(active(y))
    x = x[..., : self.width]
    return y + (upsample(x) if self.up else x)


class DeepDownBlock(nn.Module):
  """Residual block of the deep critic; with `down` it halves the size.

  The branch is four times ReLU and conv (1x1, 3x3, 3x3, 1x1). Its inner maps have a quarter of the
  output's channels. The shortcut is the input; a 1x1 convolution of it adds the missing channels.
  With `down`, both are pooled, the branch before its last convolution.
  """

  width: int
  down: bool

  @nn.compact
  def __call__(self, x: Array) -> Array:
    inner, shrink = max(self.width // 4, 1), pool if self.down else lambda x: x
    y = conv(inner, kernel=1)(nn.relu(x))
    y = conv(inner)(nn.relu(y))
    y = conv(inner)(nn.relu(y))
    y, x = conv(self.width, kernel=1)(shrink(nn.relu(y))), shrink(x)
    missing = self.width - x.shape[-1]
    return y + (jnp.concatenate([x, conv(missing, kernel=1)(x)], -1) if missing else x)


class Generator(nn.Module):
  """Generator: latents `[B, Z]` (and labels `[B]`) -> images `[B, S, S, channels]` in [-1, 1].

  The latent is split into chunks. The first chunk makes the first map. Each block has its own
  chunk, which is joined with an embedding of the label and conditions the block's batch norms. In
  the deep form, the first map and all blocks use the whole latent and the embedding.

  Attributes:
    size: side of the image in pixels.
    channels: channels of the image.
    width: the unit of the channels.
    classes: number of classes.
    shared: length of the label's embedding, which all blocks share; 0: the first map is made of the
      whole latent, and each batch norm has a gain and a bias, with labels one for each class.
    attention: largest side in pixels of the map with self-attention.
    deep: BigGAN-deep.
    bias: give every convolution of the blocks a bias, as the authors do. Where no attention
      follows, it has no effect, since the next batch norm subtracts it.
    eps: added to the variances by batch norm.
    spare: the last convolution has as many outputs as inputs, and the image consists of the first
      ones, as in the published BigGAN-deep. The others have an effect by spectral norm alone.
    start: the initializer of all kernels, unless `deep`.
    tables: with `shared` 0, the initializer of what each class adds to gain 1 and bias 0.

  References: Brock et al., 2018 (BigGAN); with `shared` 0: Zhang et al., 2019 (SAGAN).
  """

  size: int
  channels: int
  width: int = 96
  classes: int = 0
  shared: int = 128
  attention: int = 16
  deep: bool = False
  bias: bool = False
  eps: float = 1e-5
  spare: bool = False
  start: Initializer = orthogonal
  tables: Initializer = orthogonal

  @nn.compact
  def __call__(self, z: Array, *labels: Array, train: bool) -> Array:
    side, (first, *widths) = stem(self.size)[0], [self.width * m for m in rising(self.size)]
    norm: Callable[..., nn.Module] = partial(VectorBatchNorm, eps=self.eps)
    if self.shared:
      embed = partial(Embed, self.classes, self.shared, start=orthogonal, name='shared')
      chunk, *vectors = self.conditions(z, [embed()(y) for y in labels], len(widths))
      conditions: list[tuple[Array, ...]] = [(vector,) for vector in vectors]
    else:
      of_class = partial(ClassBatchNorm, self.classes, start=self.tables)
      norm = partial(of_class if labels else BatchNorm, eps=self.eps)
      chunk, conditions = z, [labels] * len(widths)
    x = Dense(side * side * first, spectral=True, start=self.start)(chunk)
    x = x.reshape(-1, side, side, first)
    for width, condition in zip(widths, conditions, strict=True):
      if self.deep:
        x = DeepUpBlock(x.shape[-1], False, self.bias, norm)(x, *condition, train=train)
        x = DeepUpBlock(width, True, self.bias, norm)(x, *condition, train=train)
      else:
        x = UpBlock(width, self.bias, norm, self.start)(x, *condition, train=train)
      if x.shape[1] == attended(self.size, self.attention):
        x = SelfAttention(start=self.start)(x)
    x = nn.relu(BatchNorm(eps=self.eps)(x, train=train))
    image = conv(x.shape[-1] if self.spare else self.channels, start=self.start)(x)
    return jnp.tanh(image[..., : self.channels])

  def conditions(self, z: Array, embedded: list[Array], blocks: int) -> list[Array]:
    """Return the input of the first layer and the condition of each block."""
    if self.deep:
      return [jnp.concatenate([z, *embedded], -1)] * (blocks + 1)
    if z.shape[-1] <= blocks:
      raise ValueError(
        f'expected latents of {blocks + 1} numbers or more, one for each block and the first map, '
        f'got {z.shape[-1]}: give a larger --latent-size'
      )
    chunk, *chunks = jnp.array_split(z, blocks + 1, -1)
    return [chunk, *(jnp.concatenate([chunk, *embedded], -1) for chunk in chunks)]


class Critic(nn.Module):
  """Critic: images `[B, S, S, C]` (and labels `[B]`, by projection) -> logits `[B]`.

  Attributes:
    width: the unit of the channels.
    classes: number of classes.
    attention: largest side in pixels of the map with self-attention.
    deep: BigGAN-deep.
    start: the initializer of all kernels, unless `deep`.

  References: Brock et al., 2018 (BigGAN); Zhang et al., 2019 (SAGAN).
  """

  width: int = 96
  classes: int = 0
  attention: int = 16
  deep: bool = False
  start: Initializer = orthogonal

  @nn.compact
  def __call__(self, x: Array, *labels: Array, train: bool) -> Array:
    place = attended(x.shape[1], self.attention)
    multiples, halvings = falling(x.shape[1], self.deep)
    if self.deep:
      x, multiples = conv(self.width * multiples[0])(x), multiples[1:]
    for i, multiple in enumerate(multiples):
      x = self.block(x, self.width * multiple, i < halvings, i == 0)
      if i < halvings and x.shape[1] == place:
        x = SelfAttention(start=self.start)(x)
    h = nn.relu(x).sum((1, 2))
    self.sow('intermediates', 'features', h)
    logits = Dense(1, spectral=True, start=self.start)(h)[:, 0]
    embed = partial(Embed, self.classes, h.shape[-1], True, self.start)
    return logits + sum((embed()(y) * h).sum(-1) for y in labels)

  def block(self, x: Array, width: int, down: bool, entry: bool) -> Array:
    """Apply one residual block, or two in the deep form."""
    if self.deep:
      return DeepDownBlock(width, False)(DeepDownBlock(width, down)(x))
    return DownBlock(width, down, entry, starts=(self.start, self.start))(x)
