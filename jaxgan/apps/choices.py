"""The rule by which `jaxgan train FOLDER` picks options for a folder of images."""

import pathlib
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from jaxgan.data import images
from jaxgan.data.listing import listing

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
PARTS = frozenset({'train', 'test', 'val', 'valid', 'validation'})
TWO = ('domains', 'pairs')


class Found(NamedTuple):
  """The contents of a folder of images.

  `kind` is 'folder', 'domains' or 'pairs', and `layout` says why. `total` counts the images; `side`
  is the median of their shorter sides in pixels; `grey` is true if all opened images are grey.
  `classes` counts the classes, and `fewest` the images of the smallest class.
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
  return Pick('variant', 'sngan', 'it came out best where variants were compared on a laptop')


def picks(found: Found, accepted: Mapping[str, Sequence[object]]) -> list[Pick]:
  """Pick options for a folder of images.

  The rule:

  - dataset: `domains` for a folder that holds trainA and trainB, or A and B, and nothing else but
    test and validation parts; `pairs` if all names in the two are the same, or if there are train
    and test (or val) folders of images that are all twice as wide as high; else `folder`.
  - variant: `cyclegan` for domains, `pix2pix` for pairs, else `sngan`.
  - folder: its subfolder `train` if all subfolders are parts such as train and test.
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
  """Return the contents of a folder of images.

  Raises:
    ValueError: if there is no such folder, no image in it, or no image that can be read.
  """
  if not folder.is_dir():
    raise ValueError(
      f'there is no folder {folder}: give a folder of images, or --variant and --workdir'
    )
  if two := _two(folder):
    return _looked(folder, *two, listing(folder).images)
  inside = {path.name for path in folder.iterdir() if path.is_dir()}
  parts = 'train' in inside and inside <= PARTS
  files = listing(folder / 'train' if parts else folder)
  if parts and len(inside) > 1 and _wide(files.root, files.images):
    layout = 'train and test hold images that are twice as wide as high'
    return _looked(folder, 'pairs', layout, [f'train/{path}' for path in files.images], halves=True)
  members = [files.label(path) for path in files.images]
  found = _looked(files.root, 'folder', 'any images below a folder', files.images)
  fewest = min(map(members.count, range(len(files.classes))), default=0)
  return found._replace(classes=len(files.classes), fewest=fewest)


def _two(folder: pathlib.Path) -> tuple[str, str] | None:
  """Return the kind and the layout of a folder of two domains; None for another folder."""
  inside = {path.name for path in folder.iterdir() if path.is_dir()}
  for a, b in (('trainA', 'trainB'), ('A', 'B')):
    if {a, b} <= inside <= {a, b, 'testA', 'testB', 'valA', 'valB'}:
      left, right = (
        {pathlib.PurePath(path).with_suffix('') for path in listing(folder / name).images}
        for name in (a, b)
      )
      if left == right:
        return 'pairs', f'{a} and {b} hold images of the same names'
      return 'domains', f'there are {a} and {b}'
  return None


def _looked(
  root: pathlib.Path, kind: str, layout: str, names: Sequence[str], halves: bool = False
) -> Found:
  """Open some of the images, and return their median side and whether all are grey."""
  opened = [one for one in (_opened(root / name, root) for name in _some(names)) if one]
  if not opened:
    raise ValueError(f'{root} has no image that can be read; {" ".join(images.EXTENSIONS)} are')
  widths, heights, grey = zip(*opened, strict=True)
  sides = [min(w // (2 if halves else 1), h) for w, h in zip(widths, heights, strict=True)]
  return Found(root, kind, layout, len(names), int(statistics.median(sides)), all(grey))


def _wide(root: pathlib.Path, names: Sequence[str]) -> bool:
  """Return whether the images that can be read are twice as wide as high."""
  opened = [one for one in (_opened(root / name, root) for name in _some(names)) if one]
  return bool(opened) and all(width == 2 * height for width, height, _ in opened)


def _some(names: Sequence[str]) -> Sequence[str]:
  """Return at most `SAMPLED` names, evenly spread over the list."""
  return (
    [names[i] for i in np.unique(np.linspace(0, len(names) - 1, SAMPLED).astype(int))]
    if names
    else []
  )


def _opened(path: pathlib.Path, root: pathlib.Path) -> tuple[int, int, bool] | None:
  """Return width, height and whether an image is grey; None if it cannot be read."""
  try:
    with images.guarded():
      image = images.load_image(path, root, size=SIZES[-1])
      with Image.open(path, formats=images.FORMATS) as whole:
        width, height = whole.size
  except (ValueError, OSError):
    return None
  return width, height, _grey(image)


def _grey(image: Image.Image) -> bool:
  """Return whether an image has no colour."""
  if image.mode == 'L':
    return True
  pixels = np.asarray(image).astype(np.int16)
  return bool(np.ptp(pixels, axis=-1).max() <= TINT)
