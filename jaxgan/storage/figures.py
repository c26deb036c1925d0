"""Pictures for people: grids of samples, curves of losses."""

import collections
import io
import json
import os
import pathlib
from typing import Any

import numpy as np
from PIL import Image

from jaxgan.ops.images import to_uint8
from jaxgan.storage import files

GAP = 2
WIDTH = 480


def grid(images: np.ndarray, columns: int) -> np.ndarray:
  """Images `[n, H, W, C]` of uint8 in rows of `columns`, a grey gap between them: `[H', W', C]`."""
  n, height, width, channels = images.shape
  rows = -(-n // columns)
  canvas = np.full((rows, height + GAP, columns, width + GAP, channels), 96, np.uint8)
  for i, image in enumerate(images):
    canvas[i // columns, :height, i % columns, :width] = image
  return canvas.reshape(rows * (height + GAP), columns * (width + GAP), channels)[:-GAP, :-GAP]


def save_grid(path: str | os.PathLike, images: np.ndarray, columns: int) -> None:
  """Write a grid of images in [-1, 1] as PNG, enlarged by a whole factor where it is small."""
  image = _enlarged(grid(to_uint8(images), columns), WIDTH)
  with files.atomic(pathlib.Path(path)) as file:
    image.save(file, format='PNG')


def png(images: np.ndarray, columns: int) -> bytes:
  """Return the picture of `save_grid` as the bytes of a PNG."""
  data = io.BytesIO()
  _enlarged(grid(to_uint8(images), columns), WIDTH).save(data, format='PNG')
  return data.getvalue()


def save_gif(path: str | os.PathLike, images: np.ndarray, seconds: float = 0.06) -> None:
  """Write images in [-1, 1] as an endless GIF, `seconds` each, enlarged as by `save_grid`."""
  first, *others = [_enlarged(image, WIDTH // 2) for image in to_uint8(images)]
  options: dict[str, Any] = dict(save_all=True, append_images=others, loop=0)
  options['duration'] = round(1000 * seconds)
  with files.atomic(pathlib.Path(path)) as file:
    first.save(file, format='GIF', **options)


def heat(values: np.ndarray, top: float) -> np.ndarray:
  """Values `[...]` from 0 to `top` as colours `[..., 3]` in [-1, 1], from black by red to white."""
  level = 3 * np.clip(np.asarray(values, np.float32) / top, 0, 1)[..., None]
  return 2 * np.clip(level - np.arange(3, dtype=np.float32), 0, 1) - 1


def coloured(images: np.ndarray) -> np.ndarray:
  """Grey images `[..., 1]` with three channels; others as they are."""
  return np.repeat(images, 3, -1) if images.shape[-1] == 1 else images


def _enlarged(picture: np.ndarray, width: int) -> Image.Image:
  """uint8 `[H, W, C]` by a whole factor, to about that width."""
  image = Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)
  factor = max(1, round(width / image.width))
  return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)


def save_curves(path: str | os.PathLike, metrics: str | os.PathLike) -> None:
  """Draw the series of a metrics file over the images seen, a panel for each player."""
  from matplotlib.figure import Figure

  metrics = pathlib.Path(metrics)
  text = metrics.read_text() if metrics.exists() else ''  # nothing logged yet
  lines = [json.loads(line) for line in text.splitlines()]
  panels: dict[str, dict[str, list]] = collections.defaultdict(
    lambda: collections.defaultdict(list)
  )
  for line in lines:
    for name, value in line.items():
      panel, _, series = name.rpartition('/')
      if panel:
        panels[panel][series].append((line['images'], float('nan') if value is None else value))
  if not panels:
    return
  figure = Figure(figsize=(8, 3 * len(panels)), layout='constrained')
  axes = figure.subplots(len(panels), squeeze=False)[:, 0]
  for axis, (panel, series) in zip(axes, panels.items(), strict=True):
    for name, points in series.items():
      axis.plot(*zip(*points, strict=True), label=name, linewidth=1)
    axis.set(title=panel, xlabel='real images seen')
    axis.legend()
    axis.grid(alpha=0.3)
  with files.atomic(pathlib.Path(path)) as file:
    figure.savefig(file, format='png', dpi=100)


def save_points(path: str | os.PathLike, samples: np.ndarray, means: np.ndarray) -> None:
  """Draw samples `[seeds, N, 2]` of the plane, a panel a seed, with the means of the modes."""
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
