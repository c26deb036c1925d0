"""Images by way of styles: networks `mapping`, latents to styles, and `synthesis`, these to images.

References: Karras et al., A Style-Based Generator Architecture for GANs, 2019 (mixing, truncation);
Analyzing and Improving the Image Quality of StyleGAN, 2020 (path length).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.game import Loss, Nets
from jaxgan.losses import Generate, Given, nothing
from jaxgan.recipe import Recipe, Stage, Styles
from jaxgan.typing import Array, Batch, Key, Latent

_TINY = 1e-12  # under the root, whose gradient at 0 would be NaN


class Drawing(NamedTuple):
  """How fakes are drawn: latents, how many `layers` take a style, what mapping is `told` besides
  latents and synthesis besides styles, and the probability that two latents are mixed.
  """

  latent: Latent
  layers: int
  told: Given = nothing
  shown: Given = nothing
  mixing: float = 0.9

  def styles(self, nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets]:
    """`[B, layers, d]`: the layers from one on, drawn for the batch, may have another latent's.

    The average of styles moves with the first latents alone.
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
    """What synthesis makes of styles."""
    return nets('synthesis', w, *self.shown(nets, batch), key=key)[0]

  @property
  def generate(self) -> Generate:
    """A fake for each image of the batch."""

    def generate(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets]:
      drawing, noise = jax.random.split(key)
      w, moved = self.styles(nets, batch, drawing)
      return self.images(nets, w, batch, noise), moved

    return generate


def spread(w: Array, layers: int) -> Array:
  """One style for all layers: `[B, d]` to `[B, layers, d]`."""
  return jnp.broadcast_to(w[:, None], (len(w), layers, w.shape[-1]))


def crossover(key: Key, layers: int, probability: float) -> Array:
  """The first layer of the second latent: 1 to layers - 1, or `layers` where there is none."""
  whether, where = jax.random.split(key)
  place = jax.random.randint(where, (), 1, layers)
  return jnp.where(jax.random.uniform(whether) < probability, place, layers)


def path_length(
  drawing: Drawing, weight: float = 2.0, interval: int = 4, decay: float = 0.01
) -> Loss:
  """Equal steps of styles should make equal steps of images: the loss of a lazy turn.

  interval weight E (l - a)^2;  l^2 = mean over layers of |d (image . y) / dw|^2, y ~ N(0, 1/(HW))

  a is the running mean of l, in memory as `path_mean`. Half of the batch is enough.
  """

  def loss(nets: Nets, batch: Batch, key: Key):
    half = jax.tree.map(lambda x: x[: -(-len(x) // 2)], dict(batch))
    drawn, noising, directing = jax.random.split(key, 3)
    w, moved = drawing.styles(nets, half, drawn)

    def along(w: Array) -> Array:
      images = drawing.images(nets, w, half, noising)
      y = jax.random.normal(directing, images.shape, images.dtype)
      return (images * y).sum() / (images.shape[1] * images.shape[2]) ** 0.5

    lengths = jnp.sqrt((jax.grad(along)(w) ** 2).sum(2).mean(1) + _TINY)
    mean = nets.memory['path_mean']
    mean = mean + decay * (lengths.mean() - mean)
    value = weight * ((lengths - mean) ** 2).mean()
    memory = {**moved.memory, 'path_mean': jax.lax.stop_gradient(mean)}
    logs = {'length': lengths.mean(), 'penalty': value}
    return interval * value, replace(moved, memory=memory), logs

  return loss


def recipe(
  stages: tuple[Stage, ...],
  drawing: Drawing,
  *,
  conditional: bool = False,
  psi: float = 1.0,
  truncate: int = 0,
  finish: Callable[[Array], Array] = lambda images: images,
) -> Recipe:
  """The recipe whose samples have noise of their own, and whose function of latents a fixed one.

  The first `truncate` styles are drawn towards the mean by `psi`; images that `finish` returns are
  clipped to [-1, 1].
  """

  def to_styles(nets: Nets, latents: Array, labels: Array) -> Array:
    told = drawing.told(nets, {'label': labels})
    return spread(nets('mapping', latents, *told)[0], drawing.layers)

  steps = Styles(
    map=to_styles,
    synthesise=lambda nets, w, key: finish(drawing.images(nets, w, {}, key)),
    mean=lambda nets: nets.variables['mapping']['average']['style'],
  )

  def made(nets: Nets, latents: Array, labels: Array, key: Key | None) -> Array:
    w = steps.map(nets, latents, labels)
    w = truncated(w, steps.mean(nets), psi, truncate)
    return jnp.clip(steps.synthesise(nets, w, key), -1, 1)

  def sample(nets: Nets, key: Key, labels: Array) -> Array:
    drawing_latents, noise = jax.random.split(key)
    return made(nets, drawing.latent(drawing_latents, len(labels)), labels, noise)

  generate = lambda nets, latents, labels: made(nets, latents, labels, None)
  return Recipe(stages, sample, conditional, drawing.latent, generate, steps)


def truncated(w: Array, mean: Array, psi: float, layers: int) -> Array:
  """The first `layers` styles drawn towards the mean: m + psi (w - m). Other layers as they are."""
  if psi == 1:
    return w
  near = mean[None, None] + psi * (w - mean[None, None])
  return jnp.where((jnp.arange(w.shape[1]) < layers)[None, :, None], near, w)
