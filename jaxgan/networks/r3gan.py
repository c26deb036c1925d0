"""Networks of R3GAN: residual blocks with grouped convolutions, without any normalization.

Reference: Huang et al., The GAN is dead; long live the GAN! A Modern GAN Baseline, 2024.
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
from jaxgan.nn.parameters import parameter
from jaxgan.ops.resample import downsample_fir, upsample_fir

TAPS = (1, 3, 3, 1)  # the blur (1, 2, 1), convolved with (1, 1), which repeats or averages pixels


def normal(gain: float = 1.0) -> Initializer:
  """Return a normal initializer of mean 0 and standard deviation gain / sqrt(fan_in)."""
  return nn.initializers.variance_scaling(gain**2, 'fan_in', 'normal')


def active_gain(blocks: int) -> float:
  """Return the gain of the layers before a leaky ReLU in a network with L = `blocks` blocks.

  gain = sqrt(2 / 1.04) L^(-1/4)

  The two layers of a residual branch each shrink it by L^(-1/4), so the L branches together add as
  much variance as one branch without this factor.
  """
  return (2 / 1.04) ** 0.5 * blocks**-0.25


def widths(width: int, stages: int) -> tuple[int, ...]:
  """Return the channels of each stage, smallest map first: `width` for four stages, then halves."""
  return tuple(width >> max(0, i - 3) for i in range(stages))


class Block(nn.Module):
  """Residual block x + f(x), where f is 0 at initialization.

  f is a 1x1 convolution to twice the channels, a 3x3 convolution in groups, and a 1x1 convolution
  back. A bias and a leaky ReLU follow the first two convolutions, nothing follows the last.
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
  """Apply a stage of `count` blocks, of `total` in the network, with groups of `group` channels."""
  for _ in range(count):
    x = Block(max(2 * x.shape[-1] // group, 1), normal(active_gain(total)))(x)
  return x


def matched(x: Array, width: int) -> Array:
  """Return x with `width` channels, by a 1x1 convolution where it has another number."""
  return x if x.shape[-1] == width else Conv(width, 1, use_bias=False, start=normal())(x)


class Generator(nn.Module):
  """Generator: latents `[B, Z]` (and labels `[B]`) -> images `[B, S, S, channels]`.

  A learned first map is multiplied by a linear function of the latent; stages of residual blocks
  follow. There is no tanh: in training, pixels may leave [-1, 1]; else they are clipped to it.

  Attributes:
    size: side of the image in pixels.
    channels: channels of the image.
    width: channels of the first four stages.
    depth: residual blocks of a stage.
    group: channels of a group in the grouped convolutions.
    classes: number of classes; above 0, an embedding of the label is joined to the latent.
    embedding: length of that embedding.
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
    basis = parameter(self, 'basis', nn.initializers.normal(1.0), (side, side, self.width))
    x = basis[None] * Dense(self.width, False, start=normal())(z)[:, None, None]
    stages = widths(self.width, doublings + 1)
    for i, width in enumerate(stages):
      x = upsample_fir(matched(x, width), TAPS) if i else x
      x = blocks(x, self.depth, self.depth * len(stages), self.group)
    image = Conv(self.channels, 1, use_bias=False, start=normal())(x)
    return image if train else jnp.clip(image, -1, 1)


class Critic(nn.Module):
  """Critic: images `[B, S, S, C]` (and labels `[B]`) -> logits `[B]`.

  It is the generator in reverse: stages of residual blocks, a sum over the pixels of the last map
  with learned weights for each channel, and a linear layer. With `classes` the linear layer gives
  `width` features, and the logit is their inner product with the label's embedding.
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
    weights = parameter(self, 'weights', normal(), (*side, 1, width))
    features = (x * weights[None, :, :, 0]).sum((1, 2))
    self.sow('intermediates', 'features', features)
    if not labels:
      return Dense(1, False, start=normal())(features)[:, 0]
    embed = partial(Embed, self.classes, self.width, start=normal(self.width**-0.5))
    features = Dense(self.width, False, start=normal())(features)
    return sum(((embed()(y) * features).sum(-1) for y in labels), start=jnp.zeros((), x.dtype))
