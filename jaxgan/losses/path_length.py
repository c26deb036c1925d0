"""Path length regularization."""

from dataclasses import replace

import jax
import jax.numpy as jnp

from jaxgan.core.game import Loss
from jaxgan.core.nets import Nets
from jaxgan.core.parts import couples
from jaxgan.core.typing import Array, Batch, Key, Logs
from jaxgan.losses.style_mixing import Drawing

_TINY = 1e-12  # added under the root, Logs, whose gradient at 0 would be NaN


def path_length(
  drawing: Drawing, weight: float = 2.0, interval: int = 4, decay: float = 0.01
) -> Loss:
  """Return the loss of path length regularization, for a separate turn every `interval` steps.

  interval weight E (l - a)^2;  l^2 = mean over layers of |d (image . y) / dw|^2, y ~ N(0, 1/(HW))

  a is the moving average of l, in memory as `path_mean`. So steps of equal length in styles make
  steps of equal length in images. The loss uses every second image of the batch: half of it is
  enough, and all devices share the work.

  Args:
    drawing: draws styles and images.
    weight: the weight, >= 0.
    interval: the number of steps between two turns, >= 1.
    decay: the share of a new mean in a, in (0, 1].

  Reference: Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2020 (StyleGAN2).
  """

  def loss(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    couples('the penalty of path lengths')
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
