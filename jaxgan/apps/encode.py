"""Latents of images by the encoder of a run: `jaxgan encode --workdir=/tmp/run --split=test ...`.

The encoder is that of the run's own game, as in bigan, or the one that `jaxgan anomaly fit` trained
for it (f-AnoGAN). One pass gives the latents of an image; `jaxgan invert` searches for those that
reproduce it best, which takes longer and needs no encoder.
"""

import pathlib
import sys
from dataclasses import dataclass

import numpy as np

from jaxgan.apps import checks, command, encoder
from jaxgan.apps.command import Pictures
from jaxgan.storage import files
from jaxgan.training.programs import in_batches
from jaxgan.training.run import Run, load


@dataclass(frozen=True)
class Options:
  """Write the latents of images, by the encoder of a run."""

  workdir: pathlib.Path
  """The run's directory."""
  out: checks.Latents
  """The file to write: .npz has `latents` [n, Z], `names` and, of a split, `labels`; .csv has a row
  for each image, with the columns image, label, z0, z1 and so on."""
  images: pathlib.Path | None = None
  """An image, or a folder of images."""
  split: str | None = None
  """A split of the run's data set, in place of a folder: test, train."""
  num: int | None = None
  """Number of images, drawn with a fixed seed; all if not given."""


def encode(run: Run, folder: pathlib.Path, images: np.ndarray) -> np.ndarray:
  """Return the latents `[n, Z]` of images `[n, H, W, C]` in [-1, 1].

  Args:
    run: the run.
    folder: its directory, in which the encoder of f-AnoGAN lies.
    images: the images.

  Raises:
    ValueError: the run makes images from images; or as in `encoder.load`.
  """
  apply, variables, _ = encoder.opened(folder, run)
  bound = run.bound(apply)
  return np.asarray(in_batches(lambda x: bound(variables, x), images, size=64))


def rows(given: Pictures, found: np.ndarray) -> list[dict[str, object]]:
  """Return a table with the latent of each image in a row."""
  table: list[dict[str, object]] = []
  for i, (name, latent) in enumerate(zip(given.names, found, strict=True)):
    label = {} if given.labels is None else {'label': int(given.labels[i])}
    table.append({'image': name, **label, **{f'z{j}': float(x) for j, x in enumerate(latent)}})
  return table


def write(options: Options) -> None:
  """Write the latents of the images.

  Raises:
    ValueError: if there is no run, no image, or no encoder.
  """
  command.positive(options, 'num')
  run, folder = load(options.workdir), options.workdir.expanduser()
  encoder.opened(folder, run)  # raises before images are read
  given = command.given(run, options.images, options.split, options.num)
  found = encode(run, folder, given.images)
  if options.out.suffix.lower() == '.csv':
    files.write_csv(options.out, rows(given, found))
  else:
    labels = {} if given.labels is None else {'labels': given.labels}
    files.save_npz(options.out, latents=found, names=np.array(given.names), **labels)
  command.said([options.out], f'{len(found)} latents')


def main(argv: list[str] | None = None) -> int:
  """Run the command, and return its exit code: 0, or 2 for wrong input."""
  return command.run('encode', Options, write, argv)


if __name__ == '__main__':
  sys.exit(main())
