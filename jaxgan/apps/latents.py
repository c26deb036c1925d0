"""The spaces in which applications walk and search: latents of a run, or its styles."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import jax.numpy as jnp
import numpy as np

from jaxgan.core.nets import Nets
from jaxgan.core.typing import Array, Key, Latent
from jaxgan.recipes.config import Latents, part
from jaxgan.recipes.types import Styles
from jaxgan.training.programs import in_batches
from jaxgan.training.requests import Label
from jaxgan.training.run import Run

BATCH = 16


@dataclass(frozen=True)
class Space:
  """A space of points, and functions on them; `nets` are the trained networks of the run.

  `draw(nets, key, labels)` draws a point for each label. `generate(nets, points, labels)` returns
  their images. `between(a, b, t)` returns the point at t in [0, 1] on the way from a to b.
  `inside(points)` returns the nearest points that training can draw. In a space of styles, only
  `draw` uses the labels.
  """

  draw: Callable[[Nets, Key, Array], Array]
  generate: Callable[[Nets, Array, Array], Array]
  between: Callable[[Array, Array, Array], Array]
  inside: Callable[[Array], Array]
  conditional: bool = False
  styles: Styles | None = None


def space(run: Run) -> Space:
  """Return the space of a run: of styles if it has them, else of latents.

  Raises:
    ValueError: if the run makes images from images.
  """
  sampler = run.sampler()
  if sampler.styles:
    return _of_styles(sampler.latent, sampler.styles, sampler.conditional)
  latent, flat = sampler.latent, part(run.config, Latents).latent == 'uniform'
  return Space(
    lambda nets, key, labels: latent(key, len(labels)),
    sampler.generate,
    straight if flat else spherical,
    partial(jnp.clip, min=-1.0, max=1.0) if flat else lambda z: z,
    sampler.conditional,
  )


def latent_space(run: Run) -> Space:
  """Return the space of latents, also for a run that has styles."""
  plain = run.sampler()._replace(styles=None)
  return space(replace(run, recipe=run.recipe._replace(interface=plain)))


def _of_styles(latent: Latent, styles: Styles, conditional: bool) -> Space:
  """Return the space of styles."""
  return Space(
    lambda nets, key, labels: styles.map(nets, latent(key, len(labels)), labels),
    lambda nets, w, labels: styles.synthesize(nets, w, None),  # the same noise for all images
    straight,
    lambda w: w,
    conditional,
    styles,
  )


def straight(a: Array, b: Array, t: Array) -> Array:
  """Return a + t (b - a), for `t` `[n]` and points `[n, ...]`.

  Example:
    >>> straight(jnp.zeros((2, 1)), jnp.ones((2, 1)), jnp.array([0.25, 0.5])).tolist()
    [[0.25], [0.5]]
  """
  return a + _over(t, a) * (b - a)


def spherical(a: Array, b: Array, t: Array) -> Array:
  """Return points on great circles, (sin((1 - t) o) a + sin(t o) b) / sin o.

  Here o is the angle between a and b. A straight line between normal latents would pass nearer to
  the origin than normal latents lie.

  Args:
    a: points `[n, ...]`, at t = 0.
    b: points `[n, ...]`, at t = 1.
    t: `[n]`, from 0 to 1.

  Reference: White, Sampling Generative Networks, 2016.
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
  """Return `t` `[n]` with as many axes as points `[n, ...]`."""
  return t.reshape(-1, *[1] * (points.ndim - 1))


def features(run: Run) -> Callable[[Nets, Array, Array], Array]:
  """Return the function that computes the input of the critic's last layer.

  It is `(nets, images, labels) -> features [n, F]`. A critic of pairs, as in bigan, sees each image
  with its latent by the run's encoder.

  Raises:
    ValueError: if the run has no network `critic`, or its inputs are not just images with classes
      or latents.
  """
  inputs, interface = run.stage.example.get('critic', ()), run.recipe.interface
  more, encode = len(inputs) - 1 - run.recipe.conditional, getattr(interface, 'encode', None)
  if more not in (0, 1) or (more and encode is None):
    raise ValueError(f'{run.config.variant} has no critic of images to take features of')

  def apply(nets: Nets, images: Array, labels: Array) -> Array:
    given = [labels] * run.recipe.conditional
    if more and encode is not None:
      given.append(encode(nets, images))
    return nets.features('critic', images, *given)[0].reshape(len(images), -1)

  return apply


def images(
  run: Run, where: Space, points: Array | np.ndarray, labels: Array | np.ndarray
) -> np.ndarray:
  """Generate images of points `[n, ...]` with labels `[n]`: float32 `[n, H, W, C]` in [-1, 1]."""
  return in_batches(run.bound(where.generate), points, labels)


def labels(run: Run, n: int, label: Label | None) -> Array:
  """Return labels `[n]`: the given class; without one, all classes of the run in turn.

  For a run that does not draw by class they are zeros.

  Raises:
    ValueError: as in `Run.class_of`.
  """
  number = None if label is None else run.class_of(label)
  if number is None and run.recipe.conditional:
    return jnp.arange(n) % run.spec.classes
  return jnp.full(n, number or 0)
