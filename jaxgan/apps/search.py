"""A search for the point whose image is nearest to a given one: gradient descent with restarts."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxgan.apps import latents
from jaxgan.apps.latents import Space
from jaxgan.core import progress
from jaxgan.core.nets import Nets
from jaxgan.core.seeds import key_of
from jaxgan.core.typing import Array, Key
from jaxgan.training.programs import in_batches
from jaxgan.training.run import Run

Distance = Callable[[Nets, Array, Array, Array], Array]
"""`(nets, made, targets, labels) -> [n]`: the distances of images from their targets."""


Held = tuple[Array, optax.OptState, Array, Array, Array]
"""Points, the optimizer's state, and the best points so far, their images and distances."""


class Found(NamedTuple):
  """Points `[n, ...]`, their images in [-1, 1], and the distance of each to its target, `[n]`."""

  points: np.ndarray
  images: np.ndarray
  distances: np.ndarray


class Search(NamedTuple):
  """Settings of a search: `steps` of Adam from each of `restarts` initial points.

  `rate` is the learning rate. `std` is the standard deviation of the noise that is added to
  styles, relative to the spread of styles.
  """

  steps: int = 300
  rate: float = 0.1
  restarts: int = 4
  seed: int = 0
  std: float = 0.05


def schedule(search: Search) -> optax.Schedule:
  """Return the learning rates of a search.

  The rate rises linearly in the first twentieth of the steps, and falls along a cosine in the last
  quarter.

  Reference: Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2020.
  """
  rise, fall = search.steps // 20, max(search.steps // 4, 1)
  parts = [
    optax.linear_schedule(search.rate / max(rise, 1), search.rate, max(rise - 1, 1)),
    optax.constant_schedule(search.rate),
    optax.cosine_decay_schedule(search.rate, fall),
  ]
  return optax.join_schedules(parts, [rise, search.steps - fall])


def search(
  run: Run,
  where: Space,
  distance: Distance,
  targets: Array | np.ndarray,
  labels: Array | np.ndarray,
  options: Search,
) -> Found:
  """Find the points whose images are nearest to the targets, over all steps and restarts.

  The targets do not influence each other. In a space of styles, all restarts begin at the mean
  style, and noise that fades keeps them apart; in a space of latents, they begin at random latents.

  Args:
    run: the run.
    where: the space to search.
    distance: the loss.
    targets: images `[n, H, W, C]` in [-1, 1].
    labels: their classes `[n]`, or zeros.
    options: the settings.

  Reference: Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2020.
  """
  prepare, step = _jitted(run, where, distance, options)

  def nearest(targets: Array, labels: Array, number: Array) -> tuple[Array, ...]:
    repeat = lambda x: jnp.repeat(x, options.restarts, axis=0)
    targets, labels = repeat(targets), repeat(labels)
    starts = repeat(number) * options.restarts + jnp.tile(jnp.arange(options.restarts), len(number))
    held, spread = prepare(targets, labels, starts)
    # The last call only evaluates the points.
    for i in progress.over(range(options.steps + 1), 'search, step'):
      held = step(held, targets, labels, spread, jnp.int32(i))
      if i % 50 == 0:
        jax.block_until_ready(held)  # so that progress is that of the device
    _, _, points, images, distances = held
    return _best(points, images, distances, options.restarts)

  size = min(max(1, latents.BATCH * 4 // options.restarts), len(targets))
  return Found(*in_batches(nearest, targets, labels, np.arange(len(targets)), size=size))


def _best(points: Array, images: Array, distances: Array, restarts: int) -> tuple[Array, ...]:
  """Return, for each target, the restart with the smallest distance."""
  table = distances.reshape(-1, restarts)
  chosen = jnp.arange(len(table)) * restarts + table.argmin(1)
  return points[chosen], images[chosen], distances[chosen]


def _jitted(
  run: Run, where: Space, distance: Distance, options: Search
) -> tuple[Callable[[Array, Array, Array], tuple[Held, Array]], Callable[..., Held]]:
  """Return two compiled functions: the beginning of a search, and one step."""
  adam = optax.adam(schedule(options))

  def prepare(nets: Nets, targets: Array, labels: Array, starts: Array) -> tuple[Held, Array]:
    points, spread = _start(nets, where, labels, starts, options.seed)
    far = jnp.full(len(points), jnp.inf)
    return (points, adam.init(points), points, jnp.zeros_like(targets), far), spread

  def step(nets: Nets, held: Held, targets: Array, labels: Array, spread: Array, i: Array) -> Held:
    points, opt, *before = held
    fading = jnp.maximum(0, 1 - i / (0.75 * options.steps)) ** 2
    key = jax.random.fold_in(_keys(options.seed)[2], i)
    seen = points + options.std * spread * fading * jax.random.normal(key, points.shape)

    def total(points: Array) -> tuple[Array, tuple[Array, Array]]:
      made = where.generate(nets, points, labels)
      distances = distance(nets, made, targets, labels)
      return distances.sum(), (made, distances)

    grads, (made, distances) = jax.grad(total, has_aux=True)(seen)
    kept = _better((seen, made, distances), before)
    updates, opt = adam.update(grads, opt)
    return where.inside(jnp.asarray(optax.apply_updates(points, updates))), opt, *kept

  return run.bound(prepare), run.bound(step)


def _start(
  nets: Nets, where: Space, labels: Array, starts: Array, seed: int
) -> tuple[Array, Array]:
  """Return the initial points of the searches with these numbers, and the spread of styles.

  The spread is the root mean square of w - mean w, over 64 draws (10 000 in the authors' code); 0
  for latents.
  """
  starting, spreading, _ = _keys(seed)
  single = lambda i, label: where.draw(nets, jax.random.fold_in(starting, i), label[None])[0]
  drawn = jax.vmap(single)(starts, labels)  # each depends on its number, not on the batch
  if not where.styles:
    return drawn, jnp.zeros(())
  mean = jnp.broadcast_to(where.styles.mean(nets), (1, *drawn.shape[1:]))
  others = where.draw(nets, spreading, jnp.repeat(labels[:1], 64))
  return jnp.broadcast_to(mean, drawn.shape), jnp.sqrt(jnp.mean((others - mean) ** 2))


def _keys(seed: int) -> tuple[Key, Key, Key]:
  """Return keys for the initial points, for the spread of styles, and for the noise of steps."""
  starting, spreading, noising = jax.random.split(key_of(seed), 3)
  return starting, spreading, noising


def _better(new: Sequence[Array], old: Sequence[Array]) -> tuple[Array, Array, Array]:
  """Return (points, images, distances), each row from the one with the smaller distance."""
  nearer = new[-1] < old[-1]
  over = lambda x: nearer.reshape(-1, *[1] * (x.ndim - 1))
  points, images, distances = (jnp.where(over(x), x, y) for x, y in zip(new, old, strict=True))
  return points, images, distances
