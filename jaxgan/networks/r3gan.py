"""Networks of R3GAN: residual blocks with grouped convolutions and no normalisation at all.

Huang et al., The GAN is dead; long live the GAN! A Modern GAN Baseline, 2024.
"""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.core.typing import Array
from jaxgan.networks.resnet import stem
from jaxgan.nn.convolutions import Conv
from jaxgan.nn.dense import Dense, Embed
from jaxgan.nn.elementwise import leaky_relu
from jaxgan.nn.initializers import Initializer
from jaxgan.ops.resample import downsample_fir, upsample_fir

TAPS = (1, 3, 3, 1)  # (1, 2, 1), and (1, 1) for the two pixels that stand where one was


def normal(gain: float = 1.0) -> Initializer:
  """N(0, gain / sqrt(fan_in))."""
  return nn.initializers.variance_scaling(gain**2, 'fan_in', 'normal')


def active_gain(blocks: int) -> float:
  """sqrt(2 / 1.04) L^(-1/4): the gain of what feeds a leaky ReLU in a network of L blocks.

  Each of the two layers of a residual branch shrinks by L^(-1/4), so that the L branches together
  add to the variance what one would.
  """
  return (2 / 1.04) ** 0.5 * blocks**-0.25


def widths(width: int, stages: int) -> tuple[int, ...]:
  """Channels from the smallest map on: four stages as wide as the first, then half of the last."""
  return tuple(width >> max(0, i - 3) for i in range(stages))


class Block(nn.Module):
  """x + f(x), f: 1x1 to twice the channels, 3x3 in groups, 1x1 back; f starts at 0.

  After each of the first two convolutions comes a bias and a leaky ReLU; the last has none.
  """

  groups: int
  start: Initializer

  @nn.compact
  def __call__(self, x: Array) -> Array:
    wide = partial(Conv, 2 * x.shape[-1], start=self.start)
    y = leaky_relu(wide(kernel=1)(x))
    y = leaky_relu(wide(groups=self.groups)(y))
    return x + Conv(x.shape[-1], 1, use_bias=False, start=nn.initializers.zeros)(y)


def blocks(x: Array, count: int, total: int, group: int) -> Array:
  """A stage: `count` blocks of a network that has `total`, groups of `group` channels."""
  for _ in range(count):
    x = Block(max(2 * x.shape[-1] // group, 1), normal(active_gain(total)))(x)
  return x


def matched(x: Array, width: int) -> Array:
  """Convolved 1x1 to that width, unless it is the width already."""
  return x if x.shape[-1] == width else Conv(width, 1, use_bias=False, start=normal())(x)


class Generator(nn.Module):
  """Latents `[B, Z]` (and labels `[B]`) -> images `[B, S, S, channels]`.

  A learned first map times a linear function of the latent, then stages of residual blocks. There
  is no tanh: in training an image may leave [-1, 1], outside of training it is clipped to it. An
  embedding of the label joins the latent. `group` is the channels of a group.
  """

  size: int
  channels: int
  width: int = 768
  depth: int = 2
  group: int = 16
  classes: int = 0
  embedding: int = 64

  @nn.compact
  def __call__(self, z: Array, *labels: Array, train: bool) -> Array:
    side, doublings = stem(self.size)
    embed = partial(Embed, self.classes, self.embedding, start=normal())
    z = jnp.concatenate([z, *(embed()(y) for y in labels)], -1)
    basis = self.param('basis', nn.initializers.normal(1.0), (side, side, self.width))
    x = basis[None] * Dense(self.width, False, start=normal())(z)[:, None, None]
    stages = widths(self.width, doublings + 1)
    for i, width in enumerate(stages):
      x = upsample_fir(matched(x, width), TAPS) if i else x
      x = blocks(x, self.depth, self.depth * len(stages), self.group)
    image = Conv(self.channels, 1, use_bias=False, start=normal())(x)
    return image if train else jnp.clip(image, -1, 1)


class Critic(nn.Module):
  """Images `[B, S, S, C]` (and labels `[B]`) -> logits `[B]`.

  The generator in reverse: stages of residual blocks, each pixel of the last map weighted for each
  channel by itself, a linear layer. With `classes` it gives `width` features, whose inner product
  with the label's embedding is the logit.
  """

  width: int = 768
  depth: int = 2
  group: int = 16
  classes: int = 0

  @nn.compact
  def __call__(self, x: Array, *labels: Array, train: bool) -> Array:
    stages = widths(self.width, stem(x.shape[1])[1] + 1)[::-1]
    x = Conv(stages[0], 1, use_bias=False, start=normal())(x)
    for i, width in enumerate(stages):
      x = matched(downsample_fir(x, TAPS), width) if i else x
      x = blocks(x, self.depth, self.depth * len(stages), self.group)
    _, *side, width = x.shape
    weights = self.param('weights', normal(), (*side, 1, width))
    features = (x * weights[None, :, :, 0]).sum((1, 2))
    self.sow('intermediates', 'features', features)
    if not labels:
      return Dense(1, False, start=normal())(features)[:, 0]
    embed = partial(Embed, self.classes, self.width, start=normal(self.width**-0.5))
    features = Dense(self.width, False, start=normal())(features)
    return sum(((embed()(y) * features).sum(-1) for y in labels), start=jnp.zeros((), x.dtype))
