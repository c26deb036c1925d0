"""Path length regularization."""

from dataclasses import replace

import jax
import jax.numpy as jnp

from jaxgan.core.game import Loss, Nets
from jaxgan.core.typing import Array, Batch, Key
from jaxgan.losses.style_mixing import Drawing

_TINY = 1e-12  # under the root, whose gradient at 0 would be NaN


def path_length(
  drawing: Drawing, weight: float = 2.0, interval: int = 4, decay: float = 0.01
) -> Loss:
  """Equal steps of styles should make equal steps of images: the loss of a lazy turn.

  interval weight E (l - a)^2;  l^2 = mean over layers of |d (image . y) / dw|^2, y ~ N(0, 1/(HW))

  a is the running mean of l, in memory as `path_mean`. Half of the batch is enough: every second
  image, so that devices share the work.
  """

  def loss(nets: Nets, batch: Batch, key: Key):
    half = jax.tree.map(lambda x: x[::2], dict(batch))
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
