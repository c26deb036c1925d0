"""Mixing of styles: `jaxgan stylemix --workdir=/tmp/run --out=m.png`.

The first column and the first row show images. Every other image has the styles of the image of its
row, except for some layers, which have the styles of the image of its column. There are three such
tables below each other: for the coarse, the middle and the fine layers.

Reference: Karras et al., A Style-Based Generator Architecture for GANs, 2019, figure 3.
"""

import itertools
import pathlib
import sys
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from jaxgan.apps import checks, command, latents
from jaxgan.core.seeds import key_of
from jaxgan.core.typing import Array
from jaxgan.storage import figures
from jaxgan.training.run import Run, load


@dataclass(frozen=True)
class Options:
  """Draw tables of mixed styles, for a run that has styles."""

  workdir: pathlib.Path
  """The run's directory."""
  out: checks.Picture
  """The picture to write, PNG."""
  rows: int = 3
  """Number of images in the first column, which keep most of their styles."""
  columns: int = 5
  """Number of images in the first row, which give styles to the others."""
  bounds: tuple[int, ...] = ()
  """The first middle layer and the first fine layer; thirds if not given, 4 8 in the article."""
  label: str | None = None
  """The class of all images, by name or number, for a run that draws by class."""
  seed: int = 0
  """Seed of the latents."""


def mixed(of: Array, others: Array, first: int, past: int) -> Array:
  """Return styles `of` with the layers from `first` to `past - 1` replaced by those of `others`.

  Args:
    of: styles `[r, L, d]`.
    others: styles `[c, L, d]`.
    first: the first layer to replace.
    past: the layer after the last one to replace.

  Returns:
    every combination, `[r, c, L, d]`.
  """
  layer = jnp.arange(of.shape[1])[None, None, :, None]
  return jnp.where((layer >= first) & (layer < past), others[None], of[:, None])


def spans(layers: int, bounds: tuple[int, ...]) -> list[tuple[int, int]]:
  """Return (first layer, last layer + 1) of the coarse, the middle and the fine layers.

  Raises:
    ValueError: if the bounds do not divide the layers into three parts.

  Example:
    >>> spans(6, ())
    [(0, 2), (2, 4), (4, 6)]
  """
  found = bounds or (round(layers / 3), round(2 * layers / 3))
  if len(found) != 2 or not 0 < found[0] < found[1] < layers:
    raise ValueError(f'--bounds must be two numbers that rise from 1 to {layers - 1}, got {found}')
  edges = [0, *found, layers]
  return list(itertools.pairwise(edges))


def tables(run: Run, w: Array, rows: int, bounds: tuple[int, ...]) -> np.ndarray:
  """Draw the images of all tables, row by row.

  Args:
    run: a run with styles.
    w: styles `[rows + columns, layers, d]`, those of the first column first.
    rows: number of images in the first column.
    bounds: as in `spans`.
  """
  where = latents.space(run)
  show = lambda w: latents.images(run, where, w, jnp.zeros(len(w), jnp.int32))
  columns = len(w) - rows
  alone = show(w)
  shown = []
  for first, past in spans(w.shape[1], bounds):
    cells = show(mixed(w[:rows], w[rows:], first, past).reshape(-1, *w.shape[1:]))
    shown.append([np.ones_like(alone[0]), *alone[rows:]])
    shown += [[alone[r], *cells[r * columns : (r + 1) * columns]] for r in range(rows)]
  return np.concatenate(shown)


def write(options: Options) -> None:
  """Draw the tables.

  Raises:
    ValueError: if there is no run with styles, or the bounds do not fit its layers.
  """
  command.positive(options, 'rows', 'columns')
  run = load(options.workdir)
  where = latents.space(run)
  if not where.styles:
    raise ValueError(f'{run.config.variant} has no styles to mix: give a run of a StyleGAN')
  labels = latents.labels(run, options.rows + options.columns, options.label)
  w = run.bound(where.draw)(key_of(options.seed), labels)
  images = tables(run, w, options.rows, options.bounds)
  figures.save_grid(options.out, images, columns=options.columns + 1)
  command.said([options.out], f'{len(images)} images')


def main(argv: list[str] | None = None) -> int:
  """Run the command, and return its exit code: 0, or 2 for wrong input."""
  return command.run('stylemix', Options, write, argv)


if __name__ == '__main__':
  sys.exit(main())
