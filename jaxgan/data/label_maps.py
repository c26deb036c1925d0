"""Label maps: images whose colors are classes of pixels, such as road, water and house.

No file says which color is which class. A palette is found in the training maps: their most
frequent colors where these are nearly all, else the centers of k-means.
"""

from typing import NamedTuple

import numpy as np

from jaxgan.data.source import Source

MAPS, PIXELS = 512, 65536
"""How many maps are read at most, and from how many of their pixels k-means starts."""
NEARLY_ALL = 0.95
"""The share of pixels that have a color of the palette, where no color has to be averaged."""


class Palette(NamedTuple):
  """The colors of labels.

  Attributes:
    colors: uint8 `[labels, C]`, the most frequent first. Where the maps have fewer colors than
      that, the last one is repeated, and the labels of its repetitions never occur.
    exact: they are colors of the maps; else means of similar colors.
    covered: the share of pixels that have exactly one of these colors.
    error: root of the mean squared distance of a pixel to its color, 0 to 255 a channel.
  """

  colors: np.ndarray
  exact: bool
  covered: float
  error: float

  def __str__(self) -> str:
    count = len(np.unique(self.colors, axis=0))
    if self.exact:
      return f'{count} colors, which {self.covered:.1%} of the pixels have exactly'
    return f'{count} means of similar colors, from which pixels are {self.error:.1f} of 255 apart'


def palette(source: Source, labels: int) -> Palette:
  """Find the colors of label maps; the result depends on the maps and the number alone.

  Maps that were resized have mixed colors between two areas, and JPEG changes colors a little. So
  the most frequent colors count where they cover 95 % of the pixels; otherwise k-means (with
  k-means++) looks for groups of similar colors.

  Args:
    source: the maps.
    labels: the number of colors wanted, 1 or more.

  Raises:
    ValueError: a number below 1.

  Example:
    >>> from jaxgan.data import from_arrays
    >>> maps = np.zeros((2, 8, 8, 3), np.uint8)
    >>> maps[:, 2:] = 200
    >>> palette(from_arrays(maps), 2).colors.tolist()
    [[200, 200, 200], [0, 0, 0]]
  """
  if labels < 1:
    raise ValueError(f'maps have 1 label or more, got {labels}')
  chosen = np.unique(np.linspace(0, len(source) - 1, MAPS).astype(int))
  pixels = source.images(chosen).reshape(-1, source.spec.channels)
  colors, counts = np.unique(pixels, axis=0, return_counts=True)
  order = np.argsort(-counts, kind='stable')
  colors, counts = colors[order], counts[order]
  share = counts[:labels].sum() / counts.sum()
  exact = bool(share >= NEARLY_ALL)
  found = colors[:labels] if exact else _means(pixels, labels)
  nearest, error = _nearest(colors, counts, found)
  if not exact:  # the most frequent first
    sizes = np.bincount(nearest, weights=counts, minlength=len(found))
    found = found[np.argsort(-sizes, kind='stable')]
  covered = counts[(colors[:, None] == found[None]).all(-1).any(1)].sum() / counts.sum()
  whole = found[np.minimum(np.arange(labels), len(found) - 1)]
  return Palette(whole, exact, float(covered), error)


def _means(pixels: np.ndarray, labels: int) -> np.ndarray:
  """Return the centers of k-means over some of the pixels, uint8 `[labels, C]`."""
  from scipy.cluster.vq import kmeans2  # only runs of label maps need it

  draw = np.random.default_rng(0)
  few = pixels[draw.integers(len(pixels), size=PIXELS)].astype(np.float64)
  first = [few[0]]  # k-means++: the next one with a chance as its squared distance
  far = np.full(len(few), np.inf)
  while len(first) < labels:
    far = np.minimum(far, ((few - first[-1]) ** 2).sum(1)) + 1e-9
    first.append(few[draw.choice(len(few), p=far / far.sum())])
  centers, _ = kmeans2(few, np.stack(first), iter=30, minit='matrix')
  return centers.round().clip(0, 255).astype(np.uint8)


def _nearest(colors: np.ndarray, counts: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, float]:
  """Return the number of the nearest of the found colors for each color, and the mean error."""
  wide, nearest, total = found.astype(np.float64), [], 0.0
  for i in range(0, len(colors), PIXELS):
    part = colors[i : i + PIXELS].astype(np.float64)
    far = ((part[:, None] - wide[None]) ** 2).mean(-1)
    nearest.append(far.argmin(1))
    total += float((far.min(1) * counts[i : i + PIXELS]).sum())
  return np.concatenate(nearest), (total / counts.sum()) ** 0.5
