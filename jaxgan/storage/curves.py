"""The picture `curves.png`: what a run logs, in a few panels over the real images seen."""

import collections
import os
import pathlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from jaxgan.core.typing import Json
from jaxgan.storage import files

if TYPE_CHECKING:
  from matplotlib.axes import Axes


class Panel(NamedTuple):
  """A panel: its title, the endings of the names that it shows, and whether its axis is in powers.

  Values that are not above 0 have no place on an axis in powers.
  """

  title: str
  endings: tuple[str, ...]
  log: bool = False


PANELS = (
  Panel('loss', ('loss',)),
  Panel('logits', ('real', 'fake', 'gap', 'held_out')),
  Panel('shares', ('accuracy_real', 'accuracy_fake', 'saturated', 'overfit')),
  Panel('samples, 1 as real images', ('diversity', 'features', 'extreme')),
  Panel('samples, distances from real images', ('distance', 'nearness', 'reach')),
  Panel('gradients and slopes', ('gradient', 'slope', 'penalty'), log=True),
  Panel('size of updates', ('update',), log=True),
)
"""The panels in order; the last one, of no endings, has all other series."""
REST = Panel('other', ())
SMOOTH = 0.05
"""The share of the points over which a curve is averaged."""
Series = tuple[np.ndarray, np.ndarray]


def save(path: str | os.PathLike[str], metrics: str | os.PathLike[str]) -> None:
  """Draw the series of a metrics file: smoothed curves over pale raw ones, and events as lines.

  It writes nothing where the metrics file is missing or has no series yet.

  Args:
    path: the PNG file.
    metrics: a JSON object in each line, with names such as 'generator/loss'.
  """
  lines = files.read_lines(metrics)
  panels = _panels(lines)
  if not panels:
    return
  from matplotlib.figure import Figure

  rows = -(-len(panels) // 2)
  columns = min(len(panels), 2)
  figure = Figure(figsize=(6 * columns, 2.6 * rows), layout='constrained')
  axes = figure.subplots(rows, columns, squeeze=False).ravel()
  for axis, (panel, series) in zip(axes, panels.items(), strict=False):
    _draw(axis, panel, series)
    _mark(axis, lines)
  for axis in axes[len(panels) :]:
    axis.set_axis_off()
  with files.atomic(pathlib.Path(path)) as file:
    figure.savefig(file, format='png', dpi=100)


def _panels(lines: list[Json]) -> dict[Panel, dict[str, Series]]:
  """Return the series of each panel by name, as images seen and values."""
  points: dict[str, list[tuple[float, float]]] = collections.defaultdict(list)
  for line in lines:
    for name, value in line.items():
      if '/' in name:
        points[name].append((line['images'], float('nan') if value is None else value))
  found: dict[Panel, dict[str, Series]] = {panel: {} for panel in (*PANELS, REST)}
  for name, pairs in points.items():
    x, y = np.array(pairs, float).T
    found[_panel(name)][name] = x, y
  return {panel: series for panel, series in found.items() if series}


def _panel(name: str) -> Panel:
  """Return the panel of a series; a domain at the end of its name, such as _a, does not count."""
  last = name.rpartition('/')[2].removesuffix('_a').removesuffix('_b')
  return next((panel for panel in PANELS if last in panel.endings), REST)


def _draw(axis: 'Axes', panel: Panel, series: dict[str, Series]) -> None:
  for i, (name, (x, y)) in enumerate(series.items()):
    color = f'C{i % 10}'
    if panel.log:
      y = np.where(y > 0, y, np.nan)
    axis.plot(x, y, color=color, linewidth=0.6, alpha=0.3)
    axis.plot(x, smoothed(y), label=name, color=color, linewidth=1.4)
  if panel.log:
    axis.set_yscale('log')
  axis.set(title=panel.title, xlabel='real images seen')
  axis.legend(fontsize=7)
  axis.grid(alpha=0.3)


def smoothed(y: np.ndarray) -> np.ndarray:
  """Return the mean of each value and those before it, over a share `SMOOTH` of all.

  NaN counts for nothing, and the mean of NaN alone is NaN.
  """
  width = max(1, round(SMOOTH * len(y)))
  there = np.isfinite(y)
  sums, counts = np.cumsum(np.where(there, y, 0)), np.cumsum(there)
  before = lambda total: np.concatenate([np.zeros(min(width, len(y))), total[:-width]])
  counted = counts - before(counts)
  total = sums - before(sums)
  return np.where(counted > 0, total / np.maximum(counted, 1), np.nan)


def _mark(axis: 'Axes', lines: list[Json]) -> None:
  """Draw a line at each event: a warning, or a return to a checkpoint."""
  for line in lines:
    said = line.get('warning') or ('back to a checkpoint' if 'rolled_back_from' in line else '')
    if said:
      axis.axvline(line['images'], color='0.3', linestyle=':', linewidth=1)
      spot = {'x': line['images'], 'y': 0.98, 's': str(said)}
      place: Json = dict(transform=axis.get_xaxis_transform(), rotation=90, va='top', ha='right')
      axis.text(**spot, **place, fontsize=6, color='0.3')
