"""Networks of BigGAN and BigGAN-deep: residual blocks, spectral norm, attention, orthogonal starts.

Brock et al., Large Scale GAN Training for High Fidelity Natural Image Synthesis, 2018.

Channels are multiples of `width`. Up to 56 pixels all blocks of a network are equally wide, as the
authors have it for CIFAR-10; from 64 on they narrow towards the image.
"""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.core.typing import Array
from jaxgan.networks.resnet import DownBlock, stem
from jaxgan.nn.attention import SelfAttention
from jaxgan.nn.convolutions import Conv
from jaxgan.nn.dense import Dense, Embed
from jaxgan.nn.initializers import orthogonal
from jaxgan.nn.normalization import BatchNorm, VectorBatchNorm
from jaxgan.ops.convolution import upsample_convolve
from jaxgan.ops.resample import pool, upsample

# By how often the first map doubles to the image: channels from the first map to the last.
RISING = {4: (16, 16, 8, 4, 2), 5: (16, 16, 8, 4, 2, 1), 6: (16, 16, 8, 8, 4, 2, 1)}
FALLING = {4: (1, 2, 4, 8, 16), 5: (1, 2, 4, 8, 16, 16), 6: (1, 2, 4, 8, 8, 16, 16)}


def rising(size: int) -> tuple[int, ...]:
  """Multiples of the generator's width: of its first map, then of each block's output.

  Raises:
    ValueError: a size that is not 4, 5, 6 or 7 times a power of two, or too large.
  """
  doublings = stem(size)[1]
  if doublings > max(RISING):
    raise ValueError(f'BigGAN is known up to 448 pixels, these are {size}: give --image-size')
  return RISING.get(doublings, (4,) * (doublings + 1))


def falling(size: int, deep: bool) -> tuple[tuple[int, ...], int]:
  """Multiples of the critic's width, block by block, and how many of the blocks halve the map.

  The deep critic's first multiple is that of its first convolution.
  """
  doublings = len(rising(size)) - 1
  if doublings in FALLING:
    return FALLING[doublings], doublings
  halvings = 1
  while size >> halvings > 8:
    halvings += 1
  return (4 if deep else 2,) * (halvings + 2), halvings


def attended(size: int, limit: int) -> int:
  """Pixels on a side of the map that attends to itself; 0: none.

  The largest of at most `limit` and of at most half the image, if a block makes it.
  """
  first, side = stem(size)[0], size // 2
  while side > max(limit, first):
    side //= 2
  return side if side > first else 0


conv = partial(Conv, spectral=True, start=orthogonal)


class UpBlock(nn.Module):
  """norm, ReLU, upsample, conv, norm, ReLU, conv, plus the input convolved 1x1 and upsampled."""

  width: int
  bias: bool = False

  @nn.compact
  def __call__(self, x: Array, condition: Array, *, train: bool) -> Array:
    active = lambda x: nn.relu(VectorBatchNorm()(x, condition, train=train))
    wide = partial(conv, self.width, use_bias=self.bias)
    y = wide(form=upsample_convolve)(active(x))
    y = wide()(active(y))
    return y + wide(kernel=1, form=upsample_convolve)(x)


class DeepUpBlock(nn.Module):
  """norm, ReLU, conv four times (1x1, 3x3, 3x3, 1x1), plus the input without its last channels.

  The inner maps have a quarter of the input's channels. With `up` the first 3x3 convolution and the
  shortcut enlarge.
  """

  width: int
  up: bool
  bias: bool = False

  @nn.compact
  def __call__(self, x: Array, condition: Array, *, train: bool) -> Array:
    active = lambda x: nn.relu(VectorBatchNorm()(x, condition, train=train))
    inner = partial(conv, max(x.shape[-1] // 4, 1), use_bias=self.bias)
    y = inner(kernel=1)(active(x))
    y = inner(form=upsample_convolve if self.up else None)(active(y))
    y = inner()(active(y))
    y = conv(self.width, kernel=1, use_bias=self.bias)(active(y))
    x = x[..., : self.width]
    return y + (upsample(x) if self.up else x)


class DeepDownBlock(nn.Module):
  """ReLU, conv four times (1x1, 3x3, 3x3, 1x1), plus the input, widened by a 1x1 convolution of it.

  The inner maps have a quarter of the output's channels. With `down` both are pooled, the branch
  before its last convolution.
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
  """Latents `[B, Z]` (and labels `[B]`) -> images `[B, S, S, channels]` in [-1, 1].

  One embedding of the label, `shared` wide, reaches every block's batch norms, joined with a chunk
  of the latent of the block's own; the first chunk alone makes the first map. The deep form gives
  the whole latent and the embedding to all. `bias` gives every convolution of the blocks one, as
  the authors have it; where no attention comes after, batch norm takes it out again.

  References: Brock et al., 2018 (BigGAN).
  """

  size: int
  channels: int
  width: int = 96
  classes: int = 0
  shared: int = 128
  attention: int = 16
  deep: bool = False
  bias: bool = False

  @nn.compact
  def __call__(self, z: Array, *labels: Array, train: bool) -> Array:
    side, (first, *widths) = stem(self.size)[0], [self.width * m for m in rising(self.size)]
    embed = partial(Embed, self.classes, self.shared, start=orthogonal, name='shared')
    embedded = [embed()(y) for y in labels]
    chunk, *conditions = self.conditions(z, embedded, len(widths))
    x = Dense(side * side * first, spectral=True, start=orthogonal)(chunk)
    x = x.reshape(-1, side, side, first)
    for width, condition in zip(widths, conditions, strict=True):
      if self.deep:
        x = DeepUpBlock(x.shape[-1], False, self.bias)(x, condition, train=train)
        x = DeepUpBlock(width, True, self.bias)(x, condition, train=train)
      else:
        x = UpBlock(width, self.bias)(x, condition, train=train)
      if x.shape[1] == attended(self.size, self.attention):
        x = SelfAttention()(x)
    x = nn.relu(BatchNorm()(x, train=train))
    return jnp.tanh(conv(self.channels)(x))

  def conditions(self, z: Array, embedded: list[Array], blocks: int) -> list[Array]:
    """What the first layer and each block are given."""
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
  """Images `[B, S, S, C]` (and labels `[B]`, by projection) -> logits `[B]`.

  References: Brock et al., 2018 (BigGAN).
  """

  width: int = 96
  classes: int = 0
  attention: int = 16
  deep: bool = False

  @nn.compact
  def __call__(self, x: Array, *labels: Array, train: bool) -> Array:
    place = attended(x.shape[1], self.attention)
    multiples, halvings = falling(x.shape[1], self.deep)
    if self.deep:
      x, multiples = conv(self.width * multiples[0])(x), multiples[1:]
    for i, multiple in enumerate(multiples):
      x = self.block(x, self.width * multiple, i < halvings, i == 0)
      if i < halvings and x.shape[1] == place:
        x = SelfAttention()(x)
    h = nn.relu(x).sum((1, 2))
    self.sow('intermediates', 'features', h)
    logits = Dense(1, spectral=True, start=orthogonal)(h)[:, 0]
    embed = partial(Embed, self.classes, h.shape[-1], True, orthogonal)
    return logits + sum((embed()(y) * h).sum(-1) for y in labels)

  def block(self, x: Array, width: int, down: bool, entry: bool) -> Array:
    """One residual block, or the two of the deep form."""
    if self.deep:
      return DeepDownBlock(width, False)(DeepDownBlock(width, down)(x))
    return DownBlock(width, down, entry, starts=(orthogonal, orthogonal))(x)
