"""Sets of images that the command line names: folders, and .npz files of images or of features."""

import collections
import pathlib
import sys
from collections.abc import Mapping

import numpy as np

from jaxgan import data
from jaxgan.data import Source, images
from jaxgan.data.images import Fit
from jaxgan.data.listing import listing
from jaxgan.evaluation import samples
from jaxgan.evaluation.samples import Sample
from jaxgan.storage import files

SHOWN = 4
"""The number of sizes that a message lists."""


def opened(named: Mapping[str, pathlib.Path], size: int | None = None) -> dict[str, Source]:
  """Open sets of images in one size and with one number of channels.

  Images of a file stay as they are. Images of a folder are read as for training: the center square,
  resized, in color; if a file has gray images, those of a folder must be gray, too.

  Args:
    named: the folders and files by option, such as '--fake'.
    size: pixels on a side; if None, that of the files, or of the first folder.

  Raises:
    ValueError: a path is neither a folder of images nor a file of uint8 images, images of a folder
      have several sizes and `size` is None, or sizes or channels do not fit together.
  """
  stored = {flag: of_file(path) for flag, path in named.items() if not path.is_dir()}
  for flag, source in stored.items():
    if size and source.spec.size != size:
      raise ValueError(
        f'--image-size={size} is for folders, and {flag}={named[flag]} has images of '
        f'{source.spec.size} pixels: give the files in one size'
      )
  one = next(iter(stored.values()), None)
  first = next((flag for flag in named if flag not in stored), '')
  chosen = size or (one.spec.size if one else side(first, named[first]))
  channels = one.spec.channels if one else None
  return {
    flag: stored[flag]
    if flag in stored
    else of_folder(flag, path, chosen, channels, asked=bool(size))
    for flag, path in named.items()
  }


def of_folder(
  flag: str,
  path: pathlib.Path,
  size: int,
  channels: int | None = None,
  *,
  fit: Fit = 'crop',
  asked: bool = True,
) -> Source:
  """Open the images of a folder as for training.

  Args:
    flag: the option that names the folder.
    path: the folder.
    size: pixels on a side to which images are resized.
    channels: 1, 3 or 4; RGB if None.
    fit: what happens to images that are not square, as in `data.load`.
    asked: whether the user gave the size; if not, images must have one size, and a line says so if
      it is another.

  Raises:
    ValueError: there is no image, images have several sizes and none was asked for, or one channel
      is wanted and there are images in color.
  """
  if not asked and (own := side(flag, path)) != size:
    print(f'jaxgan: {flag}: images of {own} pixels are resized to {size}', file=sys.stderr)
  read = lambda wanted: data.load('folder', folder=path, image_size=size, channels=wanted, fit=fit)
  if channels == 1 and not _gray(read(3)):
    raise ValueError(f'{flag}={path} has images in color, the other images are gray: convert one')
  return read(channels if channels in (1, 3, 4) else None)


def _gray(source: Source) -> bool:
  """Return whether red, green and blue are equal in all images."""
  return all((part == part[..., :1]).all() for part in source.parts())


def of_file(path: pathlib.Path) -> Source:
  """Open the images of an .npz file: the array `images`, and `labels` if it is there.

  Raises:
    ValueError: it is no such file, or the images are not uint8 from 0 to 255.
  """
  arrays = _arrays(path)
  if 'images' not in arrays:
    raise ValueError(f'{path} should hold `images`, it holds {", ".join(arrays) or "nothing"}')
  pixels = arrays['images']
  if pixels.dtype != np.uint8:
    raise ValueError(f'{path} should hold images as uint8 from 0 to 255, {_about(pixels)}')
  return data.from_arrays(pixels, arrays.get('labels'))


def _about(pixels: np.ndarray) -> str:
  """Describe images of a wrong type, and say what to do."""
  if not np.issubdtype(pixels.dtype, np.number) or not pixels.size:
    return f'they are {pixels.dtype}{list(pixels.shape)}'
  return (
    f'they are {pixels.dtype} from {pixels.min():.4g} to {pixels.max():.4g}: those in [-1, 1] go '
    'through jaxgan.ops.images.to_uint8'
  )


def side(flag: str, path: pathlib.Path) -> int:
  """Return the shorter side of the images of a folder, if it is the same for all.

  Raises:
    ValueError: there is no image, or there are several sizes; the message counts them.
  """
  found = sizes(path)
  if not found:
    raise ValueError(f'{flag}={path} is neither a folder of images nor an .npz file')
  if len(found) > 1:
    raise ValueError(
      f'{flag}={path} has images of {len(found)} sizes ({counted(found)}): give --image-size, to '
      'which all are resized'
    )
  return next(iter(found))


def sizes(path: pathlib.Path) -> collections.Counter[int]:
  """Count the images of a folder by their shorter side in pixels; unreadable ones do not count."""
  found = listing(path).images if path.is_dir() else ()
  with images.guarded():
    sides = [_side(path / name, path) for name in found]
  return collections.Counter(one for one in sides if one)


def _side(path: pathlib.Path, root: pathlib.Path) -> int:
  """Return the shorter side of an image; 0 if it cannot be read."""
  try:
    width, height = images.upright_size(path, root)
  except ValueError:
    return 0
  return min(width, height) if width * height <= images.PIXELS else 0


def counted(found: collections.Counter[int]) -> str:
  """Return sizes and their numbers of images as a text, the most frequent first.

  Example:
    >>> counted(collections.Counter({64: 1200, 2: 1}))
    '64: 1200 images, 2: 1 image'
  """
  shown = [f'{size}: {n} image{"s" * (n > 1)}' for size, n in found.most_common(SHOWN)]
  return ', '.join(shown + [f'and {len(found) - SHOWN} more'] * (len(found) > SHOWN))


def holds_features(path: pathlib.Path) -> bool:
  """Return whether a path is an .npz file with an array `features`."""
  return (
    path.is_file()
    and path.suffix == '.npz'
    and files.of_npz(path, lambda stored: 'features' in stored)
  )


def features(path: pathlib.Path) -> Sample:
  """Read a sample from a file of features.

  Raises:
    ValueError: the file has no features, or they are no numbers `[N, d]`.
  """
  arrays = _arrays(path)
  if 'features' not in arrays:
    raise ValueError(f'{path} should hold `features`, as the other file does')
  return samples.given(arrays['features'], arrays.get('logits'))


def _arrays(path: pathlib.Path) -> dict[str, np.ndarray]:
  """Read all arrays of an .npz file."""
  try:
    return files.of_npz(path, dict)
  except ValueError as error:
    raise ValueError(f'{path} is neither a folder of images nor an .npz file: {error}') from None
