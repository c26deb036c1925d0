"""Sphere GAN: the critic gives points on a sphere, and the losses are moments of their distance.

Park and Kwon, Sphere Generative Adversarial Network Based on Geometric Moment Matching, 2019.
"""

import sys
from dataclasses import dataclass

import jax.numpy as jnp

import jaxgan
from jaxgan import losses, networks
from jaxgan.main import main


@dataclass(frozen=True)
class Config(jaxgan.Config):
  """Options of Sphere GAN."""

  size: int = 64
  """Dimensions of what the critic gives."""
  moments: int = 3
  """Moments of the distance from the north pole."""


def distance(x):
  """The geodesic distance of points `[B, n]`, by stereographic projection, from the north pole."""
  square = (x**2).sum(-1)
  return jnp.arccos(jnp.clip((square - 1) / (square + 1), -1 + 1e-6, 1 - 1e-6))


def build(config, spec):
  """Perceptrons; the critic moves real points away from the pole, and fake ones to it."""
  moment = lambda x: sum((distance(x) ** r).mean() for r in range(1, config.moments + 1))
  return jaxgan.two_player(
    config,
    spec,
    generator=networks.mlp.Generator(spec.shape),
    critic=networks.mlp.Critic(outputs=config.size),
    objective=losses.Objective(lambda r, f: moment(f) - moment(r), lambda r, f: -moment(f)),
  )


if __name__ == '__main__':
  jaxgan.register('sphere_gan', sys.modules[__name__])
  sys.exit(main())
