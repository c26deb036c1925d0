"""Truncation of latents: `jaxgan truncate --workdir=/tmp/run --out=sweep.png`.

Truncation gives up variety for quality. For normal latents, entries beyond a threshold are drawn
again; styles are moved towards their mean. In the picture, each row has its own threshold and each
column its own latent.
"""

import json
import pathlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.apps import checks, command, latents
from jaxgan.apps.latents import Space
from jaxgan.core import progress
from jaxgan.core.nets import Nets
from jaxgan.core.seeds import key_of
from jaxgan.core.typing import Array, Key, Variables
from jaxgan.evaluation import features, scores, standing_statistics
from jaxgan.ops.images import to_uint8
from jaxgan.ops.truncation import redrawn, towards_mean
from jaxgan.recipes.config import Latents, part
from jaxgan.storage import figures, files
from jaxgan.training.programs import in_batches
from jaxgan.training.run import Run, load
from jaxgan.training.session import held_out, open_data


@dataclass(frozen=True)
class Options:
  """Draw the same latents at several thresholds, and score each threshold."""

  workdir: pathlib.Path
  """The run's directory."""
  out: checks.Picture | None = None
  """The picture to write, PNG."""
  scores: checks.Json | None = None
  """A JSON file to write: precision, recall and the Fréchet distance of each threshold."""
  thresholds: tuple[float, ...] = ()
  """For latents, bounds of |z|, 2 1.5 1 0.7 0.5 0.3 if not given; for styles, values of psi, 1 0.8
  0.7 0.5 0.3 0 if not given."""
  cutoff: int | None = None
  """For styles: truncate only in so many first layers; in all layers if not given."""
  columns: int = 8
  """Number of latents in the picture."""
  label: str | None = None
  """The class of all images, by name or number, for a run that draws by class."""
  num: int = 1000
  """Number of images for the scores of a threshold."""
  seed: int = 0
  """Seed of the latents."""


STANDING = 32, 64  # number of batches, and their size, for the statistics of batch norm
OTHERS = 1_000_000  # latents for these statistics are numbered from here, unlike the picture's
NORMAL, PSI = (2.0, 1.5, 1.0, 0.7, 0.5, 0.3), (1.0, 0.8, 0.7, 0.5, 0.3, 0.0)

Truncated = Callable[[Nets, Array, Array, Key], Array]
"""`(nets, points, threshold, key) -> points`."""


def truncation(run: Run, where: Space, cutoff: int | None) -> tuple[Truncated, tuple[float, ...]]:
  """Return the truncation for a run's points, and the usual thresholds.

  Args:
    run: the run.
    where: its space, of latents or of styles.
    cutoff: number of layers to truncate, for styles; all if None.

  Raises:
    ValueError: if latents are uniform, because these have no tails to truncate.
  """
  if where.styles:
    mean = where.styles.mean
    cut = lambda nets, w, psi, key: towards_mean(w, mean(nets), psi, cutoff)
    return cut, PSI
  if (latent := part(run.config, Latents).latent) != 'normal':
    raise ValueError(f'truncation cuts the tails of normal latents, this run has --latent={latent}')
  return lambda nets, z, threshold, key: redrawn(z, threshold, key), NORMAL


def drawn(
  run: Run, where: Space, cut: Truncated, labels: Array, seed: int
) -> Callable[[float], np.ndarray]:
  """Return the function `threshold -> images [n, H, W, C]` in [-1, 1]; latents stay the same.

  If the generator has batch norm, its statistics are measured again at each threshold.

  Args:
    run: the run.
    where: its space, of latents or of styles.
    cut: the truncation.
    labels: classes `[n]`.
    seed: seed of the latents.
  """

  def points(nets: Nets, i: Array, labels: Array, threshold: Array) -> Array:
    drawing, cutting = jax.random.split(jax.random.fold_in(key_of(seed), i))
    return cut(nets, where.draw(nets, drawing, labels), threshold, cutting)

  def images(
    nets: Nets, variables: Mapping[str, Variables], rows: Array, labels: Array, threshold: Array
  ) -> Array:
    nets = replace(nets, variables={**nets.variables, **variables})
    return where.generate(nets, points(nets, rows[0], labels, threshold), labels)

  settle = run.bound(partial(settled, where, points))
  made = run.bound(images)

  def draw(threshold: float) -> np.ndarray:
    level = jnp.float32(threshold)
    variables = settle(labels, level)
    return in_batches(
      lambda i, label: made(variables, i, label, level), jnp.arange(len(labels)), labels
    )

  return draw


GENERATOR = 'generator'


def settled(
  where: Space, points: Callable[..., Array], nets: Nets, labels: Array, threshold: Array
) -> dict[str, Variables]:
  """Return the generator's batch norm statistics over truncated latents; {} without batch norm.

  They are measured over 32 batches of 64 latents, with the classes in `labels`.
  """
  moving = nets.variables.get(GENERATOR, {})
  if where.styles or standing_statistics.STATISTICS not in moving:
    return {}
  classes = jnp.resize(labels, (STANDING[1],))

  def inputs(i: Array) -> tuple[Array, ...]:
    z = points(nets, i + OTHERS, classes, threshold)
    return (z, classes) if where.conditional else (z,)

  whole = {**moving, 'params': nets.params[GENERATOR]}
  found = standing_statistics.statistics(nets.networks[GENERATOR], whole, inputs, STANDING[0])
  return {GENERATOR: {kind: value for kind, value in found.items() if kind != 'params'}}


def scored(
  run: Run, draw: Callable[[float], np.ndarray], thresholds: tuple[float, ...]
) -> list[dict[str, object]]:
  """Compute precision, recall, density, coverage and the Fréchet distance at each threshold.

  Args:
    run: the run, whose data set is the reference.
    draw: the function `threshold -> images`, from `drawn`.
    thresholds: the thresholds.

  Raises:
    ValueError: if there are too few images to score.
  """
  train = open_data(run.config, numbered=run.spec)
  held = held_out(run.config, train)
  network = features.named('own', train, held)
  evaluator = scores.evaluator_of(network, train, held)
  found = []
  for threshold in progress.over(thresholds, 'threshold'):
    images = to_uint8(draw(threshold))
    made = scores.evaluate(_always(images), evaluator, metrics=('frechet', 'prdc'), seeds=(0,))
    values = {score.name: score.of.value for score in made}
    found.append({'threshold': threshold, 'num': len(images), 'network': made[0].network, **values})
  return found


def _as_trained(run: Run, options: Options) -> Array:
  """Return the given class, or classes that are as frequent as in the training images."""
  if options.label is not None or not run.recipe.conditional:
    return latents.labels(run, options.num, options.label)
  return run.labels(key_of(options.seed), options.num)


def _always(images: np.ndarray) -> Callable[[int], np.ndarray]:
  """Return a sampler that gives these images for every seed."""
  return lambda seed: images


def write(options: Options) -> None:
  """Draw images at each threshold, and write the picture and the scores.

  Raises:
    ValueError: if there is no run with latents that can be truncated, nothing to write, or no such
      class.
  """
  command.something(out=options.out, scores=options.scores)
  command.positive(options, 'columns', 'num')
  run = load(options.workdir)
  where = latents.space(run)
  cut, usual = truncation(run, where, options.cutoff)
  thresholds = options.thresholds or usual
  if wrong := [t for t in thresholds if t < 0 or not (t or where.styles)]:
    raise ValueError(f'--thresholds must be above 0, one is {wrong[0]}')
  labelled = lambda n: latents.labels(run, n, options.label)
  if options.out:
    draw = drawn(run, where, cut, labelled(options.columns), options.seed)
    rows = np.concatenate([draw(threshold) for threshold in thresholds])
    figures.save_grid(options.out, rows, columns=options.columns)
    command.said([options.out], f'rows of thresholds {", ".join(map(str, thresholds))}')
  if options.scores:
    draw = drawn(run, where, cut, _as_trained(run, options), options.seed)
    found = scored(run, draw, thresholds)
    files.write_config(options.scores, {'step': run.step, 'scores': found})
    for line in found:
      print(json.dumps({k: v for k, v in line.items() if k != 'network'}))


def main(argv: list[str] | None = None) -> int:
  """Run the command, and return its exit code: 0, or 2 for wrong input."""
  return command.run('truncate', Options, write, argv)


if __name__ == '__main__':
  sys.exit(main())
