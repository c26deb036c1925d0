"""Walks between latents: `jaxgan interpolate --workdir=/tmp/run --out=walk.gif`.

A walk follows great circles between normal latents, and straight lines between uniform latents or
styles. It ends where it began, so that the animation can repeat.
"""

import pathlib
import sys
from collections.abc import Callable
from dataclasses import dataclass

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from jaxgan.apps import checks, command, latents
from jaxgan.apps.latents import Space
from jaxgan.core.nets import Nets
from jaxgan.core.seeds import key_of
from jaxgan.core.typing import Array
from jaxgan.nn.dense import Embed
from jaxgan.nn.normalization import ConditionalBatchNorm
from jaxgan.storage import figures
from jaxgan.training.programs import in_batches
from jaxgan.training.run import Run, load


@dataclass(frozen=True)
class Options:
  """Draw images on a walk from latent to latent and back to the first."""

  workdir: pathlib.Path
  """The run's directory."""
  out: checks.Film | None = None
  """The animation to write, GIF."""
  strip: checks.Picture | None = None
  """A PNG of all frames to write, with a row for the way from each latent to the next."""
  points: int = 6
  """Number of random latents on the walk."""
  seeds: tuple[int, ...] = ()
  """Walk through the latents of these seeds, in place of --points random ones."""
  frames: int = 12
  """Images from one latent to the next, including the first of the two."""
  label: str | None = None
  """The class of all images, by name or number, for a run that draws by class; the first class if
  not given."""
  classes: tuple[str, ...] = ()
  """Walk from class to class, by name or number, with one latent, that of --seed, in place of
  latents."""
  seconds: float = 0.08
  """How long a frame is shown, in seconds."""
  seed: int = 0
  """Seed of the random latents."""


def corners(run: Run, where: Space, options: Options) -> tuple[Array, Array]:
  """Return the points `[n, ...]` and the classes `[n]` that the walk leads through.

  Raises:
    ValueError: if there are fewer than two, the run does not draw a class, or options do not fit
      together.
  """
  label = 0 if options.label is None else run.class_of(options.label)
  numbers = [run.class_of(name) for name in options.classes]
  if options.classes and (options.seeds or options.label is not None):
    raise ValueError('--classes walks with one latent: do not give --seeds or --label')
  n = len(options.classes or options.seeds) or options.points
  if n < 2:
    raise ValueError(f'a walk needs two points, there is {n}: give more --points or --seeds')
  classes = jnp.array(numbers) if numbers else jnp.full(n, label)
  draw = run.bound(where.draw)
  seeds = options.seeds or range(options.seed * n, (options.seed + 1) * n)
  keys = [key_of(options.seed if options.classes else seed) for seed in seeds]
  keys = keys if not options.classes else [key_of(options.seed)] * n
  return jnp.concatenate([draw(k, classes[i : i + 1]) for i, k in enumerate(keys)]), classes


def walk(run: Run, where: Space, points: Array, classes: Array, frames: int) -> np.ndarray:
  """Draw images on the way through all points and back to the first.

  Args:
    run: the run.
    where: its space, of latents or of styles.
    points: `[n, ...]`.
    classes: `[n]`.
    frames: images from one point to the next.

  Returns:
    float32 `[n * frames, H, W, C]` in [-1, 1]; image i * frames is that of point i.

  Raises:
    ValueError: if the classes differ and the generator does not embed them.
  """
  n = len(points)
  start, t = np.divmod(np.arange(n * frames), frames)
  end = (start + 1) % n
  between = in_between(where, changing=len(set(classes.tolist())) > 1)
  rows = points[start], points[end], classes[start], classes[end], jnp.float32(t / frames)
  return in_batches(run.bound(between), *rows)


def in_between(where: Space, changing: bool) -> Callable[..., Array]:
  """Return the function that draws images between two points.

  It is `(nets, a, b, classes of a, classes of b, t) -> images`, with t in [0, 1].

  Args:
    where: the space of the points.
    changing: whether classes differ on the walk.
  """

  def images(nets: Nets, a: Array, b: Array, here: Array, there: Array, t: Array) -> Array:
    point = where.between(a, b, t)
    if where.styles or not changing:  # styles already include the class
      return where.generate(nets, point, here)
    met: list[str] = []
    with nn.intercept_methods(_mixing(there, t, met)):
      made = where.generate(nets, point, here)
    if not met:
      raise ValueError('this generator does not embed its classes: there is no way between them')
    return made

  return images


def _mixing(there: Array, t: Array, met: list[str]) -> nn.module.Interceptor:
  """Return an interceptor that interpolates the outputs of class-conditional layers by t.

  These layers compute a function of the class alone, or are affine in one. Each is called with both
  classes. `met` collects the layers' names.
  """

  def mix(
    following: Callable[..., Array],
    args: tuple[Array, ...],
    kwargs: dict[str, object],
    context: nn.module.InterceptorContext,
  ) -> Array:
    if not isinstance(context.module, Embed | ConditionalBatchNorm):
      return following(*args, **kwargs)
    met.append(type(context.module).__name__)
    others = (*args[:-1], there)
    both = following(*(jnp.concatenate(x) for x in zip(args, others, strict=True)), **kwargs)
    here, other = jnp.split(both, 2)
    return latents.straight(here, other, t)

  return mix


def write(options: Options) -> None:
  """Draw the walk, and write the animation and the strip.

  Raises:
    ValueError: if there is no run with latents, or nothing to write; as in `corners` and `walk`.
  """
  command.something(out=options.out, strip=options.strip)
  command.positive(options, 'points', 'frames', 'seconds')
  run = load(options.workdir)
  where = latents.space(run)
  images = walk(run, where, *corners(run, where, options), options.frames)
  if options.out:
    figures.save_gif(options.out, images, options.seconds)
  if options.strip:
    figures.save_grid(options.strip, images, columns=options.frames)
  command.said((options.out, options.strip), f'{len(images)} frames')


def main(argv: list[str] | None = None) -> int:
  """Run the command, and return its exit code: 0, or 2 for wrong input."""
  return command.run('interpolate', Options, write, argv)


if __name__ == '__main__':
  sys.exit(main())
