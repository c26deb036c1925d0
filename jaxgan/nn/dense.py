"""Linear layers of vectors: dense layers, embeddings, maxout."""

import flax.linen as nn
import jax.numpy as jnp
from jax import lax

from jaxgan.core.typing import Array
from jaxgan.nn.elementwise import affine
from jaxgan.nn.initializers import Initializer, normal
from jaxgan.nn.parameters import parameter
from jaxgan.nn.spectral_norm import Kernel


def with_bias(module: nn.Module, y: Array, features: int) -> Array:
  """Add a learned bias, the parameter `bias` of the module."""
  return affine(y, None, parameter(module, 'bias', nn.initializers.zeros, (features,)))


class Dense(nn.Module):
  """A linear map of the last axis, x W + b: `[..., C]` to `[..., features]`.

  Args:
    features: the size of the output.
    use_bias: True adds a learned bias.
    spectral: True divides W by its largest singular value.
    start: the initializer of W.
    precision: the precision of the product; None: the default of the back end.
  """

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
  """A learned vector for each class: labels `[B]` to `[B, features]`.

  Args:
    classes: the number of classes.
    features: the size of a vector.
    spectral: True divides the table `[classes, features]` by its largest singular value.
    start: the initializer of the table.
  """

  classes: int
  features: int
  spectral: bool = False
  start: Initializer = nn.initializers.normal(1.0)

  @nn.compact
  def __call__(self, labels: Array) -> Array:
    return Kernel((self.classes, self.features), self.start, self.spectral, name='weight')()[labels]


class Maxout(nn.Module):
  """The maximum of `pieces` linear maps, for each feature: `[..., C]` to `[..., features]`.

  Args:
    features: the size of the output.
    pieces: the number of linear maps.
    start: the initializer of the weights.

  Reference: Goodfellow et al., Maxout Networks, 2013.
  """

  features: int
  pieces: int = 5
  start: Initializer = normal

  @nn.compact
  def __call__(self, x: Array) -> Array:
    y = Dense(self.features * self.pieces, start=self.start)(x)
    return y.reshape(*x.shape[:-1], self.features, self.pieces).max(-1)
