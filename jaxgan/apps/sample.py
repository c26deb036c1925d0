"""Draw from a run: `python -m jaxgan.sample --workdir=/tmp/run --num=64 --out=grid.png`."""

import math
import pathlib
import sys
from dataclasses import dataclass
from typing import Literal

from jaxgan.apps import command
from jaxgan.ops.images import to_uint8
from jaxgan.storage import figures, files
from jaxgan.training.run import load


@dataclass(frozen=True)
class Arguments:
  """Draw images with the averaged generator of a run."""

  workdir: pathlib.Path
  """The run's directory."""
  num: int = 64
  """How many images."""
  out: pathlib.Path | None = None
  """The picture to write, PNG."""
  npz: pathlib.Path | None = None
  """A file for the images themselves: uint8 [num, H, W, C], as `images`."""
  label: int | None = None
  """The class of all images, of a run that draws by class."""
  classes: Literal['data', 'even'] = 'data'
  """Without --label: classes as often as the training images have them, or all equally often."""
  seed: int = 0
  """Other seeds, other images; from 0 to 4294967294."""


def main(argv: list[str] | None = None) -> int:
  """The command; its exit code is 0, or 2 on wrong input."""
  return command.run('sample', Arguments, write, argv)


def write(arguments: Arguments) -> None:
  """Draw and write what the arguments ask for.

  Raises:
    ValueError: nothing to write or no images asked for, no run, no such label.
  """
  if arguments.num < 1:
    raise ValueError(f'--num must be above 0, it is {arguments.num}')
  if not (arguments.out or arguments.npz):
    raise ValueError('nothing to write: give --out=PICTURE.png or --npz=FILE.npz, or both')
  run = load(arguments.workdir)
  run = run.evenly() if arguments.classes == 'even' else run
  images = run.sample(arguments.seed, arguments.num, arguments.label)
  if arguments.out:
    figures.save_grid(arguments.out, images, columns=math.ceil(math.sqrt(arguments.num)))
    print(f'jaxgan: {arguments.num} images in {arguments.out}')
  if arguments.npz:
    files.save_npz(arguments.npz, images=to_uint8(images))
    print(f'jaxgan: {arguments.num} images in {arguments.npz}')


if __name__ == '__main__':
  sys.exit(main())
