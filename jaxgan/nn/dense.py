"""Linear maps of vectors: dense layers, embeddings, maxout."""

import flax.linen as nn
import jax.numpy as jnp
from jax import lax

from jaxgan.core.typing import Array
from jaxgan.nn.elementwise import affine
from jaxgan.nn.initializers import Initializer, normal
from jaxgan.nn.spectral_norm import Kernel


def with_bias(module: nn.Module, y: Array, features: int) -> Array:
  """Add a learnt bias, of the parameter `bias` of the module."""
  return affine(y, None, module.param('bias', nn.initializers.zeros, (features,)))


class Dense(nn.Module):
  """x W + b over the last axis; `precision` is of the product, None: the back end's own."""

  features: int
  use_bias: bool = True
  spectral: bool = False
  start: Initializer = normal
  precision: lax.Precision | None = None

  @nn.compact
  def __call__(self, x: Array) -> Array:
    w = Kernel((x.shape[-1], self.features), self.start, self.spectral, name='weight')()
    y = jnp.matmul(x, w, precision=self.precision)
    return with_bias(self, y, self.features) if self.use_bias else y


class Embed(nn.Module):
  """A vector for each class: labels `[B]` -> `[B, features]`."""

  classes: int
  features: int
  spectral: bool = False
  start: Initializer = nn.initializers.normal(1.0)

  @nn.compact
  def __call__(self, labels: Array) -> Array:
    return Kernel((self.classes, self.features), self.start, self.spectral, name='weight')()[labels]


class Maxout(nn.Module):
  """The largest of `pieces` linear maps, for each feature.

  References: Goodfellow et al., Maxout Networks, 2013.
  """

  features: int
  pieces: int = 5
  start: Initializer = normal

  @nn.compact
  def __call__(self, x: Array) -> Array:
    y = Dense(self.features * self.pieces, start=self.start)(x)
    return y.reshape(*x.shape[:-1], self.features, self.pieces).max(-1)
