"""Tables as data: rows of numbers that networks can learn, and back; and training by sampling.

Xu et al., Modeling Tabular data using Conditional GAN, 2019. A numeric cell becomes the number of
its mode, drawn by how likely each mode is, and (cell - mean) / (4 std) of that mode; a category
becomes a one-hot vector. The categories of all columns are the classes of the rows: a row has one
class for each column of categories.
"""

import functools
import hashlib
import logging
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jaxgan.core.columns import Column, conditions, spans
from jaxgan.core.typing import Spec
from jaxgan.data import csv_files, modes
from jaxgan.data.csv_files import Kinds, Table
from jaxgan.data.listing import some
from jaxgan.data.source import Captions, Source, fingerprint

REACH = 4
"""Standard deviations of a mode from its mean to the ends of its range, -1 and 1."""
FORM = 1
"""Rises when rows become other numbers than before, which no run can continue with."""
log = logging.getLogger('jaxgan')


def load(path: pathlib.Path | None, split: str = 'train', kinds: Kinds | None = None) -> Source:
  """Return the rows of a table as images of one pixel, float32 `[n, 1, 1, W]` in [-1, 1].

  Args:
    path: a CSV file; or a folder with `train.csv` and, if rows are held out, `test.csv`, whose
      cells are encoded by the columns of the first.
    split: 'train' or 'test'.
    kinds: what the user has decided about columns.

  Raises:
    ValueError: there is no such file or split; and as `csv_files.read` and `csv_files.chosen`.
  """
  train, test = _files(path)
  if split not in ('train', 'test') or (split == 'test' and not test):
    raise ValueError(
      f'a table has the split train, and test if --folder has train.csv and test.csv: '
      f'there is no split {split!r} of {path}'
    )
  table = csv_files.read(train)
  columns = described(table, kinds or Kinds())
  if split == 'test' and test:
    table = _known(csv_files.read(test), columns)
  content = hashlib.sha256(repr((table.names, table.rows)).encode()).hexdigest()
  identity = fingerprint(FORM, columns, content)
  return of_rows(encoded(table, columns), columns, identity, has_held_out=bool(test))


def _files(path: pathlib.Path | None) -> tuple[pathlib.Path, pathlib.Path | None]:
  """Return the files of the rows to train on, and of those that are held out, if there are any."""
  if path is None:
    raise ValueError('--dataset=table needs --folder=FILE.csv, the table')
  if not path.exists():
    raise ValueError(f'there is no table {path}: give a CSV file as --folder')
  if not path.is_dir():
    return path, None
  train, test = path / 'train.csv', path / 'test.csv'
  if not train.is_file():
    raise ValueError(f'{path} has no train.csv: give a CSV file, or a folder with train.csv')
  return train, test if test.is_file() else None


# What the columns hold.


def described(table: Table, kinds: Kinds) -> tuple[Column, ...]:
  """Return the columns of a table, and say what each one is.

  Raises:
    ValueError: as `csv_files.chosen`.
  """
  columns = []
  for name, numeric in csv_files.chosen(table, kinds).items():
    cells = table.column(name)
    columns.append(_of_numbers(name, cells) if numeric else _of_texts(name, cells))
  log.warning('%s: %d rows; %s', table.path, len(table.rows), summary(columns))
  gaps = {name: sum(map(csv_files.is_missing, table.column(name))) for name in table.names}
  if missing := [f'{c.name} ({gaps[c.name]})' for c in columns if _gaps(c)]:
    log.warning('%s: missing cells are learnt as such, in %s', table.path, some(missing))
  return tuple(columns)


def _gaps(column: Column) -> bool:
  return column.missing or '' in column.values


def summary(columns: Sequence[Column]) -> str:
  """Return a line that says which columns are numbers, categories or constant."""
  kinds = {
    'columns of numbers': [c.name for c in columns if c.numeric],
    'columns of categories': [f'{c.name} ({c.choices})' for c in columns if len(c.values) > 1],
    'constant columns': [c.name for c in columns if len(c.values) == 1],
  }
  return '; '.join(f'{len(names)} {kind}: {some(names)}' for kind, names in kinds.items() if names)


def _of_texts(name: str, cells: Sequence[str]) -> Column:
  return Column(name, values=tuple(sorted(set(cells))))


def _of_numbers(name: str, cells: Sequence[str]) -> Column:
  present = [cell for cell in cells if not csv_files.is_missing(cell)]
  if len(set(cells)) == 1:
    return Column(name, values=(cells[0],))
  values = np.array(present, np.float64)
  digits = [csv_files.decimals(cell) for cell in present]
  places = None if None in digits else max(d for d in digits if d is not None)
  missing = len(present) < len(cells)
  span = float(values.min()), float(values.max())
  return Column(name, (), modes.fit(values), missing, places, *span)


def _known(table: Table, columns: Sequence[Column]) -> Table:
  """Return the rows whose cells the columns know, and say how many others there are.

  Raises:
    ValueError: a column is missing, or no row is known.
  """
  if absent := [c.name for c in columns if c.name not in table.names]:
    raise ValueError(f'{table.path} has no column {some(absent)}, which the training rows have')
  kept = [
    i
    for i, row in enumerate(table.rows)
    if _fits(dict(zip(table.names, row, strict=True)), columns)
  ]
  if len(kept) < len(table.rows):
    other = len(table.rows) - len(kept)
    log.warning('%s: %d rows have values that no training row has: not used', table.path, other)
  if not kept:
    raise ValueError(f'{table.path} has no row whose values the training rows know')
  return table._replace(rows=tuple(table.rows[i] for i in kept))


def _fits(row: dict[str, str], columns: Sequence[Column]) -> bool:
  return all(
    _is_number(row[c.name], c.missing) if c.numeric else row[c.name] in c.values for c in columns
  )


def _is_number(cell: str, missing: bool) -> bool:
  try:
    return (csv_files.is_missing(cell) and missing) or abs(float(cell)) <= csv_files.LARGEST
  except ValueError:
    return False


# Rows as numbers, and back.


def encoded(table: Table, columns: Sequence[Column]) -> np.ndarray:
  """Return the rows of a table as numbers, float32 `[n, W]` in [-1, 1]."""
  parts: list[np.ndarray] = [np.zeros((len(table.rows), 0), np.float32)]
  for number, column in enumerate(columns):
    cells = table.column(column.name)
    if column.numeric:
      parts.append(_encoded_numbers(cells, column, number))
    elif column.choices > 1:
      places = {value: i for i, value in enumerate(column.values)}
      parts.append(np.eye(column.choices)[[places[cell] for cell in cells]])
  return np.concatenate(parts, 1).astype(np.float32)


def _encoded_numbers(cells: Sequence[str], column: Column, number: int) -> np.ndarray:
  gone = np.array([csv_files.is_missing(cell) for cell in cells])
  x = np.array(['nan' if no else cell for cell, no in zip(cells, gone, strict=True)], np.float64)
  means, deviations = np.array(column.modes).T
  apart = (x[:, None] - means) / deviations
  likely = np.where(gone[:, None], 0, -(apart**2) / 2 - np.log(deviations))
  words = np.random.Philox(np.random.SeedSequence([FORM, number])).random_raw(likely.size)
  uniform = (words.reshape(likely.shape) >> np.uint64(11)).astype(np.float64) + 0.5
  gumbel = -np.log(-np.log(uniform / 2**53))  # the largest sum is a draw by these chances
  mode = np.where(gone, len(means), (likely + gumbel).argmax(1))
  inside = np.take_along_axis(apart, np.minimum(mode, len(means) - 1)[:, None], 1) / REACH
  inside = np.where(gone[:, None], 0, np.clip(inside, -1, 1))
  one_hot = np.eye(column.choices)[mode] if column.choices > 1 else np.zeros((len(x), 0))
  return np.concatenate([inside, one_hot], 1)


def decoded(columns: Sequence[Column], rows: np.ndarray) -> list[list[str]]:
  """Return the cells of rows of numbers as text, in the formats of the table.

  Whole numbers stay whole, other numbers have as many digits behind the point as the table has, and
  none lies outside of its column's range.

  Args:
    columns: those of the table.
    rows: `[n, W]`, or `[n, 1, 1, W]` as a run draws them.

  Example:
    >>> age = Column('age', modes=((10.0, 3.0), (60.0, 9.0)), low=0.0, high=99.0)
    >>> decoded([age, Column('unit', values=('years',))], np.array([[0.5, 0.1, 0.9]]))
    [['78', 'years']]
  """
  rows = rows.reshape(len(rows), -1)
  found: dict[str, list[str]] = {c.name: list(c.values[:1]) * len(rows) for c in columns}
  inside = np.zeros(len(rows))
  for column, (first, width, one_hot) in spans(columns):
    part = rows[:, first : first + width]
    if not one_hot:
      inside = part[:, 0].astype(np.float64)
    choice = part.argmax(1) if one_hot else np.zeros(len(rows), int)
    if column.numeric:
      found[column.name] = _numbers(column, inside, choice)
    else:
      found[column.name] = [column.values[i] for i in choice]
  return [list(cells) for cells in zip(*(found[c.name] for c in columns), strict=True)]


def _numbers(column: Column, inside: np.ndarray, mode: np.ndarray) -> list[str]:
  gone = mode >= len(column.modes)
  means, deviations = np.array([*column.modes, column.modes[-1]]).T
  x = np.clip(means[mode] + REACH * deviations[mode] * inside, column.low, column.high)
  form = '.6g' if column.decimals is None else f'.{column.decimals}f'
  return ['' if no else format(value + 0.0, form) for value, no in zip(x, gone, strict=True)]


# Training by sampling.


@dataclass(frozen=True, eq=False)
class Drawing:
  """How the rows of a step are drawn: a column, a category of it, a row that has it.

  All columns of categories are equally likely, and a category is as likely as log(1 + its rows),
  so that rare ones are learnt, too. The article has the logarithm of the rows, which would never
  draw a category of one row. Example e is row e % n, with its category in column e // n.

  Attributes:
    ids: the classes of each row, one for each column, int `[n, D]`.
    classes: number of all classes.
  """

  ids: np.ndarray
  classes: int

  @functools.cached_property
  def _counts(self) -> np.ndarray:
    """Rows of each class in each column, `[D, classes]`."""
    return np.stack([np.bincount(ids, minlength=self.classes) for ids in self.ids.T])

  @functools.cached_property
  def _bounds(self) -> np.ndarray:
    """The chance of each class or one before it, in each column, `[D, classes]`."""
    sums = np.cumsum(np.log1p(self._counts), 1)
    bounds: np.ndarray = sums / sums[:, -1:]
    return bounds

  @functools.cached_property
  def _order(self) -> np.ndarray:
    """The rows by their class in each column, `[D, n]`."""
    order: np.ndarray = np.argsort(self.ids, axis=0, kind='stable').T
    return order

  def draw(self, seed: int, step: int, count: int) -> np.ndarray:
    """Return the examples of a step, int64 `[count]`; a function of these three alone."""
    words = np.random.Philox(np.random.SeedSequence([seed, step])).random_raw(3 * count)
    columns, chances, rows = words.reshape(3, count)
    columns = (columns % np.uint64(self.ids.shape[1])).astype(np.int64)
    uniform = (chances >> np.uint64(11)).astype(np.float64) / 2**53
    classes = (uniform[:, None] >= self._bounds[columns]).sum(1)
    before = np.cumsum(self._counts, 1)[columns, classes] - self._counts[columns, classes]
    within = (rows % self._counts[columns, classes].astype(np.uint64)).astype(np.int64)
    drawn: np.ndarray = self._order[columns, before + within] + columns * len(self.ids)
    return drawn

  def labels(self, examples: np.ndarray) -> np.ndarray:
    """Return the class by which each example was drawn, int32, shaped as `examples`."""
    n = len(self.ids)
    found: np.ndarray = self.ids[examples % n, examples // n].astype(np.int32)
    return found


def of_rows(
  rows: np.ndarray, columns: tuple[Column, ...], identity: str, *, has_held_out: bool = False
) -> Source:
  """Return encoded rows `[n, W]` as a source, which draws them by sampling if it can."""
  known = conditions(columns)
  starts = [span.first for column, span in spans(columns) if not column.numeric]
  widths = [span.width for column, span in spans(columns) if not column.numeric]
  base = np.cumsum([0, *widths])
  ids = [
    rows[:, s : s + w].argmax(1) + b for s, w, b in zip(starts, widths, base[:-1], strict=True)
  ]
  of_row = np.stack(ids, 1).astype(np.int32) if ids else np.zeros((len(rows), 0), np.int32)
  drawing = Drawing(of_row, len(known)) if ids else None
  captions = Captions(of_row.ravel(), np.arange(len(rows) + 1) * len(ids)) if ids else None
  return Source(
    spec=Spec(1, rows.shape[1], len(known), tuple(name for name, _ in known), columns),
    count=len(rows),
    images=lambda indices: rows[np.asarray(indices) % len(rows)].reshape(-1, 1, 1, rows.shape[1]),
    labels=of_row[:, 0] if ids else None,
    fingerprint=identity,
    has_held_out=has_held_out,
    captions=captions,
    drawing=drawing,
  )
