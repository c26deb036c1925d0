"""Translate images: `python -m jaxgan.apps.translate --workdir=RUN --images=PATH --out=DIR`.

Of a run of cyclegan or pix2pix. Images of any size go through whole where they fit in a tile; a
grey image becomes what the network makes of it, transparency stays where it was.
"""

import pathlib
import sys
from dataclasses import dataclass
from typing import Literal

from PIL import Image

from jaxgan.apps import command, files, tiles
from jaxgan.data import images
from jaxgan.ops.images import to_uint8, to_unit
from jaxgan.training.run import Run, load


@dataclass(frozen=True)
class Options:
  """Make images of images by a run that has learnt to."""

  workdir: pathlib.Path
  """The run's directory."""
  images: pathlib.Path
  """An image, or a folder of images at any depth."""
  out: pathlib.Path
  """The folder for what is made, as PNG under the same names."""
  direction: Literal['AtoB', 'BtoA'] | None = None
  """Which way; the one that the run was trained for if not given."""
  tile: int = 512
  """Pixels a side above which an image goes through in tiles, since memory is limited; 0: never.
  Instance norm goes by each tile's own statistics."""
  overlap: int = 64
  """Pixels that tiles share."""
  seed: int = 0
  """Of the noise, where the network draws some."""


def translator(run: Run, direction: str | None, tile: int, overlap: int, seed: int) -> files.Make:
  """Image to image, each by the same noise.

  Raises:
    ValueError: a run that does not translate, or not in that direction.
  """
  ways = run.recipe.translate
  if 'upscale' in ways:
    raise ValueError(f'a run of {run.config.variant} enlarges images: use jaxgan.apps.upscale')
  name = direction or next(iter(ways), 'images')
  way = run.way(name)
  given = dict(multiple=way.multiple, smallest=way.smallest, tile=tile, overlap=overlap)

  def make(image: Image.Image) -> Image.Image:
    array = to_unit(images.to_array(image, run.spec.channels)[None])
    made = tiles.through(lambda x: run.translate(x, name, seed), array, **given)
    return images.from_array(to_uint8(made)[0])

  return make


def write(options: Options) -> None:
  """Translate the images, and say how many.

  Raises:
    ValueError: as `load`, `files.found`, `translator` and `files.convert`.
  """
  run, work = load(options.workdir), files.found(options.images, options.out)
  make = translator(run, options.direction, options.tile, options.overlap, options.seed)
  done = files.convert(work, options.out, make)
  command.said([options.out], f'{done} images')


def main(argv: list[str] | None = None) -> int:
  """Run the command, and return its exit code: 0, or 2 for wrong input."""
  return command.run('translate', Options, write, argv)


if __name__ == '__main__':
  sys.exit(main())
