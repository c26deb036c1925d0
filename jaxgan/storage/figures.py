"""Pictures to look at: grids of samples, animations, points."""

import io
import os
import pathlib
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxgan.core.typing import Json
from jaxgan.ops.images import in_colors, on_white, to_uint8
from jaxgan.storage import files

GAP = 2
WIDTH = 480
FONT = 16  # pixels


def grid(images: np.ndarray, columns: int) -> np.ndarray:
  """Arrange images in rows of `columns`, with a gray gap between them.

  Args:
    images: uint8 `[n, H, W, C]`.
    columns: images of a row; the last row may have fewer.

  Returns:
    uint8 `[H', W', C]`.
  """
  n, height, width, channels = images.shape
  rows = -(-n // columns)
  canvas = np.full((rows, height + GAP, columns, width + GAP, channels), 96, np.uint8)
  canvas[..., 3:] = 255  # gaps are opaque
  for i, image in enumerate(images):
    canvas[i // columns, :height, i % columns, :width] = image
  return canvas.reshape(rows * (height + GAP), columns * (width + GAP), channels)[:-GAP, :-GAP]


def save_grid(path: str | os.PathLike[str], images: np.ndarray, columns: int) -> None:
  """Write a grid of images as PNG; a small grid is enlarged by a whole factor.

  Args:
    path: the file.
    images: `[n, H, W, C]` in [-1, 1].
    columns: images of a row.
  """
  image = _enlarged(grid(to_uint8(images), columns), WIDTH)
  with files.atomic(pathlib.Path(path)) as file:
    image.save(file, format='PNG')


def save_table(
  path: str | os.PathLike[str], images: np.ndarray, rows: Sequence[str], columns: Sequence[str]
) -> None:
  """Write a table of images as PNG, with the words of each row and column beside them.

  Args:
    path: the file.
    images: `[rows * columns, H, W, C]` in [-1, 1], row by row.
    rows: the words of each row, which stand on the left.
    columns: the words of each column, which stand above.
  """
  table = _enlarged(grid(to_uint8(in_colors(images)), len(columns)), WIDTH)
  font = ImageFont.load_default(FONT)
  left = max(int(font.getlength(text)) for text in rows) + FONT
  top, height, width = 2 * FONT, table.height / len(rows), table.width / len(columns)
  tilted = any(font.getlength(text) > width for text in columns)  # then each stands a line lower
  top += FONT * (len(columns) - 1) * tilted
  whole = Image.new('RGB', (left + table.width, top + table.height), 'white')
  whole.paste(table, (left, top))
  draw = ImageDraw.Draw(whole)
  for i, text in enumerate(rows):
    draw.text((FONT // 2, top + (i + 0.5) * height), text, 'black', font, anchor='lm')
  for i, text in enumerate(columns):
    line = 1.5 * FONT + FONT * i * tilted
    draw.text((left + i * width + 2, line), text, 'black', font, anchor='ls')
  with files.atomic(pathlib.Path(path)) as file:
    whole.save(file, format='PNG')


def png(images: np.ndarray, columns: int) -> bytes:
  """Return the picture that `save_grid` writes, as the bytes of a PNG."""
  data = io.BytesIO()
  _enlarged(grid(to_uint8(images), columns), WIDTH).save(data, format='PNG')
  return data.getvalue()


def save_gif(path: str | os.PathLike[str], images: np.ndarray, seconds: float = 0.06) -> None:
  """Write images as a GIF that repeats without end; small images are enlarged.

  Args:
    path: the file.
    images: `[n, H, W, C]` in [-1, 1].
    seconds: how long each image is shown.
  """
  first, *others = [_enlarged(image, WIDTH // 2) for image in to_uint8(on_white(images))]
  duration = round(1000 * seconds)
  options: Json = dict(save_all=True, append_images=others, loop=0, duration=duration)
  with files.atomic(pathlib.Path(path)) as file:
    # optimize=False: with it, pillow 13 changes the greys of some frames.
    first.save(file, 'GIF', optimize=False, **options)


def heat(values: np.ndarray, top: float) -> np.ndarray:
  """Return values `[...]` as colors `[..., 3]` in [-1, 1]: 0 is black, then red, `top` is white."""
  level = 3 * np.clip(np.asarray(values, np.float32) / top, 0, 1)[..., None]
  return 2 * np.clip(level - np.arange(3, dtype=np.float32), 0, 1) - 1


def _enlarged(picture: np.ndarray, width: int) -> Image.Image:
  """Enlarge uint8 `[H, W, C]` by a whole factor to about `width` pixels."""
  image = Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)
  factor = max(1, round(width / image.width))
  return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)


def save_points(path: str | os.PathLike[str], samples: np.ndarray, means: np.ndarray) -> None:
  """Draw points of the plane and the means of the modes, with one panel for each seed.

  Args:
    path: the PNG file.
    samples: `[seeds, N, 2]`.
    means: `[modes, 2]`.
  """
  from matplotlib.figure import Figure

  columns = min(len(samples), 5)
  rows = -(-len(samples) // columns)
  figure = Figure(figsize=(3 * columns, 3 * rows), layout='constrained')
  axes = figure.subplots(rows, columns, squeeze=False).ravel()
  reach = 1.25 * np.abs(means).max()
  for axis in axes:
    axis.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect='equal', xticks=[], yticks=[])
  for axis, points in zip(axes, samples, strict=False):
    axis.plot(*means.T, 'o', markersize=9, markerfacecolor='none', color='C1')
    axis.plot(*points.T, '.', markersize=1, color='C0')
  with files.atomic(pathlib.Path(path)) as file:
    figure.savefig(file, format='png', dpi=100)
