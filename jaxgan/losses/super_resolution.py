"""Losses of super-resolution: low resolution is made here, from the batch's own images."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp

from jaxgan.augmentation.crops import crops
from jaxgan.core.game import Loss, Nets
from jaxgan.core.typing import Array, Batch, Key
from jaxgan.losses.objectives import Objective
from jaxgan.ops.resample import resize

Distance = Callable[[Array, Array], Array]
"""Of two arrays of one shape, to a scalar."""


class Weights(NamedTuple):
  """Of the terms of the generator's loss, for images from 0 to 1."""

  pixel: float
  content: float
  adversarial: float


def squared(x: Array, y: Array) -> Array:
  """Mean squared difference, float32 at least."""
  return ((x - y).astype(jnp.promote_types(x.dtype, jnp.float32)) ** 2).mean()


def absolute(x: Array, y: Array) -> Array:
  """Mean absolute difference, float32 at least."""
  return jnp.abs((x - y).astype(jnp.promote_types(x.dtype, jnp.float32))).mean()


def lowered(images: Array, scale: int) -> Array:
  """Images `[B, H, W, C]` in [-1, 1], smaller by `scale`: bicubic with antialiasing, clipped."""
  height, width = images.shape[1] // scale, images.shape[2] // scale
  return jnp.clip(resize(images, height, width), -1, 1)


def pixels(distance: Distance, *, scale: int, crop: int) -> Loss:
  """The loss of the generator alone: distance(G(low), high), for values from 0 to 1."""

  def generator(nets: Nets, batch: Batch, key: Key):
    high = crops(batch['image'], crop, key)
    made, nets = nets('generator', lowered(high, scale))
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
  """The losses of critic and generator, in the order in which they play.

  critic: c(D(high), D(G(low)))
  generator: w.pixel d(G(low), high) + w.content d(F(G(low)), F(high)) + w.adversarial g

  c and g are those of the objective, d the distance. F is the network `features`, or none: then
  content is told by pixels as well. The two turns must share their draws.

  References: Ledig et al., 2017; Wang et al., 2018.
  """

  def make(nets: Nets, batch: Batch, key: Key):
    high = crops(batch['image'], crop, key)
    made, nets = nets('generator', lowered(high, scale))
    return made, high, nets

  def critic(nets: Nets, batch: Batch, key: Key):
    made, high, _ = make(nets, batch, key)
    real, nets = nets('critic', high)
    fake, nets = nets('critic', made)
    return objective.critic(real, fake), nets, {'real': real.mean(), 'fake': fake.mean()}

  def generator(nets: Nets, batch: Batch, key: Key):
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
