"""Styles of one image on another: `python -m jaxgan.apps.stylemix --workdir=/tmp/run --out=m.png`.

The first column and the first row are images; each other one has the styles of its row's image, but
for some layers, which are of its column's. One such table for the coarse layers, one for the middle
ones, one for the fine ones, below each other.

References: Karras et al., A Style-Based Generator Architecture for GANs, 2019, figure 3.
"""

import itertools
import pathlib
import sys
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from jaxgan.apps import command, latents
from jaxgan.core.seeds import key_of
from jaxgan.core.typing import Array
from jaxgan.storage import figures
from jaxgan.training.run import Run, load


@dataclass(frozen=True)
class Options:
  """Draw the table of mixed styles of a run that has styles."""

  workdir: pathlib.Path
  """The run's directory."""
  out: pathlib.Path
  """The picture to write, PNG."""
  rows: int = 3
  """Images whose styles are kept."""
  columns: int = 5
  """Images that some styles are taken of."""
  bounds: tuple[int, ...] = ()
  """Where the middle and the fine layers begin; at thirds if not given, 4 8 in the article."""
  label: int | None = None
  """The class of all images, for a run that draws by class."""
  seed: int = 0
  """Of the latents."""


def mixed(of: Array, others: Array, first: int, past: int) -> Array:
  """w `[r, L, d]`, layers first to past - 1 from others `[c, L, d]`: `[r, c, L, d]`."""
  layer = jnp.arange(of.shape[1])[None, None, :, None]
  return jnp.where((layer >= first) & (layer < past), others[None], of[:, None])


def spans(layers: int, bounds: tuple[int, ...]) -> list[tuple[int, int]]:
  """First and past layers of coarse, middle and fine.

  Raises:
    ValueError: bounds that do not cut the layers in three.
  """
  found = bounds or (round(layers / 3), round(2 * layers / 3))
  if len(found) != 2 or not 0 < found[0] < found[1] < layers:
    raise ValueError(f'--bounds must be two numbers that rise from 1 to {layers - 1}, got {found}')
  edges = [0, *found, layers]
  return list(itertools.pairwise(edges))


def tables(run: Run, w: Array, rows: int, bounds: tuple[int, ...]) -> np.ndarray:
  """Images of the tables of w `[rows + columns, layers, d]`, row by row."""
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
    ValueError: no run with styles there, or bounds that do not fit it.
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
