"""Reading images that nobody vouches for, and bringing them to one size and channel count."""

import contextlib
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import IO, TypeVar

import numpy as np
from PIL import Image, ImageOps

Made = TypeVar('Made')

FORMATS = ('PNG', 'JPEG', 'WEBP', 'GIF', 'BMP')  # no EPS: Pillow hands it to Ghostscript
EXTENSIONS = ('.png', '.jpg', '.jpeg', '.webp', '.gif', '.bmp')
PIXELS = 4096 * 4096  # decoded at most; Pillow itself only warns up to ten times as many


def load_image(
  path: str | os.PathLike[str], root: str | os.PathLike[str], *, size: int = 0
) -> Image.Image:
  """Return the image at `path`, upright, 8-bit grey ('L') or RGB, transparency laid over white.

  Of an animation it is the first frame.

  Args:
    path: a file inside `root`; a link may not lead out of it.
    root: the folder that was offered.
    size: pixels a side that will be kept; lets a large JPEG be decoded at a fraction of its size.

  Raises:
    ValueError: with the reason, for whatever is not an intact image of at most 4096 x 4096 pixels.
  """
  return load_as(flat, path, root, size=size)


def load_as(
  finish: Callable[[Image.Image], Made],
  path: str | os.PathLike[str],
  root: str | os.PathLike[str],
  *,
  size: int = 0,
) -> Made:
  """Return what `finish`, such as `with_alpha`, makes of the image; else as `load_image`."""
  real = os.path.realpath(path)
  if not real.startswith(os.path.join(os.path.realpath(root), '')):
    raise ValueError('link leaves the image folder')
  if not os.path.isfile(real):
    raise ValueError('not a regular file')
  return _decoded(finish, real, size)


def decode(file: str | IO[bytes], *, size: int = 0) -> Image.Image:
  """Return the image, as `load_image`, of a path or file that is trusted to be where it should."""
  return _decoded(flat, file, size)


def _decoded(finish: Callable[[Image.Image], Made], file: str | IO[bytes], size: int) -> Made:
  try:
    with Image.open(file, formats=FORMATS) as image:
      if size:
        image.draft(None, (2 * size, 2 * size))  # JPEG only: the smallest of 1, 1/2, 1/4, 1/8 above
      width, height = image.size
      if width * height > PIXELS:
        raise ValueError(f'{width} x {height} pixels, more than {PIXELS}')
      image.load()
      ImageOps.exif_transpose(image, in_place=True)
      return finish(image)
  except ValueError:
    raise
  except Exception as error:  # decoders raise anything: struct.error, SyntaxError, zlib.error ...
    raise ValueError(f'{type(error).__name__}: {error}') from error


def flat(image: Image.Image) -> Image.Image:
  """`image` as 8-bit grey or RGB, transparency laid over white."""
  if image.mode.startswith('I'):  # 16 bits
    high = np.asarray(image).astype(np.int64) >> 8
    return Image.fromarray(high.clip(0, 255).astype(np.uint8))
  if image.mode == 'F':
    raise ValueError('floating-point pixels')
  if image.has_transparency_data:
    image = _converted(image, 'RGBA')
    white = Image.new('RGB', image.size, 'white')
    white.paste(image, mask=image.getchannel('A'))
    return white
  return _converted(image, 'L' if image.mode in ('1', 'L') else 'RGB')


def with_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
  """`image` as 8-bit grey or RGB, and its transparency, if any, as 8-bit grey."""
  if not image.has_transparency_data:
    return flat(image), None
  grey = image.mode in ('LA', 'La')
  image = _converted(image, 'LA' if grey else 'RGBA')
  return image.convert('L' if grey else 'RGB'), image.getchannel('A')


def _converted(image: Image.Image, mode: str) -> Image.Image:
  return image if image.mode == mode else image.convert(mode)  # convert copies in any case


_filters = threading.RLock()  # Python's warning filters belong to the process


@contextlib.contextmanager
def guarded() -> Iterator[None]:
  """Turns Pillow's warnings into silence and its decompression-bomb warning into an error.

  Enter it once around all decoding, not in each thread that decodes.
  """
  with _filters, warnings.catch_warnings():
    warnings.filterwarnings('ignore', module='PIL')
    warnings.simplefilter('error', Image.DecompressionBombWarning)
    yield


def fit(image: Image.Image, size: int) -> Image.Image:
  """The centre square of `image`, `size` pixels a side: Lanczos down, bicubic up, or untouched."""
  width, height = image.size
  side = min(width, height)
  if width != height:
    left, top = (width - side) // 2, (height - side) // 2
    image = image.crop((left, top, left + side, top + side))
  if side == size:
    return image
  method = Image.Resampling.LANCZOS if side > size else Image.Resampling.BICUBIC
  return image.resize((size, size), method)


def to_array(image: Image.Image, channels: int) -> np.ndarray:
  """uint8 [height, width, channels] of `image`: grey for one channel, RGB for three."""
  array = np.asarray(_converted(image, 'L' if channels == 1 else 'RGB'))
  return array[..., None] if channels == 1 else array


def from_array(array: np.ndarray) -> Image.Image:
  """The image of uint8 [height, width, 1, 3 or 4]."""
  return flat(Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array))
