"""Columns of a table: what each one holds, and where its numbers stand in a row of numbers.

A row of a table is given to networks as numbers. A numeric column is a value in [-1, 1] and, if it
has several modes, a one-hot vector that names the mode; a column of categories is a one-hot vector.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple


class Span(NamedTuple):
  """A part of a row: its first number, how many there are, and whether they are a one-hot vector.

  A span that is not `one_hot` is a single number in [-1, 1].
  """

  first: int
  width: int
  one_hot: bool


class Column(NamedTuple):
  """A column of a table: either categories, or numbers as a mixture of modes.

  Attributes:
    name: its name in the header of the table.
    values: the texts of its categories; empty for a numeric column. A missing cell is the category
      ''. A column of one value is constant: it has no numbers in a row.
    modes: mean and standard deviation of each mode of a numeric column.
    missing: whether cells of a numeric column are missing. That is one more mode, the last.
    decimals: how many digits its numbers have behind the point; None: six digits in all.
    low: its lowest number.
    high: its highest number.
  """

  name: str
  values: tuple[str, ...] = ()
  modes: tuple[tuple[float, float], ...] = ()
  missing: bool = False
  decimals: int | None = 0
  low: float = 0.0
  high: float = 0.0

  @property
  def numeric(self) -> bool:
    """Return whether its cells are numbers."""
    return bool(self.modes)

  @property
  def choices(self) -> int:
    """Return the number of its modes, with that of missing cells, or of its categories."""
    return len(self.modes) + self.missing if self.numeric else len(self.values)

  @property
  def width(self) -> int:
    """Return how many numbers of a row it has.

    Example:
      >>> Column('sex', values=('f', 'm')).width, Column('age', modes=((40.0, 9.0),)).width
      (2, 1)
    """
    return self.numeric + (self.choices if self.choices > 1 else 0)


def width(columns: Sequence[Column]) -> int:
  """Return how many numbers a row of a table has."""
  return sum(column.width for column in columns)


def spans(columns: Sequence[Column]) -> Iterator[tuple[Column, Span]]:
  """Yield the spans of a row in order, each with its column.

  Example:
    >>> age = Column('age', modes=((10.0, 3.0), (60.0, 9.0)))
    >>> [span for _, span in spans([age])]
    [Span(first=0, width=1, one_hot=False), Span(first=1, width=2, one_hot=True)]
  """
  first = 0
  for column in columns:
    if column.numeric:
      yield column, Span(first, 1, False)
      first += 1
    if column.choices > 1:
      yield column, Span(first, column.choices, True)
      first += column.choices


def conditions(columns: Sequence[Column]) -> list[tuple[str, int]]:
  """Return each category of each column of categories, and where it stands in a row.

  Their order is that of the conditional vector. Constant columns have none.

  Example:
    >>> conditions([Column('age', modes=((40.0, 9.0),)), Column('sex', values=('f', 'm'))])
    [('sex=f', 1), ('sex=m', 2)]
  """
  return [
    (f'{column.name}={value}', span.first + i)
    for column, span in spans(columns)
    if not column.numeric
    for i, value in enumerate(column.values)
  ]


def from_json(values: Sequence[Mapping[str, Any]]) -> tuple[Column, ...]:
  """Return the columns that `to_json` wrote.

  Raises:
    KeyError, TypeError, ValueError: they are damaged.
  """
  return tuple(
    Column(
      name=str(each['name']),
      values=tuple(map(str, each['values'])),
      modes=tuple((float(mean), float(std)) for mean, std in each['modes']),
      missing=bool(each['missing']),
      decimals=None if each['decimals'] is None else int(each['decimals']),
      low=float(each['low']),
      high=float(each['high']),
    )
    for each in values
  )


def to_json(columns: Sequence[Column]) -> list[dict[str, Any]]:
  """Return columns as plain values, for a file of JSON.

  Example:
    >>> from_json(to_json([Column('sex', values=('f', 'm'))]))[0].values
    ('f', 'm')
  """
  return [
    {**each._asdict(), 'values': list(each.values), 'modes': [list(mode) for mode in each.modes]}
    for each in columns
  ]
