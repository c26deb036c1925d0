"""Spectral norm: division of a kernel by its largest singular value."""

from collections.abc import Sequence
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.core.typing import Array
from jaxgan.nn.initializers import Initializer, normal
from jaxgan.nn.parameters import parameter


def spectral_norm(w: Array, u: Array, eps: float = 1e-12) -> tuple[Array, Array]:
  """Divide a kernel by an estimate of its largest singular value, by one power iteration.

  v = uW / |uW|, u = vW' / |vW'|, sigma = u W v', with W = w as [out, rest]

  For the gradient u and v are constants; it flows through the W in sigma. sigma is computed in
  float32 or wider.

  Args:
    w: the kernel `[..., out]`.
    u: the vector `[out]` of the iteration.
    eps: added to the norms.

  Returns:
    w / sigma, of the type of w, and the next u.

  Reference: Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018.
  """
  matrix = w.reshape(-1, w.shape[-1]).astype(jnp.promote_types(w.dtype, jnp.float32))
  unit = lambda x: x / (jnp.linalg.norm(x) + eps)
  frozen = lax.stop_gradient(matrix)
  product = partial(jnp.matmul, precision=lax.Precision.HIGHEST)
  v = unit(product(frozen, u))
  u = unit(product(v, frozen))
  return (matrix / product(product(v, matrix), u)).reshape(w.shape).astype(w.dtype), u


class Kernel(nn.Module):
  """A kernel `[..., out]`, with spectral norm if `spectral` is True.

  The vector of the power iteration is kept in the collection `spectral`. It is updated where that
  collection is mutable, which is in training only.

  Args:
    shape: the shape of the kernel.
    start: its initializer.
    spectral: True divides the kernel by its largest singular value.
  """

  shape: Sequence[int]
  start: Initializer = normal
  spectral: bool = False

  @nn.compact
  def __call__(self) -> Array:
    w = parameter(self, 'kernel', self.start, self.shape)
    if not self.spectral:
      return w
    first = lambda: jax.random.normal(self.make_rng('params'), (self.shape[-1],))
    u = self.variable('spectral', 'u', first)
    w, moved = spectral_norm(w, u.value)
    if self.is_mutable_collection('spectral') and not self.is_initializing():
      u.value = moved
    return w
