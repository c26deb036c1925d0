"""Where one walks and searches: the latents of a run, or the styles of one that has them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxgan.core.game import Nets
from jaxgan.core.typing import Array, Key, Latent
from jaxgan.recipes.config import Latents, part
from jaxgan.recipes.types import Styles
from jaxgan.training.programs import in_batches
from jaxgan.training.run import Label, Run

BATCH = 16


@dataclass(frozen=True)
class Space:
  """Points, and what there is to do with them; `nets` are the networks of the run, held still.

  `draw(nets, key, labels)` gives a point for each label, `generate(nets, points, labels)` images of
  them; `between(a, b, t)` is the point at t in [0, 1] on the way from a to b, `inside(points)` the
  nearest points that the networks know. In the space of styles `labels` matter to `draw` alone.
  """

  draw: Callable[[Nets, Key, Array], Array]
  generate: Callable[[Nets, Array, Array], Array]
  between: Callable[[Array, Array, Array], Array]
  inside: Callable[[Array], Array]
  conditional: bool = False
  styles: Styles | None = None


def space(run: Run) -> Space:
  """The space of a run: that of styles where there are some, else that of latents.

  Raises:
    ValueError: images of this run do not follow from latents.
  """
  recipe = run.recipe
  if recipe.latent is None or recipe.generate is None:
    raise ValueError(
      f'{run.config.variant} does not make images of latents alone: give a run of a variant that '
      'does, such as lsgan'
    )
  if recipe.styles:
    return _of_styles(recipe.latent, recipe.styles, recipe.conditional)
  latent, flat = recipe.latent, part(run.config, Latents).latent == 'uniform'
  return Space(
    lambda nets, key, labels: latent(key, len(labels)),
    recipe.generate,
    straight if flat else spherical,
    partial(jnp.clip, min=-1.0, max=1.0) if flat else lambda z: z,
    recipe.conditional,
  )


def latent_space(run: Run) -> Space:
  """The space of latents, also of a run that has styles."""
  return space(replace(run, recipe=run.recipe._replace(styles=None)))


def _of_styles(latent: Latent, styles: Styles, conditional: bool) -> Space:
  return Space(
    lambda nets, key, labels: styles.map(nets, latent(key, len(labels)), labels),
    lambda nets, w, labels: styles.synthesise(nets, w, None),  # on a walk the noise stands still
    straight,
    lambda w: w,
    conditional,
    styles,
  )


def straight(a: Array, b: Array, t: Array) -> Array:
  """a + t (b - a), for `t` `[n]` and points `[n, ...]`."""
  return a + _over(t, a) * (b - a)


def spherical(a: Array, b: Array, t: Array) -> Array:
  """On the great circle: (sin((1 - t) o) a + sin(t o) b) / sin o, o the angle between a and b.

  A straight line between normal latents passes closer to the origin than any of them lies.

  References: White, Sampling Generative Networks, 2016.
  """
  flat = lambda x: x.reshape(len(x), -1)
  unit = lambda x: flat(x) / jnp.maximum(jnp.linalg.norm(flat(x), axis=1, keepdims=True), 1e-12)
  angle = jnp.arccos(jnp.clip((unit(a) * unit(b)).sum(1), -1, 1))
  small = jnp.sin(angle) < 1e-4
  sine = jnp.where(small, 1, jnp.sin(angle))
  before = jnp.where(small, 1 - t, jnp.sin((1 - t) * angle) / sine)
  after = jnp.where(small, t, jnp.sin(t * angle) / sine)
  return _over(before, a) * a + _over(after, b) * b


def _over(t: Array, points: Array) -> Array:
  return t.reshape(-1, *[1] * (points.ndim - 1))


def features(run: Run) -> Callable[[Nets, Array, Array], Array]:
  """What the critic's last layer is given: `(nets, images, labels) -> [n, F]`.

  Raises:
    ValueError: a run without a network `critic`, or one that takes more than images and classes.
  """
  inputs = run.stage.example.get('critic', ())
  if len(inputs) != 1 + run.recipe.conditional:
    raise ValueError(f'{run.config.variant} has no critic of images to take features of')

  def apply(nets: Nets, images: Array, labels: Array) -> Array:
    classes = (labels,) if run.recipe.conditional else ()
    return nets.features('critic', images, *classes)[0].reshape(len(images), -1)

  return apply


def images(run: Run, where: Space, points: Any, labels: Any) -> np.ndarray:
  """Images of points `[n, ...]` with labels `[n]`, float32 `[n, H, W, C]` in [-1, 1]."""
  return in_batches(run.bound(where.generate), points, labels)


def labels(run: Run, n: int, label: Label | None) -> Array:
  """`[n]` times the class asked for, or of a run that draws by class one after the other.

  Raises:
    ValueError: as `Run.class_of`.
  """
  number = None if label is None else run.class_of(label)
  if number is None and run.recipe.conditional:
    return jnp.arange(n) % run.spec.classes
  return jnp.full(n, number or 0)
