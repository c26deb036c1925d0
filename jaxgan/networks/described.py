"""Networks that are given a text beside a latent or an image, made of networks that are not."""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from jaxgan.core.typing import Array
from jaxgan.nn.dense import Dense
from jaxgan.nn.elementwise import leaky_relu
from jaxgan.nn.initializers import normal


def vectors(table: np.ndarray, texts: Array) -> Array:
  """Return the vectors `[B, d]` of texts.

  Args:
    table: the vectors of the known texts, `[texts, d]`.
    texts: rows of the table, int `[B]`; or vectors `[B, d]`, which are returned as they are.

  Example:
    >>> table = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    >>> vectors(table, jnp.array([1])).tolist(), vectors(table, jnp.array([[0.5, 0.5]])).tolist()
    ([[0.0, 1.0]], [[0.5, 0.5]])
  """
  return jnp.asarray(table)[texts] if jnp.issubdtype(texts.dtype, jnp.integer) else texts


class Generator(nn.Module):
  """Generator: latents `[B, Z]` and texts -> images; a learned map of the text joins the latent.

  With `augmented` (Zhang et al., StackGAN, 2017) the map is drawn from N(m(t), s(t)^2) of the text
  t, by the first `size` numbers of the latent: c = m(t) + s(t) z. It then shows m(t) and ln s(t),
  `[B, 2 size]`, as its features.

  Attributes:
    images: the generator of latents `[B, Z + size]`, or of `[B, Z]` if augmented.
    table: the vectors of the known texts, `[texts, d]`.
    size: the numbers that a text becomes.
    augmented: draw these numbers.

  Reference: Reed et al., Generative Adversarial Text to Image Synthesis, 2016.
  """

  images: nn.Module
  table: np.ndarray
  size: int = 128
  augmented: bool = False

  @nn.compact
  def __call__(self, z: Array, texts: Array, *, train: bool) -> Array:
    text = vectors(self.table, texts).astype(z.dtype)
    if not self.augmented:
      given = leaky_relu(Dense(self.size, start=normal)(text))
      return self.images(jnp.concatenate([z, given], -1), train=train)
    stats = Dense(2 * self.size, start=normal)(text)
    self.sow('intermediates', 'features', stats)
    mean, log_std = jnp.split(stats, 2, -1)
    given = mean + jnp.exp(log_std) * z[:, : self.size]
    return self.images(jnp.concatenate([z[:, self.size :], given], -1), train=train)


class Critic(nn.Module):
  """Critic: images and texts -> logits `[B]`, of both together.

  Its logit is a linear map of [f, g, f * g], where f is what the critic of images sees, and g a
  learned map of the text, both `[B, size]`: the product tells whether they agree.

  Attributes:
    images: a critic with `size` outputs, images -> `[B, size]`.
    table: the vectors of the known texts, `[texts, d]`.
    size: the numbers that a text and an image become.
  """

  images: nn.Module
  table: np.ndarray
  size: int = 128

  @nn.compact
  def __call__(self, x: Array, texts: Array, *, train: bool) -> Array:
    seen = leaky_relu(self.images(x, train=train))
    given = vectors(self.table, texts).astype(x.dtype)
    text = leaky_relu(Dense(self.size, start=normal)(given))
    joined = jnp.concatenate([seen, text, seen * text], -1)
    self.sow('intermediates', 'features', joined)
    return Dense(1, start=normal)(joined)[:, 0]
