"""Networks for the rows of tables: a generator of mixed columns, and a critic of packs of rows."""

from collections.abc import Callable, Sequence
from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.scipy.special import log_ndtr

from jaxgan.core.columns import Column, spans
from jaxgan.core.typing import Array
from jaxgan.nn.dense import Dense
from jaxgan.nn.elementwise import leaky_relu
from jaxgan.nn.initializers import Initializer
from jaxgan.nn.normalization import BatchNorm

START = nn.initializers.he_normal()
LOG_CDF: dict[str, Callable[[Array], Array]] = {
  'normal': log_ndtr,
  'uniform': lambda z: jnp.log(jnp.clip((z + 1) / 2, 1e-7, 1 - 1e-7)),
}
"""The logarithm of the distribution function of latents."""


def choices(columns: Sequence[Column]) -> int:
  """Return how many numbers of a row belong to one-hot vectors."""
  return sum(span.width for _, span in spans(columns) if span.one_hot)


class Generator(nn.Module):
  """Generator of rows: latents `[B, Z]` (and labels `[B]`) -> rows `[B, 1, 1, W]` in [-1, 1].

  Each hidden layer is concatenated to what it saw. Numbers are a tanh; one-hot vectors are a
  Gumbel-softmax, softmax((a + g) / temperature). The last numbers of the latent become the noise
  g = -log(-log F(z)), where F is their distribution function, so that the same latents always give
  the same rows. As features it shows the rows' logarithms of probabilities `[B, W]`, which are 0 at
  numbers.

  Attributes:
    columns: the columns of the table; none: all `shape` is numbers.
    shape: the shape of one row.
    widths: units of the hidden layers.
    classes: number of classes; above 0, the one-hot label is joined to the latent.
    temperature: of the Gumbel-softmax, above 0.
    latent: the distribution of latents: 'normal', N(0, 1), or 'uniform', U(-1, 1).

  Reference: Xu et al., Modeling Tabular data using Conditional GAN, 2019.
  """

  columns: tuple[Column, ...]
  shape: tuple[int, int, int]
  widths: Sequence[int] = (256, 256)
  classes: int = 0
  temperature: float = 0.2
  latent: str = 'normal'
  start: Initializer = START

  @nn.compact
  def __call__(self, z: Array, *labels: Array, train: bool) -> Array:
    z, last = jnp.split(z, [z.shape[-1] - choices(self.columns)], -1)
    noise = -jnp.log(-LOG_CDF[self.latent](last.astype(jnp.float32)))
    x = jnp.concatenate([z, *(jax.nn.one_hot(y, self.classes, dtype=z.dtype) for y in labels)], -1)
    for width in self.widths:
      hidden = BatchNorm()(Dense(width, use_bias=False, start=self.start)(x), train=train)
      x = jnp.concatenate([x, nn.relu(hidden)], -1)
    x = Dense(self.shape[0] * self.shape[1] * self.shape[2], start=self.start)(x)
    rows, logs = self._activated(x, noise)
    self.sow('intermediates', 'features', logs)
    return rows.reshape(-1, *self.shape)

  def _activated(self, x: Array, noise: Array) -> tuple[Array, Array]:
    """Return rows `[B, W]`, and the logarithms of the probabilities in them."""
    if not self.columns:
      return jnp.tanh(x), jnp.zeros_like(x)
    rows, logs, used = [], [], 0
    for _, (first, width, one_hot) in spans(self.columns):
      part = x[:, first : first + width]
      if one_hot:
        drawn = (part + noise[:, used : used + width]) / self.temperature
        logs.append(jax.nn.log_softmax(drawn))
        rows.append(jnp.exp(logs[-1]))
        used += width
      else:
        rows.append(jnp.tanh(part))
        logs.append(jnp.zeros_like(part))
    return jnp.concatenate(rows, -1), jnp.concatenate(logs, -1)


class Critic(nn.Module):
  """Critic of packs of rows: `[B, ...]` (and labels `[B]` or `[B, pack]`) -> logits `[B]`.

  Attributes:
    widths: units of the hidden layers.
    classes: number of classes; above 0, the one-hot labels are joined to the rows.
    dropout: the share of hidden units that are set to 0, in [0, 1).

  Reference: Xu et al., Modeling Tabular data using Conditional GAN, 2019.
  """

  widths: Sequence[int] = (256, 256)
  classes: int = 0
  dropout: float = 0.25
  start: Initializer = START
  labels_in_packs: ClassVar[bool] = True

  @nn.compact
  def __call__(self, x: Array, *labels: Array, train: bool) -> Array:
    known = [jax.nn.one_hot(y, self.classes, dtype=x.dtype) for y in labels]
    x = jnp.concatenate([part.reshape(len(x), -1) for part in (x, *known)], -1)
    for width in self.widths:
      x = leaky_relu(Dense(width, start=self.start)(x))
      x = nn.Dropout(self.dropout, deterministic=not train)(x)
    self.sow('intermediates', 'features', x)
    return Dense(1, start=self.start)(x)[:, 0]
