"""Self-attention over pixels."""

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.core.typing import Array
from jaxgan.nn.convolutions import Conv
from jaxgan.nn.initializers import Initializer, orthogonal
from jaxgan.nn.parameters import parameter
from jaxgan.ops.resample import max_pool


class SelfAttention(nn.Module):
  """Self-attention over all pixels: x + gamma O(softmax(Q(x) K(x)') V(x)), with gamma 0 at first.

  `[B, H, W, C]` to the same shape; H and W must be even. Q and K have C / 8 channels, V has C / 2.
  K and V are max-pooled over 2x2 blocks. All four are 1x1 convolutions without bias.

  Args:
    spectral: True gives the four convolutions spectral norm.
    start: the initializer of their kernels.

  Raises:
    ValueError: an odd height or width.

  Reference: Zhang et al., Self-Attention Generative Adversarial Networks, 2018.
  """

  spectral: bool = True
  start: Initializer = orthogonal

  @nn.compact
  def __call__(self, x: Array) -> Array:
    b, _, _, c = x.shape
    conv = lambda n, name: Conv(n, 1, 1, False, self.spectral, self.start, name=name)
    flat = lambda y: y.reshape(b, -1, y.shape[-1])
    query = flat(conv(max(c // 8, 1), 'query')(x))
    key = flat(max_pool(conv(max(c // 8, 1), 'key')(x)))
    value = flat(max_pool(conv(max(c // 2, 1), 'value')(x)))
    likeness = jnp.einsum('bqc,bkc->bqk', query, key)
    wide = jnp.promote_types(x.dtype, jnp.float32)
    shares = nn.softmax(likeness.astype(wide)).astype(x.dtype)
    seen = jnp.einsum('bqk,bkc->bqc', shares, value).reshape(*x.shape[:3], -1)
    gamma = parameter(self, 'gamma', nn.initializers.zeros, ())
    return x + gamma * conv(c, 'output')(seen)
