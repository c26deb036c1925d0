"""The picture of a table: a histogram of each column, real rows beside generated ones."""

import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from jaxgan.core.columns import Column
from jaxgan.storage import files

if TYPE_CHECKING:
  from matplotlib.axes import Axes

MOST = 36  # columns in a picture
BINS, BARS = 24, 12
ACROSS = 6
Rows = Sequence[Sequence[str]]


def save(
  path: str | os.PathLike[str], columns: Sequence[Column], tables: Mapping[str, Rows]
) -> None:
  """Draw the shares of values of each column, of several tables in one panel.

  Numbers have bins between the column's lowest and highest; categories have a bar each, the most
  frequent of the first table first. Of many columns or categories, the first are drawn.

  Args:
    path: the PNG file.
    columns: the columns.
    tables: rows of cells as text, by a word for each table, such as 'real'.
  """
  from matplotlib.figure import Figure

  shown = columns[:MOST]
  rows, across = -(-len(shown) // ACROSS), min(ACROSS, len(shown))
  size = max(2.2 * across, 3), 1.7 * rows + 0.5  # inches
  figure = Figure(figsize=size, layout='constrained')
  axes = figure.subplots(rows, across, squeeze=False).ravel()
  for i, (axis, column) in enumerate(zip(axes, shown, strict=False)):
    cells = {name: [row[i] for row in table] for name, table in tables.items()}
    (_numbers if column.numeric else _categories)(axis, column, cells)
    axis.set_title(_short(column.name, 28), fontsize=7, parse_math=False)
    axis.tick_params(labelsize=5)
    axis.set_yticks([])
  for axis in axes[len(shown) :]:
    axis.set_axis_off()
  more = f', and {len(columns) - MOST} more columns' if len(columns) > MOST else ''
  handles, names = axes[0].get_legend_handles_labels()
  figure.legend(handles, names, loc='outside lower left', ncols=4, fontsize=7)
  figure.supxlabel(f'{" and ".join(tables)}: shares of values{more}', fontsize=7)
  with files.atomic(pathlib.Path(path)) as file:
    figure.savefig(file, format='png', dpi=100)


def _numbers(axis: 'Axes', column: Column, tables: Mapping[str, Sequence[str]]) -> None:
  edges = np.linspace(column.low, column.high, BINS + 1)
  for i, (name, cells) in enumerate(tables.items()):
    values = np.array([float(cell) for cell in cells if cell], np.float64)
    shares = np.histogram(values, edges)[0] / max(len(cells), 1)
    axis.stairs(shares, edges, fill=True, alpha=0.5, color=f'C{i}', label=name)


def _categories(axis: 'Axes', column: Column, tables: Mapping[str, Sequence[str]]) -> None:
  first = list(next(iter(tables.values())))
  order = sorted(column.values, key=lambda value: -first.count(value))[:BARS]
  wide = 0.8 / len(tables)
  for i, (name, cells) in enumerate(tables.items()):
    shares = [list(cells).count(value) / max(len(cells), 1) for value in order]
    axis.bar(np.arange(len(order)) + i * wide, shares, wide, color=f'C{i}', alpha=0.7, label=name)
  names = [_short(value, 9) or 'missing' for value in order]
  axis.set_xticks(np.arange(len(order)) + wide / 2, names, parse_math=False)
  axis.tick_params('x', rotation=90 if len(order) > 4 else 0)


def _short(text: str, most: int) -> str:
  return text if len(text) <= most else text[: most - 1] + '\N{HORIZONTAL ELLIPSIS}'
