"""Generated images for each class: `jaxgan augment --workdir=/tmp/run --out=more`.

Every class gets the same number of images. The result is a folder with a subfolder for each class,
to train on with `--dataset=folder`, or array_record files, to train on with `--dataset=generated
--data-dir=OUT`.
"""

import pathlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from jaxgan.apps import checks, command
from jaxgan.core import progress
from jaxgan.ops.images import to_uint8
from jaxgan.storage import files
from jaxgan.training.run import Run, load


@dataclass(frozen=True)
class Options:
  """Fill a folder with generated images of each class, from a conditional run."""

  workdir: pathlib.Path
  """The run's directory."""
  out: checks.Folder
  """The folder to make; it must be missing or empty."""
  num: int = 100
  """Number of images for each class."""
  format: Literal['png', 'array_record'] = 'png'
  """png: a subfolder for each class, a file for each image. array_record: a prepared data set named
  'generated'."""
  seed: int = 0
  """Seed of the images, from 0 to 4294967294."""


def by_class(run: Run, num: int, seed: int) -> Iterator[tuple[int, np.ndarray]]:
  """Yield each class with `num` images, uint8 `[num, H, W, C]`.

  Raises:
    ValueError: if the run does not draw by class.
  """
  if not run.recipe.conditional:
    raise ValueError(
      f'{run.config.variant} draws no classes, so its images would have no labels: give a run of '
      'a conditional variant, such as cgan'
    )
  for label in progress.over(range(run.spec.classes), 'images of class'):
    yield label, to_uint8(run.sample(seed * run.spec.classes + label, num, label))


def folder_names(names: tuple[str, ...]) -> list[str]:
  """Return a subfolder's name for each class, without characters that paths cannot have.

  The names in alphabetical order are the classes in their order; where the plain names are not,
  each gets its number in front.
  """
  plain = [''.join(c if c.isalnum() or c in ' ._-' else '_' for c in name) for name in names]
  plain = [name.strip(' .') or '_' for name in plain]
  if sorted(set(plain)) == plain:  # a data set of subfolders numbers its classes in this order
    return plain
  width = len(str(len(plain) - 1))
  return [f'{i:0{width}}_{name}' for i, name in enumerate(plain)]


def save_png(folder: pathlib.Path, images: np.ndarray) -> None:
  """Write uint8 images `[n, H, W, C]` as 00000.png, 00001.png and so on."""
  folder.mkdir(parents=True, exist_ok=True)
  for i, image in enumerate(images):
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(folder / f'{i:05d}.png')


def _png(run: Run, options: Options, out: pathlib.Path) -> None:
  """Fill a folder with a subfolder of PNG files for each class."""
  names = folder_names(run.spec.names)
  for label, images in by_class(run, options.num, options.seed):
    save_png(out / names[label], images)


def _array_record(run: Run, options: Options, out: pathlib.Path) -> None:
  """Fill a folder with a data set of array_record files."""
  from jaxgan.data import generated

  labelled = by_class(run, options.num, options.seed)
  generated.prepare(out, run.spec, ((image, y) for y, images in labelled for image in images))


def write(options: Options) -> None:
  """Draw the images and fill the folder; after a failure there is no folder.

  Raises:
    ValueError: if there is no conditional run, or the folder is not empty.
  """
  command.positive(options, 'num')
  run = load(options.workdir)
  if not run.recipe.conditional:
    next(by_class(run, 1, 0))
  fill = {'png': _png, 'array_record': _array_record}[options.format]
  with files.becoming(options.out.expanduser()) as part:
    fill(run, options, part)
  command.said([options.out], f'{options.num} images of each of {run.spec.classes} classes')


def main(argv: list[str] | None = None) -> int:
  """Run the command, and return its exit code: 0, or 2 for wrong input."""
  return command.run('augment', Options, write, argv)


if __name__ == '__main__':
  sys.exit(main())
