"""Spectral norm: a kernel divided by its largest singular value."""

from collections.abc import Sequence
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.core.typing import Array
from jaxgan.nn.initializers import Initializer, normal


def spectral_norm(w: Array, u: Array, eps: float = 1e-12) -> tuple[Array, Array]:
  """Divide a kernel by its largest singular value, by one power iteration from `u`.

  v = uW / |uW|, u = vW' / |vW'|, sigma = u W v' with W = w as [out, rest]; u and v are constants to
  the gradient, which flows through W in sigma. `w` is [..., out], `u` [out]; returns w / sigma, of
  the type of w, and the next u; sigma is computed in float32 or wider. `eps` is added to the norms.

  References: Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018.
  """
  matrix = w.reshape(-1, w.shape[-1]).astype(jnp.promote_types(w.dtype, jnp.float32))
  unit = lambda x: x / (jnp.linalg.norm(x) + eps)
  frozen = lax.stop_gradient(matrix)
  product = partial(jnp.matmul, precision=lax.Precision.HIGHEST)
  v = unit(product(frozen, u))
  u = unit(product(v, frozen))
  return (matrix / product(product(v, matrix), u)).reshape(w.shape).astype(w.dtype), u


class Kernel(nn.Module):
  """A kernel `[..., out]`; with `spectral`, divided by its largest singular value.

  The iteration's vector is kept in the collection `spectral` and moves on where that collection is
  mutable, which is in training only.
  """

  shape: Sequence[int]
  start: Initializer = normal
  spectral: bool = False

  @nn.compact
  def __call__(self) -> Array:
    w = self.param('kernel', self.start, tuple(self.shape))
    if not self.spectral:
      return w
    first = lambda: jax.random.normal(self.make_rng('params'), (self.shape[-1],))
    u = self.variable('spectral', 'u', first)
    w, moved = spectral_norm(w, u.value)
    if self.is_mutable_collection('spectral') and not self.is_initializing():
      u.value = moved
    return w
