"""Critics that are autoencoders."""

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.core.typing import Array


def root_mean_square(apart: Array) -> Array:
  """Return the root of the mean square of each image, `[B, ...]` to `[B]`.

  It is the Euclidean norm over the root of the number of values, so that it does not depend on the
  size of the images.
  """
  return jnp.sqrt((apart**2).reshape(len(apart), -1).mean(-1) + 1e-12)


class AutoencodingCritic(nn.Module):
  """Critic: images `[B, S, S, C]` -> the negative distance to what an autoencoder makes of them.

  D(x) = -|x - decoder(encoder(x))|, the root of the mean square

  The logits `[B]` are at most 0. The features are the codes.

  Args:
    encoder: images -> codes `[B, Z]`.
    decoder: codes -> images.

  Reference: Zhao et al., Energy-based Generative Adversarial Network, 2017.
  """

  encoder: nn.Module
  decoder: nn.Module

  @nn.compact
  def __call__(self, x: Array, *, train: bool = False) -> Array:
    code = self.encoder(x, train=train)
    self.sow('intermediates', 'features', code)
    return -root_mean_square(x - self.decoder(code, train=train))
