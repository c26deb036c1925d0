"""Losses of super-resolution; the low-resolution inputs are made here from the batch's images."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp

from jaxgan.augmentation.crops import crops
from jaxgan.core.game import Loss
from jaxgan.core.nets import Nets, Shown
from jaxgan.core.typing import Array, Batch, Key, Logs
from jaxgan.losses.objectives import Objective
from jaxgan.ops.resample import resize

Distance = Callable[[Array, Array], Array]
"""A function from two arrays of one shape to a scalar."""


class Weights(NamedTuple):
  """The weights of the terms of the generator's loss, for images in [0, 1]."""

  pixel: float
  content: float
  adversarial: float


def squared(x: Array, y: Array) -> Array:
  """Return the mean squared difference, float32 at least."""
  return ((x - y).astype(jnp.promote_types(x.dtype, jnp.float32)) ** 2).mean()


def absolute(x: Array, y: Array) -> Array:
  """Return the mean absolute difference, float32 at least."""
  return jnp.abs((x - y).astype(jnp.promote_types(x.dtype, jnp.float32))).mean()


def downsampled(images: Array, scale: int) -> Array:
  """Downsample images by a factor, bicubic with antialiasing, and clip them to [-1, 1].

  Args:
    images: `[B, H, W, C]` in [-1, 1].
    scale: the factor, a whole number >= 1.

  Returns:
    `[B, H // scale, W // scale, C]`.
  """
  height, width = images.shape[1] // scale, images.shape[2] // scale
  return jnp.clip(resize(images, height, width), -1, 1)


def pixels(distance: Distance, *, scale: int, crop: int) -> Loss:
  """Return the generator's loss without a critic: distance(G(low), high).

  Args:
    distance: the distance of two batches of images in [0, 1].
    scale: the factor between high and low resolution.
    crop: the side of the random crops in pixels; `scale` must divide it.
  """

  def generator(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    high = crops(batch['image'], crop, key)
    made, nets = nets('generator', downsampled(high, scale))
    return distance(_unit(made), _unit(high)), nets, {}

  return generator


def adversarial(
  objective: Objective,
  distance: Distance,
  weights: Weights,
  *,
  scale: int,
  crop: int,
  perceptual: bool,
) -> tuple[Loss, Loss]:
  """Return the losses of critic and generator, in the order of their turns.

  critic: c(D(high), D(G(low)))
  generator: w.pixel d(G(low), high) + w.content d(F(G(low)), F(high)) + w.adversarial g

  c and g are the losses of the objective, d is the distance. The two turns must share their draws.

  Args:
    objective: the pair of losses of logits.
    distance: d, the distance of two batches of images in [0, 1] or of features.
    weights: w, the weights of the terms.
    scale: the factor between high and low resolution.
    crop: the side of the random crops in pixels; `scale` must divide it.
    perceptual: True uses the network `features` as F; False compares pixels instead.

  References: Ledig et al., Photo-Realistic Single Image Super-Resolution, 2017 (SRGAN); Wang et
  al., ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks, 2018.
  """

  def make(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Array, Nets]:
    high = crops(batch['image'], crop, key)
    made, nets = nets('generator', downsampled(high, scale))
    return made, high, nets

  def critic(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    made, high, _ = make(nets, batch, key)
    seeing = lambda x, nets=nets: nets('critic', x)[0]
    nets.show(Shown(high, made, seeing, objective.critic))
    real, nets = nets('critic', high)
    fake, nets = nets('critic', made)
    return objective.critic(real, fake), nets, {'real': real.mean(), 'fake': fake.mean()}

  def generator(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    made, high, nets = make(nets, batch, key)
    fake, nets = nets('critic', made)
    real = nets('critic', high)[0] if objective.uses_real else jnp.zeros_like(fake)
    pixel = content = distance(_unit(made), _unit(high))
    if perceptual:
      content = distance(nets('features', made)[0], nets('features', high)[0])
    fooled = objective.generator(real, fake)
    loss = weights.pixel * pixel + weights.content * content + weights.adversarial * fooled
    return loss, nets, {'pixel': pixel, 'content': content, 'adversarial': fooled}

  return critic, generator


def _unit(x: Array) -> Array:
  return (x + 1) / 2
