"""Images of any size through a network that takes some sizes and not too many pixels at once."""

from collections.abc import Callable

import numpy as np

Apply = Callable[[np.ndarray], np.ndarray]
"""`[n, H, W, C]` to `[n, scale H, scale W, C]`."""


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
  """`apply` of images `[n, H, W, C]`, whole or in tiles, to `[n, scale H, scale W, C]`.

  Sizes are filled up by reflection to `smallest` or more and a multiple of `multiple`, and the
  result is cut back. An image longer than `tile` on a side goes through in tiles of at most that
  size, `overlap` pixels of which are shared with the next; there the results are blended linearly.

  Args:
    apply: the network.
    images: of any float type.
    scale: how much larger its output is.
    multiple: of which its input must be.
    smallest: the least size of its input.
    tile: pixels a side; 0: never.
    overlap: pixels.

  Raises:
    ValueError: tiles that are no larger than twice the overlap, or than the network's least size.
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
  made = _tiled(apply, filled, scale, side, overlap)
  return made[:, : scale * height, : scale * width]


def _filled(images: np.ndarray, height: int, width: int) -> np.ndarray:
  n, h, w, c = images.shape
  return np.pad(images, ((0, 0), (0, height - h), (0, width - w), (0, 0)), mode='symmetric')


def _tiled(apply: Apply, images: np.ndarray, scale: int, side: int, overlap: int) -> np.ndarray:
  n, height, width, channels = images.shape
  rows, columns = starts(height, side, overlap), starts(width, side, overlap)
  h, w = min(side, height), min(side, width)
  weight = ramp(scale * h, scale * overlap)[:, None] * ramp(scale * w, scale * overlap)
  weights = np.zeros((scale * height, scale * width))
  total = np.zeros((n, *weights.shape, channels))
  for i in rows:
    for j in columns:
      made = apply(images[:, i : i + h, j : j + w])
      at = slice(scale * i, scale * (i + h)), slice(scale * j, scale * (j + w))
      total[:, at[0], at[1]] += made * weight[None, :, :, None]
      weights[at] += weight
  return (total / weights[None, :, :, None]).astype(images.dtype)


def starts(size: int, side: int, overlap: int) -> list[int]:
  """Where tiles begin so that they cover `size`, each sharing `overlap` or more with the next."""
  if size <= side:
    return [0]
  return [*range(0, size - side, side - overlap), size - side]


def ramp(size: int, overlap: int) -> np.ndarray:
  """Weights of a tile along an axis: 1, but for a slope over the overlap at both ends."""
  at = np.arange(size) + 1.0
  return np.minimum(1, np.minimum(at, at[::-1]) / (overlap + 1))
