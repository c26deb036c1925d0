"""Drawing of fakes by styles, with mixing of the styles of two latents."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.core.nets import Nets
from jaxgan.core.typing import Array, Batch, Key, Latent
from jaxgan.losses.adversarial import Generate, Given, nothing


class Drawing(NamedTuple):
  """The way to draw fakes by the networks `mapping` and `synthesis`.

  `latent` draws latents. `layers` is the number of layers that take a style. `told` returns further
  inputs of `mapping`, and `shown` further inputs of `synthesis`. `mixing` is the probability, in
  [0, 1], that the styles of two latents are mixed.
  """

  latent: Latent
  layers: int
  told: Given = nothing
  shown: Given = nothing
  mixing: float = 0.9

  def styles(self, nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets]:
    """Draw styles `[B, layers, d]`; from a random layer on they may be those of a second latent.

    The layer is the same for the whole batch. Only the first latents update the average style.
    """
    one, other, mixing = jax.random.split(key, 3)
    n, told = len(batch['image']), self.told(nets, batch)
    w, moved = nets('mapping', self.latent(one, n), *told)
    w = spread(w, self.layers)
    if self.mixing and self.layers > 1:
      second = spread(nets('mapping', self.latent(other, n), *told)[0], self.layers)
      first = jnp.arange(self.layers) < crossover(mixing, self.layers, self.mixing)
      w = jnp.where(first[None, :, None], w, second)
    return w, moved

  def images(self, nets: Nets, w: Array, batch: Batch, key: Key | None) -> Array:
    """Return the images of styles."""
    return nets('synthesis', w, *self.shown(nets, batch), key=key)[0]

  def plain(self, nets: Nets, latents: Array, batch: Batch, key: Key) -> Array:
    """Return images of latents without mixing; the average style is not updated."""
    w = nets('mapping', latents, *self.told(nets, batch))[0]
    return self.images(nets, spread(w, self.layers), batch, key)

  @property
  def generate(self) -> Generate:
    """Return the function that draws a fake for each image of the batch."""

    def generate(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets]:
      drawing, noise = jax.random.split(key)
      w, moved = self.styles(nets, batch, drawing)
      return self.images(nets, w, batch, noise), moved

    return generate


def spread(w: Array, layers: int) -> Array:
  """Repeat one style for all layers: `[B, d]` to `[B, layers, d]`."""
  return jnp.broadcast_to(w[:, None], (w.shape[0], layers, w.shape[-1]))


def crossover(key: Key, layers: int, probability: float) -> Array:
  """Draw the first layer of the second latent: 1 to layers - 1, or `layers` for no mixing."""
  whether, where = jax.random.split(key)
  place = jax.random.randint(where, (), 1, layers)
  return jnp.where(jax.random.uniform(whether) < probability, place, layers)
