"""Translate images: `jaxgan translate --workdir=RUN --images=PATH --out=DIR`.

The run is of cyclegan, cut, pix2pix, spade or stargan, which needs --domain=NAME too. Images may
have any size; those that are larger than a tile are translated in tiles. Transparency is kept: the
run sees transparent images over white, as in training.
"""

import pathlib
import sys
from dataclasses import dataclass
from typing import Literal

from PIL import Image

from jaxgan.apps import checks, command, files, tiles, transparency, ways
from jaxgan.apps.transparency import Make
from jaxgan.data import images
from jaxgan.ops.images import to_uint8, to_unit
from jaxgan.training.run import Run, load


@dataclass(frozen=True)
class Options:
  """Translate images with a run of cyclegan, cut, pix2pix, spade or stargan."""

  workdir: pathlib.Path
  """The run's directory."""
  images: pathlib.Path
  """An image, or a folder of images at any depth."""
  out: checks.Folder
  """The folder for the new images, PNG with the same names."""
  direction: Literal['AtoB', 'BtoA'] | None = None
  """Direction between two domains; the one that the run was trained for if not given."""
  domain: str | None = None
  """For a run of stargan: the domain to translate to, by its name, as the data set has it."""
  tile: int = 512
  """Translate images that are larger than this, in pixels on a side, in tiles, to save memory; 0:
  never. Instance norm then uses the statistics of each tile."""
  overlap: int = 64
  """Pixels that neighboring tiles share."""
  seed: int = 0
  """Seed of the noise, if the network uses noise."""


def translator(run: Run, name: str, tile: int, overlap: int, seed: int) -> Make:
  """Return a function that translates an image; the noise is the same for all images.

  Args:
    run: a run that translates.
    name: the name of the translation, such as 'AtoB', or of the domain to translate to.
    tile: pixels on a side of a tile; 0 for no tiles.
    overlap: pixels that neighboring tiles share.
    seed: seed of the noise.

  Raises:
    ValueError: if the run does not translate, or has no translation of that name.
  """
  if 'upscale' in run.translator().ways:
    raise ValueError(f'a run of {run.config.variant} enlarges images: use jaxgan upscale')
  way = run.way(name)
  given = dict(multiple=way.multiple, smallest=way.smallest, tile=tile, overlap=overlap)

  def make(image: Image.Image) -> Image.Image:
    array = to_unit(images.to_array(image, run.spec.channels)[None])
    made = tiles.through(lambda x: run.translate(x, name, seed), array, **given)
    return images.from_array(to_uint8(made)[0])

  return make


def write(options: Options) -> None:
  """Translate the images, and print their number.

  Raises:
    ValueError: as in `load`, `files.found`, `ways.asked`, `translator` and `files.convert`.
  """
  run, work = load(options.workdir), files.found(options.images, options.out)
  name = ways.asked(run, options.direction, options.domain)
  make = translator(run, name, options.tile, options.overlap, options.seed)
  done = files.convert(work, options.out, make, transparency.translated)
  command.said([options.out], f'{done} images')


def main(argv: list[str] | None = None) -> int:
  """Run the command, and return its exit code: 0, or 2 for wrong input."""
  return command.run('translate', Options, write, argv)


if __name__ == '__main__':
  sys.exit(main())
