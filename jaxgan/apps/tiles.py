"""Application of a network to images of any size, if need be in tiles."""

from collections.abc import Callable

import numpy as np
from tqdm import tqdm

STEP = 16
"""Sides of tiles are multiples of so many pixels, where that saves compilations."""

Apply = Callable[[np.ndarray], np.ndarray]
"""A function from images `[n, H, W, C]` to images `[n, scale H, scale W, C]`."""


def through(
  apply: Apply,
  images: np.ndarray,
  *,
  scale: int = 1,
  multiple: int = 1,
  smallest: int = 1,
  tile: int = 0,
  overlap: int = 0,
) -> np.ndarray:
  """Apply a network to images, whole or in tiles.

  Images are padded by reflection to a size that the network accepts, and the result is cropped. An
  image that is longer than `tile` on a side is cut into as few tiles of at most that size as cover
  it, which are as small as that allows. Neighboring tiles share at least `overlap` pixels, in which
  their results are blended smoothly.

  Args:
    apply: the network.
    images: `[n, H, W, C]` of any float type.
    scale: the factor by which the output is larger than the input.
    multiple: sides of the input must be multiples of this number.
    smallest: sides of the input must have at least so many pixels.
    tile: pixels on a side of a tile, at most; with 0, images are never cut.
    overlap: pixels that neighboring tiles share.

  Returns:
    `[n, scale H, scale W, C]`.

  Raises:
    ValueError: if tiles are not larger than twice the overlap, or are smaller than `smallest`.
  """
  height, width = images.shape[1:3]
  fit = lambda n: max(-(-n // multiple), -(-smallest // multiple)) * multiple
  filled = _filled(images, fit(height), fit(width))
  if not tile or max(filled.shape[1:3]) <= tile:
    return apply(filled)[:, : scale * height, : scale * width]
  side = tile // multiple * multiple
  if side < smallest or side <= 2 * overlap or overlap < 0:
    raise ValueError(
      f'--tile={tile} with --overlap={overlap} should be {max(smallest, multiple)} or more and '
      'above twice the overlap: give larger tiles'
    )
  step = multiple * -(-STEP // multiple)
  sides = tuple(max(fitted(n, side, overlap, step), fit(1)) for n in filled.shape[1:3])
  made = _tiled(apply, filled, scale, sides, overlap)
  return made[:, : scale * height, : scale * width]


def _filled(images: np.ndarray, height: int, width: int) -> np.ndarray:
  """Pad images to a size, by reflection."""
  n, h, w, c = images.shape
  return np.pad(images, ((0, 0), (0, height - h), (0, width - w), (0, 0)), mode='symmetric')


def _tiled(
  apply: Apply, images: np.ndarray, scale: int, sides: tuple[int, ...], overlap: int
) -> np.ndarray:
  """Apply a network tile by tile, and return the weighted mean of the results."""
  n, height, width, channels = images.shape
  h, w = sides
  rows, columns = starts(height, h, overlap), starts(width, w, overlap)
  weight = ramp(scale * h, scale * overlap)[:, None] * ramp(scale * w, scale * overlap)
  weights = np.zeros((scale * height, scale * width))
  total = np.zeros((n, *weights.shape, channels))
  places = [(i, j) for i in rows for j in columns]
  for i, j in tqdm(places, 'tiles', leave=False, disable=None):  # shown on a terminal
    made = apply(images[:, i : i + h, j : j + w])
    at = slice(scale * i, scale * (i + h)), slice(scale * j, scale * (j + w))
    total[:, at[0], at[1]] += made * weight[None, :, :, None]
    weights[at] += weight
  return (total / weights[None, :, :, None]).astype(images.dtype)


def fitted(size: int, side: int, overlap: int, step: int) -> int:
  """Return the least side of a tile with which as few tiles as of `side` pixels cover an axis.

  It is rounded up to a multiple of `step`, so that images of many sizes have tiles of few sizes,
  each of which is compiled, but stays at `side` or below.

  Example:
    >>> fitted(256, 128, 16, 16)  # three tiles, as 128 pixels need too
    96
  """
  if size <= side:
    return size
  count = -(-(size - overlap) // (side - overlap))
  least = -(-(size + (count - 1) * overlap) // count)
  return min(side, -(-least // step) * step)


def starts(size: int, side: int, overlap: int) -> list[int]:
  """Return where tiles begin, so that they cover `size` and share at least `overlap` pixels.

  Example:
    >>> starts(10, 4, 1)
    [0, 3, 6]
  """
  if size <= side:
    return [0]
  return [*range(0, size - side, side - overlap), size - side]


def ramp(size: int, overlap: int) -> np.ndarray:
  """Return the weights of a tile along an axis: 1, falling smoothly over the overlaps at both ends.

  The fall is 3 t^2 - 2 t^3: little of the outermost pixels counts, as these miss their neighbors.

  Example:
    >>> ramp(4, 1).tolist()
    [0.5, 1.0, 1.0, 0.5]
  """
  at = np.arange(size) + 1.0
  t = np.minimum(1, np.minimum(at, at[::-1]) / (overlap + 1))
  return t * t * (3 - 2 * t)
