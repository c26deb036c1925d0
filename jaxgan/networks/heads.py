"""Heads on features of other networks: they name a class, or describe patches."""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.core.typing import Array
from jaxgan.nn.dense import Dense
from jaxgan.nn.initializers import normal
from jaxgan.nn.parameters import parameter


def unit(x: Array) -> Array:
  """Return vectors of length 1 in the direction of x, along the last axis."""
  return x / jnp.sqrt((x**2).sum(-1, keepdims=True) + 1e-12)


class Classes(nn.Module):
  """Head: features `[B, ...]` -> logits of the classes `[B, classes]`."""

  classes: int

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    return Dense(self.classes, start=normal)(x.reshape(len(x), -1))


class Patches(nn.Module):
  """Head: patches of maps, `[B, p, C]` each -> vectors of length 1, `[B, p, size]` for each map.

  Each map has its own perceptron of two layers.

  Reference: Park et al., Contrastive Learning for Unpaired Image-to-Image Translation, 2020.
  """

  size: int

  @nn.compact
  def __call__(self, *maps: Array, train: bool) -> tuple[Array, ...]:
    dense = partial(Dense, self.size, start=nn.initializers.he_normal())
    return tuple(unit(dense()(nn.relu(dense()(x)))) for x in maps)


class Proxies(nn.Module):
  """Head: features `[B, ...]` -> `[B, classes + size]`: cosines with the classes, and a direction.

  A learned map of the features is scaled to length 1, and so is a learned vector of each class, its
  proxy. The first numbers of the output are the products of both, the others the scaled map.

  Reference: Kang et al., Rebooting ACGAN, 2021.
  """

  classes: int
  size: int

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    seen = unit(Dense(self.size, start=normal)(x.reshape(len(x), -1)))
    proxies = parameter(self, 'proxies', nn.initializers.normal(1.0), (self.size, self.classes))
    return jnp.concatenate([seen @ unit(proxies.T).T.astype(seen.dtype), seen], -1)
