"""Tables in CSV files: their cells, and what each column holds.

A table has a header; every other line is a row of as many cells. Lines of another number of cells
are counted, named and not used. The encoding is UTF-8.
"""

import collections
import csv
import io
import itertools
import logging
import pathlib
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from jaxgan.data.listing import printable, some
from jaxgan.data.text_files import text_of

MISSING = frozenset({'', 'na', 'n/a', 'nan', 'null', '?'})
"""What stands in a column of numbers where the number is missing; case does not matter."""
SEPARATORS = ',;\t|'
FEW = 10
"""Whole numbers of no more different values than this are categories."""
LARGEST = 1e100
"""Larger numbers are refused, and infinite ones: they cannot be squared."""
MANY = 100
"""Texts of more different values than this, in more than half of the rows, are refused."""
log = logging.getLogger('jaxgan')


class Table(NamedTuple):
  """The cells of a table, all as text: the names of its columns, and its rows."""

  path: pathlib.Path
  names: tuple[str, ...]
  rows: tuple[tuple[str, ...], ...]

  def column(self, name: str) -> list[str]:
    """Return the cells of a column."""
    at = self.names.index(name)
    return [row[at] for row in self.rows]


class Kinds(NamedTuple):
  """Which columns the user has decided about: names of columns."""

  categorical: tuple[str, ...] = ()
  numeric: tuple[str, ...] = ()
  dropped: tuple[str, ...] = ()


def read(path: pathlib.Path) -> Table:
  """Read a table; say which separator it has, if that is no comma, and which lines are no rows.

  Raises:
    ValueError: the file cannot be read, is not UTF-8, has no header with different names, no row,
      or a quotation mark that does not end.
  """
  text = text_of(path)
  first = text.split('\n', 1)[0]
  mark = max(SEPARATORS, key=lambda c: (first.count(c), c == ','))
  if mark != ',' and first.count(mark):
    log.warning('%s: columns are separated by %r', path, mark)
  lines = csv.reader(io.StringIO(text, newline=''), strict=True, delimiter=mark)
  header, rows, bad = _split(path, lines)
  twice = [name for name, n in collections.Counter(header).items() if n > 1]
  if twice:
    raise ValueError(f'{path} has more than one column {some(twice)}: give each its own name')
  if bad:
    log.warning(
      '%s: %d lines do not have the %d cells of the header and are not used: %s',
      *(path, len(bad), len(header), some([f'line {n} ({count})' for n, count in bad])),
    )
  if not rows:
    raise ValueError(f'{path} has a header and no row below it: give a table with rows')
  return Table(path, header, tuple(rows))


def _split(
  path: pathlib.Path, lines: Any
) -> tuple[tuple[str, ...], list[tuple[str, ...]], list[tuple[int, int]]]:
  """Return the header, the rows of its length, and line and cells of all other lines."""
  header: tuple[str, ...] = ()
  rows, bad = [], []
  try:
    for cells in lines:
      row = tuple(cell.strip() for cell in cells)
      if not row:  # an empty line
        continue
      if not header:
        header = row
      elif len(row) == len(header):
        rows.append(row)
      else:
        bad.append((lines.line_num, len(row)))
  except csv.Error as error:
    raise ValueError(f'{path}, line {lines.line_num}: {error}') from None
  if not header:
    raise ValueError(f'{path} is empty: give a table with a header and rows')
  return header, rows, bad


def chosen(table: Table, kinds: Kinds) -> dict[str, bool]:
  """Return the columns that are used, each with whether it is numeric, and say so.

  A column is numeric if all its cells are numbers or missing, with more than `FEW` different values
  or with a point; all other columns are categories.

  Raises:
    ValueError: there is no column of a name in `kinds`, or it is there twice; no column is left; a
      column that should be numeric has other cells; or one of texts that hardly ever repeat.
  """
  _check_names(table, kinds)
  found = {}
  for name in table.names:
    if name not in kinds.dropped:
      cells = table.column(name)
      found[name] = _numeric(table, name, cells, kinds)
      if not found[name] and name not in kinds.categorical:
        _check_repeats(table, name, cells)
  if not found:
    raise ValueError(f'{table.path} has no column that is not in --drop: keep one or more')
  return found


def _check_names(table: Table, kinds: Kinds) -> None:
  for option, names in zip(('categorical', 'numeric', 'drop'), kinds, strict=True):
    if unknown := [name for name in names if name not in table.names]:
      raise ValueError(
        f'--{option}: {table.path} has no column {some(unknown)}, only {some(table.names)}'
      )
  named = collections.Counter(itertools.chain(*map(set, kinds)))
  if twice := [name for name, n in named.items() if n > 1]:
    raise ValueError(f'--categorical, --numeric and --drop share {some(twice)}: give each once')


def _numeric(table: Table, name: str, cells: Sequence[str], kinds: Kinds) -> bool:
  wrong = next((cell for cell in cells if not is_missing(cell) and _number(cell) is None), None)
  present = {cell for cell in cells if not is_missing(cell)}
  if name in kinds.numeric and (wrong is not None or not present):
    what = f'the cell {printable(wrong)!r}' if wrong is not None else 'missing cells alone'
    raise ValueError(f'--numeric: the column {name!r} of {table.path} has {what}: leave it out')
  if name in kinds.categorical or wrong is not None or not present:
    return False
  if large := next((cell for cell in present if not abs(float(cell)) <= LARGEST), None):
    raise ValueError(
      f'the column {name!r} of {table.path} has the number {large[:40]}, beyond {LARGEST:g}: '
      f'correct it, or leave the column out by --drop'
    )
  whole = all(decimals(cell) == 0 for cell in present)
  return name in kinds.numeric or not whole or len(present) > FEW


def is_missing(cell: str) -> bool:
  """Return whether a cell of a column of numbers says that there is none."""
  return cell.lower() in MISSING


def _number(cell: str) -> float | None:
  try:
    return float(cell) if cell.isascii() and '_' not in cell else None
  except ValueError:
    return None


def decimals(cell: str) -> int | None:
  """Return the digits of a number behind its point; None if it is written with an exponent.

  Example:
    >>> [decimals(text) for text in ('12', '1.50', '2e-9')]
    [0, 2, None]
  """
  return None if 'e' in cell.lower() else len(cell.partition('.')[2])


def _check_repeats(table: Table, name: str, cells: Collection[str]) -> None:
  """Raise ValueError for texts such as names, of which nothing can be learnt."""
  different = len(set(cells))
  if different > max(MANY, len(cells) / 2):
    raise ValueError(
      f'the column {name!r} of {table.path} has {different} different texts in {len(cells)} rows, '
      f'as names have: leave it out by --drop, or keep it by --categorical'
    )
