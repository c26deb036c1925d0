"""The rule by which `jaxgan train FOLDER` picks options for a folder of images."""

import collections
import os
import pathlib
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from jaxgan.data import captions, images, layouts
from jaxgan.data.listing import Listing, listing

SIZES = (16, 32, 64)
"""Image sizes, pixels on a side, on which a laptop trains in hours."""
FEW = 2000
"""With fewer images than this, the critic would memorize them without augmentation."""
CLASS = 10
"""The least number of images that a class needs."""
SAMPLED = 48
"""Number of images that are opened to look at."""
TINT = 8
"""Greatest difference of red, green and blue, of 255, that counts as grey: JPEG adds some."""
TWO = ('domains', 'pairs')
PLAIN = 'any images below a folder'


class Found(NamedTuple):
  """The contents of a folder of images.

  `kind` is 'folder', 'captions', 'domains', 'pairs' or 'table', and `layout` says why. `total`
  counts the images; `side` is the median of their shorter sides in pixels; `grey` is true if all
  opened images are grey. `classes` counts the classes, and `fewest` the images of the smallest one.
  """

  folder: pathlib.Path
  kind: str
  layout: str
  total: int
  side: int
  grey: bool
  classes: int = 0
  fewest: int = 0


class Pick(NamedTuple):
  """An option, the value that was picked for it, and the reason."""

  option: str
  value: object
  why: str

  def __str__(self) -> str:
    return f'picked --{self.option.replace("_", "-")}={self.value}: {self.why}'


def variant(found: Found) -> Pick:
  """Pick the variant, by the rule that `picks` describes."""
  if found.kind == 'domains':
    return Pick('variant', 'cyclegan', 'it translates between two domains without pairs')
  if found.kind == 'pairs':
    return Pick('variant', 'pix2pix', 'it translates one image of a pair into the other')
  if found.kind == 'table':
    return Pick('variant', 'ctgan', 'it draws rows of a table')
  if found.kind == 'captions':
    return Pick('variant', 'gan_cls', 'it draws images of words')
  return Pick('variant', 'sngan', 'it came out best where variants were compared on a laptop')


def picks(found: Found, accepted: Mapping[str, Sequence[object]]) -> list[Pick]:
  """Pick options for a folder of images.

  The rule:

  - dataset: `table` for a CSV file; `domains` for a folder that holds the folders of two domains,
    such as trainA and trainB, A and B, or input and target, and no other images; `pairs` if all
    names in the two are the same, or if there are the folders train and test (or val), with images
    of which nearly all are twice as wide as high; `captions` if there is a table of captions, or
    text files lie beside half of the images, and the variant, if one is given, draws by text; else
    `folder`.
  - variant: `ctgan` for a table, `cyclegan` for domains, `pix2pix` for pairs, `gan_cls` for
    captions, else `sngan`.
  - folder: the folder itself; of its splits, such as train and test, only train is trained on.
  - image_size: the largest of 16, 32, 64 that is not above the median size, at least 16.
  - channels: 1 if all images that were opened are grey, else 3.
  - conditional: by class if the images lie in two or more subfolders of at least 10 images each.
  - augment: with fewer than 2000 images, `ada` if the variant has it, else `diffaugment`.
  - workdir: runs/ and the name of the folder.

  Args:
    found: the contents of the folder.
    accepted: for each option of the variant, its possible values if these are few, else nothing.

  Returns:
    the picks for those options that the variant has.
  """
  if found.kind == 'table':
    return [
      Pick('dataset', found.kind, found.layout),
      Pick('folder', found.folder, 'the rows to train on'),
    ]
  sized = max((size for size in SIZES if size <= found.side), default=SIZES[0])
  made = [
    Pick('dataset', found.kind, found.layout),
    Pick('folder', found.folder, 'the images to train on'),
    Pick(
      'image_size',
      sized,
      f'their shorter side is about {found.side} pixels; above {SIZES[-1]}, training takes days',
    ),
    _channels(found),
    _conditional(found),
    *_augment(found, accepted.get('augment', ())),
  ]
  return [pick for pick in made if pick.option in accepted]


def _channels(found: Found) -> Pick:
  """Pick grey or colour."""
  why = 'all images that were opened are grey' if found.grey else 'there are images in colour'
  return Pick('channels', 1 if found.grey else 3, why)


def _conditional(found: Found) -> Pick:
  """Pick whether images are drawn by class."""
  if found.classes < 2:
    return Pick('conditional', False, 'there are no subfolders to use as classes')
  if found.fewest < CLASS:
    why = f'a subfolder has {found.fewest} images, a class needs {CLASS}'
    return Pick('conditional', False, why)
  return Pick('conditional', True, f'{found.classes} subfolders are the classes')


def _augment(found: Found, values: Sequence[object]) -> list[Pick]:
  """Pick an augmentation if there are few images."""
  known = [value for value in ('ada', 'diffaugment') if value in values]
  if not known or found.kind in TWO or found.total >= FEW:
    return []
  return [Pick('augment', known[0], f'{found.total} images are few')]


def look(folder: pathlib.Path) -> Found:
  """Return the contents of a folder of images, or that it is a table.

  Raises:
    ValueError: if there is no such folder, no image in it, or no image that can be read.
  """
  if folder.suffix.lower() == '.csv' and folder.is_file():
    return Found(folder, 'table', 'it is a CSV file', 0, 0, False)
  if not folder.is_dir():
    raise ValueError(
      f'there is no folder {folder}: give images, a CSV file, or --variant and --workdir'
    )
  files = listing(folder)
  if two := _two(files):
    return _looked(folder, *two, files.images)
  parts = layouts.parts(files)
  train = files.below(parts['train']) if parts else files
  if 'test' in parts and layouts.halves(train):
    layout = f'{" and ".join(parts.values())} hold images that are twice as wide as high'
    names = [f'{parts["train"]}/{path}' for path in train.images]
    return _looked(folder, 'pairs', layout, names, halves=True)
  why = captions.seen(train)
  found = _looked(train.root, 'captions' if why else 'folder', why or PLAIN, train.images)
  members = collections.Counter(path.split('/')[0] for path in train.images)
  fewest = min((members[name] for name in train.classes), default=0)
  return found._replace(folder=folder, classes=len(train.classes), fewest=fewest)


def _two(files: Listing) -> tuple[str, str] | None:
  """Return the kind and the layout of a folder of two domains; None for another folder."""
  found = [way for way in layouts.ways(files.root) if way.complete]
  if len(found) != 1:
    return None
  inside = lambda path: files.below(path.relative_to(files.root).as_posix())
  each = {path: inside(path).images for path in found[0].used}
  if sum(map(len, each.values())) < len(files.images):  # there are images in other folders too
    return None
  a, b = found[0].splits['train']
  stems = [{os.path.splitext(path)[0] for path in each[side]} for side in (a, b)]
  names = ' and '.join(path.relative_to(files.root).as_posix() for path in (a, b))
  if stems[0] == stems[1]:
    return 'pairs', f'{names} hold images of the same names'
  return 'domains', f'there are {names}'


def _looked(
  root: pathlib.Path, kind: str, layout: str, names: Sequence[str], halves: bool = False
) -> Found:
  """Open some of the images, and return their median side and whether all are grey."""
  opened = [
    one for one in (_opened(root / name, root) for name in layouts.spread(names, SAMPLED)) if one
  ]
  if not opened:
    raise ValueError(f'{root} has no image that can be read; {" ".join(images.EXTENSIONS)} are')
  widths, heights, grey = zip(*opened, strict=True)
  sides = [min(w // (2 if halves else 1), h) for w, h in zip(widths, heights, strict=True)]
  return Found(root, kind, layout, len(names), int(statistics.median(sides)), all(grey))


def _opened(path: pathlib.Path, root: pathlib.Path) -> tuple[int, int, bool] | None:
  """Return width, height and whether an image is grey; None if it cannot be read."""
  try:
    with images.guarded():
      image = images.load_image(path, root, size=SIZES[-1])
      width, height = images.upright_size(path, root)
  except ValueError:
    return None
  return width, height, _grey(image)


def _grey(image: Image.Image) -> bool:
  """Return whether an image has no colour."""
  if image.mode == 'L':
    return True
  pixels = np.asarray(image).astype(np.int16)
  return bool(np.ptp(pixels, axis=-1).max() <= TINT)
