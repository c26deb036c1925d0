"""Pictures for a report: small copies as data URLs, and the single images of a grid."""

import base64
import functools
import io
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from jaxgan.data.images import flat
from jaxgan.storage.figures import GAP

LARGEST = 640  # pixels on a side of a picture in a report
FRAMES = 48  # pictures of one slider
BUDGET = 2_500_000  # bytes of all pictures of one slider
_LOSSLESS = 40_000  # bytes; a larger PNG becomes a lossy WebP
_FACTORS = range(32, 1, -1)


def native(picture: np.ndarray) -> np.ndarray:
  """Undo an enlargement by a whole factor without smoothing, as pictures of samples have it.

  Args:
    picture: uint8 `[H, W]` or `[H, W, C]`.

  Returns:
    the smallest picture that gives this one.
  """
  for factor in _FACTORS:
    if picture.shape[0] % factor == 0 and picture.shape[1] % factor == 0:
      small = picture[::factor, ::factor]
      if np.array_equal(np.repeat(np.repeat(small, factor, 0), factor, 1), picture):
        return small
  return picture


def cells(picture: np.ndarray, columns: int) -> np.ndarray | None:
  """Cut a grid of square images into these.

  Args:
    picture: uint8 `[H, W]` or `[H, W, C]`, a grid at its native size.
    columns: the number of images of a row.

  Returns:
    uint8 `[rows, columns, size, size, C]`; None if the picture is no such grid.
  """
  picture = picture[..., None] if picture.ndim == 2 else picture
  height, width, channels = picture.shape
  size, rest = divmod(width + GAP, columns)
  rows, below = divmod(height + GAP, size)
  if rest or below or size <= GAP:
    return None
  padded = np.zeros((height + GAP, width + GAP, channels), np.uint8)
  padded[:height, :width] = picture
  apart = padded.reshape(rows, size, columns, size, channels).swapaxes(1, 2)
  return apart[:, :, :-GAP, :-GAP]


def chosen(steps: Sequence[int], most: int) -> list[int]:
  """Choose at most so many steps, about evenly, with the first and the last; of one, the last."""
  if len(steps) <= most:
    return list(steps)
  if most == 1:
    return [steps[-1]]
  return [steps[i] for i in np.unique(np.linspace(0, len(steps) - 1, most).round().astype(int))]


def film(
  pictures: dict[int, pathlib.Path], budget: int = BUDGET, most: int = FRAMES
) -> list[tuple[int, str]]:
  """Return pictures of samples through time, as steps and data URLs.

  Args:
    pictures: files by step.
    budget: the most bytes of all pictures together; fewer are taken if they do not fit.
    most: the most pictures.
  """
  steps = chosen(list(pictures), most)
  if not steps:
    return []
  last = of_file(pictures[steps[-1]])
  fitting = max(1, budget // max(len(last), 1)) if last else most
  found = [(step, of_file(pictures[step])) for step in chosen(steps, fitting)]
  return [(step, url) for step, url in found if url]


def of_file(path: pathlib.Path) -> str:
  """Return a picture as a data URL at its native size; an empty text if it cannot be read."""
  try:
    return _of_file(path, path.stat().st_mtime_ns)
  except (OSError, ValueError):
    return ''


@functools.lru_cache(maxsize=4 * FRAMES)  # of earlier refreshes of the same report
def _of_file(path: pathlib.Path, changed: int) -> str:
  return url(native(opened(path)))


def opened(path: pathlib.Path) -> np.ndarray:
  """Read a picture as uint8 `[H, W]` or `[H, W, 3]`."""
  with Image.open(path) as image:
    return np.asarray(flat(image))


def url(picture: np.ndarray) -> str:
  """Return a picture as a data URL: PNG, or WebP if it is large.

  Args:
    picture: uint8 `[H, W]` or `[H, W, C]`.
  """
  plain = picture[..., 0] if picture.ndim == 3 and picture.shape[-1] == 1 else picture
  image = Image.fromarray(np.ascontiguousarray(plain))
  if max(image.size) > LARGEST:
    image.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
  kind, data = 'png', _bytes(image, format='PNG', optimize=max(image.size) < 256)
  if len(data) > _LOSSLESS:
    kind, data = 'webp', _bytes(image.convert('RGB'), format='WEBP', quality=82)
  return f'data:image/{kind};base64,{base64.b64encode(data).decode()}'


def _bytes(image: Image.Image, **how: Any) -> bytes:
  buffer = io.BytesIO()
  image.save(buffer, **how)
  return buffer.getvalue()
