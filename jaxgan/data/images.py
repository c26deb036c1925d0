"""Read images from untrusted files, and convert them to one size and number of channels."""

import contextlib
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import IO, Literal, NamedTuple, TypeVar

import numpy as np
from PIL import ExifTags, Image, ImageOps

Made = TypeVar('Made')
Fit = Literal['crop', 'pad', 'squash']

FORMATS = (  # no EPS: Pillow hands it to Ghostscript
  *('PNG', 'JPEG', 'WEBP', 'GIF', 'BMP'),
  *('TIFF', 'AVIF'),
)
EXTENSIONS = ('.png', '.jpg', '.jpeg', '.webp', '.gif', '.bmp', '.tif', '.tiff', '.avif')
PIXELS = 4096 * 4096  # the most that is decoded; Pillow only warns about more


def load_image(
  path: str | os.PathLike[str], root: str | os.PathLike[str], *, size: int = 0
) -> Image.Image:
  """Return the image at `path`, upright, as 8-bit gray ('L') or RGB, on white if transparent.

  For an animation, it is the first frame, and for a TIFF of several pages the first page.

  Args:
    path: a file inside `root`; a link must not lead out of it.
    root: the folder of images.
    size: side in pixels to which the image will be resized, 0: unknown. A large JPEG is then
      decoded at a fraction of its size, which is faster.

  Raises:
    ValueError: the file is not an intact image of at most 4096 x 4096 pixels; with the reason.
  """
  return load_as(flat, path, root, size=size)


def load_as(
  finish: Callable[[Image.Image], Made],
  path: str | os.PathLike[str],
  root: str | os.PathLike[str],
  *,
  size: int = 0,
) -> Made:
  """Load an image as `load_image` does, but convert it with `finish`, such as `with_alpha`."""
  return _decoded(finish, real_file(path, root), size)


def real_file(path: str | os.PathLike[str], root: str | os.PathLike[str]) -> str:
  """Return the path of a file without links.

  Raises:
    ValueError: it is not a regular file, or a link leads out of `root`.
  """
  real = os.path.realpath(path)
  if not real.startswith(os.path.join(os.path.realpath(root), '')):
    raise ValueError('link leaves the image folder')
  if not os.path.isfile(real):
    raise ValueError('not a regular file')
  return real


def upright_size(path: str | os.PathLike[str], root: str | os.PathLike[str]) -> tuple[int, int]:
  """Return width and height of an image as `load_image` returns it, mostly without decoding it.

  Raises:
    ValueError: the file is no image.
  """
  try:
    with Image.open(real_file(path, root), formats=FORMATS) as image:
      width, height = image.size
      turned = image.getexif().get(ExifTags.Base.Orientation, 1) in range(5, 9)
      turned = turned and image.format != 'TIFF'  # of which Pillow turns the size itself
  except ValueError:
    raise
  except Exception as error:  # as in `_decoded`
    raise ValueError(f'{type(error).__name__}: {error}') from error
  return (height, width) if turned else (width, height)


def decode(file: str | IO[bytes], *, size: int = 0, alpha: bool = False) -> Image.Image:
  """Return the image of a file as `load_image` does, without checking where the file is.

  Args:
    file: its path, or the open file.
    size: as in `load_image`.
    alpha: whether an image with transparency keeps it, as `with_alpha` does.

  Raises:
    ValueError: as in `load_image`.
  """
  return _decoded(with_alpha if alpha else flat, file, size)


def _decoded(finish: Callable[[Image.Image], Made], file: str | IO[bytes], size: int) -> Made:
  try:
    with _opened(file) as stream, Image.open(stream, formats=FORMATS) as image:
      if size:
        image.draft(None, (2 * size, 2 * size))  # JPEG only: the smallest of 1, 1/2, 1/4, 1/8 above
      width, height = image.size
      if width * height > PIXELS:
        raise ValueError(f'{width} x {height} pixels, more than {PIXELS}')
      stored = str(image.tile[0][3]) if image.tile else ''  # such as 'L;4'
      image.load()
      ImageOps.exif_transpose(image, in_place=True)
      return finish(_with_key(image, stored))
  except ValueError:
    raise
  except Exception as error:  # decoders may raise anything: struct.error, SyntaxError ...
    raise ValueError(f'{type(error).__name__}: {error}') from error


def _opened(file: str | IO[bytes]) -> contextlib.AbstractContextManager[IO[bytes]]:
  """Open a file by ourselves: given a path, Pillow maps a turned TIFF with its sides exchanged."""
  return open(file, 'rb') if isinstance(file, str) else contextlib.nullcontext(file)


def _with_key(image: Image.Image, stored: str) -> Image.Image:
  """Return a PNG with the one color that is transparent in it, as its pixels have the color.

  Pillow reads that color as the file has it, but scales the pixels of 2, 4 and 16 bits, and ignores
  it in grey of 16 bits. RGB of 16 bits is compared by its high bytes.
  """
  key = image.info.get('transparency')
  if key is None or isinstance(key, bytes):
    return image
  if stored in ('L;2', 'L;4'):
    image.info['transparency'] = key * (85 if stored == 'L;2' else 17)
  elif stored == 'RGB;16B':
    image.info['transparency'] = tuple(value >> 8 for value in key)
  elif image.mode.startswith('I'):
    alpha = np.where(np.asarray(image) == key, 0, 255).astype(np.uint8)
    return Image.merge('LA', (flat(image), Image.fromarray(alpha)))
  return image


def flat(image: Image.Image) -> Image.Image:
  """Return the image as 8-bit gray or RGB, on white where it is transparent.

  Raises:
    ValueError: the pixels are floating-point numbers, or integers of 32 bits in a TIFF.
  """
  if image.mode == 'I' and image.format == 'TIFF':
    raise ValueError('pixels of 32 bits, or with a sign')
  if image.mode.startswith('I'):  # 16 bits
    high = np.asarray(image).astype(np.int64) >> 8
    return Image.fromarray(high.clip(0, 255).astype(np.uint8))
  if image.mode == 'F':
    raise ValueError('floating-point pixels')
  if image.has_transparency_data:
    image = with_alpha(image)
    mode = 'L' if image.mode == 'LA' else 'RGB'
    white = Image.new(mode, image.size, 'white')
    white.paste(image.convert(mode), mask=image.getchannel('A'))
    return white
  return _converted(image, 'L' if image.mode in ('1', 'L') else 'RGB')


def with_alpha(image: Image.Image) -> Image.Image:
  """Return the image as 8-bit gray or RGB, and with its alpha channel ('LA', 'RGBA') if it has one.

  Raises:
    ValueError: as `flat`.
  """
  if not image.has_transparency_data:
    return flat(image)
  gray = image.mode in ('1', 'L', 'LA', 'La')
  return _converted(_converted(image, 'RGBA'), 'LA') if gray else _converted(image, 'RGBA')


def _converted(image: Image.Image, mode: str) -> Image.Image:
  return image if image.mode == mode else image.convert(mode)  # convert always makes a copy


_filters = threading.RLock()  # since all threads share Python's warning filters


@contextlib.contextmanager
def guarded() -> Iterator[None]:
  """Hide Pillow's warnings, and raise its decompression-bomb warning as an error.

  Enter this context once around all decoding, not in each decoding thread.
  """
  with _filters, warnings.catch_warnings():
    warnings.filterwarnings('ignore', module='PIL')
    warnings.simplefilter('error', Image.DecompressionBombWarning)
    yield


class Form(NamedTuple):
  """How images of any shape become arrays of one shape.

  Attributes:
    size: side of the arrays in pixels.
    channels: 1 (gray), 3 (RGB, transparent pixels on white) or 4 (RGB and alpha, the color of fully
      transparent pixels white).
    fit: what happens to an image that is not square: 'crop' takes its center square, 'pad' puts
      white (with 4 channels: nothing) on two sides, 'squash' changes its proportions.
  """

  size: int
  channels: int = 3
  fit: Fit = 'crop'

  def load(self, path: str | os.PathLike[str], root: str | os.PathLike[str]) -> np.ndarray:
    """Return the array of an image file; arguments and errors are as in `load_image`."""
    return self.array(self.opened(path, root, size=self.size))

  def opened(
    self, path: str | os.PathLike[str], root: str | os.PathLike[str], *, size: int = 0
  ) -> Image.Image:
    """Return an image of a file as it is stored; arguments and errors are as in `load_image`."""
    return load_as(with_alpha if self.alpha else flat, path, root, size=size)

  def array(self, image: Image.Image) -> np.ndarray:
    """Return the array of an image, uint8 `[size, size, channels]`."""
    image = _converted(image, 'RGBA') if self.alpha else flat(image)
    return to_array(fit(image, self.size, self.fit), self.channels)

  @property
  def alpha(self) -> bool:
    """Whether the arrays have transparency."""
    return self.channels == 4

  @property
  def text(self) -> str:
    """Return a text for names of folders, such as '64px' or '64px_pad_alpha'."""
    parts = [f'{self.size}px', *([self.fit] if self.fit != 'crop' else [])]
    return '_'.join([*parts, 'alpha'] if self.alpha else parts)


def fit(image: Image.Image, size: int, how: Fit = 'crop') -> Image.Image:
  """Return an image of `size` x `size` pixels: Lanczos if it gets smaller, bicubic if larger.

  Args:
    image: an image of any shape.
    size: the side in pixels.
    how: as in `Form.fit`.
  """
  if how == 'pad':
    return _padded(image, size)
  width, height = image.size
  if how == 'crop' and width != height:
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    image = image.crop((left, top, left + side, top + side))
  return _resized(image, size, size)


def _padded(image: Image.Image, size: int) -> Image.Image:
  share = size / max(image.size)
  width, height = (max(1, round(side * share)) for side in image.size)
  back = (255, 255, 255, 0) if image.mode == 'RGBA' else 'white'
  square = Image.new(image.mode, (size, size), back)
  square.paste(_resized(image, width, height), ((size - width) // 2, (size - height) // 2))
  return square


def _resized(image: Image.Image, width: int, height: int) -> Image.Image:
  if image.size == (width, height):
    return image
  smaller = image.width * image.height > width * height
  return image.resize(
    (width, height), Image.Resampling.LANCZOS if smaller else Image.Resampling.BICUBIC
  )


def to_array(image: Image.Image, channels: int) -> np.ndarray:
  """Return the image as uint8 `[H, W, channels]`; `Form` says what the channels are."""
  array = np.asarray(_converted(image, {1: 'L', 3: 'RGB', 4: 'RGBA'}[channels]))
  if channels == 4:
    return np.where(array[..., 3:] == 0, np.array([255, 255, 255, 0], np.uint8), array)
  return array[..., None] if channels == 1 else array


def from_array(array: np.ndarray) -> Image.Image:
  """Return the image of uint8 `[H, W, C]`: gray for 1 channel, RGB for 3, RGBA for 4."""
  return Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)
