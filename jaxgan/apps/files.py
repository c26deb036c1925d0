"""Conversion of images: from a file or a folder into another folder, under the same names."""

import collections
import os
import pathlib
import sys
from typing import NamedTuple

from PIL import Image

from jaxgan.apps.transparency import Make, Way
from jaxgan.core import progress
from jaxgan.data import images
from jaxgan.data.listing import check_images, listing
from jaxgan.storage import files


class Work(NamedTuple):
  """The images to convert: a folder, and paths relative to it."""

  root: pathlib.Path
  names: tuple[str, ...]


def found(path: pathlib.Path, out: pathlib.Path | None = None) -> Work:
  """Find the images at a path.

  Args:
    path: an image, or a folder with images at any depth.
    out: the folder that the results are for.

  Raises:
    ValueError: if there is no image, or if one of the two folders lies in the other.
  """
  path = path.expanduser()
  if path.is_file():
    return Work(path.parent, (path.name,))
  if not path.is_dir():
    raise ValueError(f'--images={path} is neither an image nor a folder of images')
  real = lambda one: pathlib.Path(os.path.realpath(one.expanduser()))
  here, there = real(path), real(out) if out else None
  if there and (there.is_relative_to(here) or here.is_relative_to(there)):
    raise ValueError(f'--out={out} and --images={path} lie in each other: give another --out')
  inside = listing(path)
  inside.tell()
  check_images(inside)
  return Work(path, inside.images)


def convert(work: Work, out: pathlib.Path, make: Make, transparent: Way) -> int:
  """Convert images with `make`, write them to `out` as PNG, and return their number.

  Transparency is kept. If an image cannot be read or converted, its name is printed and it is
  skipped.

  Args:
    work: the images.
    out: the folder to write to.
    make: the conversion.
    transparent: how an image with an alpha channel is converted, see `jaxgan.apps.transparency`.

  Raises:
    ValueError: if no image could be converted; the message has the first reason.
    OSError: `out` cannot be written.
  """
  out, refused = out.expanduser(), {}
  with images.guarded():
    for name, target in progress.over(targets(work.names).items(), 'images', len(work.names)):
      try:
        image = images.load_as(images.with_alpha, work.root / name, work.root)
        made = transparent(make, image) if image.mode.endswith('A') else make(image)
      except ValueError as error:
        refused[name] = str(error)
        print(f'jaxgan: skipped {name!r}: {error}', file=sys.stderr)
        continue
      _save(made, out / target)
  done = len(work.names) - len(refused)
  if not done:
    name, reason = next(iter(refused.items()))
    raise ValueError(f'none of {len(work.names)} images could be made, first {name!r}: {reason}')
  if refused:
    print(f'jaxgan: skipped {len(refused)} of {len(work.names)} images', file=sys.stderr)
  return done


def targets(names: tuple[str, ...]) -> dict[str, str]:
  """Return the new name of each image: .png in place of its ending, or added if names collide.

  Example:
    >>> targets(('a.jpg', 'b.jpg', 'b.webp'))
    {'a.jpg': 'a.png', 'b.jpg': 'b.jpg.png', 'b.webp': 'b.webp.png'}
  """
  plain = [pathlib.PurePath(name).with_suffix('.png').as_posix() for name in names]
  twice = {name for name, times in collections.Counter(plain).items() if times > 1}
  return {
    name: f'{name}.png' if short in twice else short
    for name, short in zip(names, plain, strict=True)
  }


def _save(image: Image.Image, path: pathlib.Path) -> None:
  """Write an image as PNG, and make its folder."""
  with files.atomic(path) as file:
    image.save(file, format='PNG')
