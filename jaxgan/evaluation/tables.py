"""How near generated rows of a table are to real ones: column by column, in pairs, row by row."""

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree
from scipy.stats import ks_2samp

from jaxgan.core.columns import Column
from jaxgan.evaluation.metrics import intervals
from jaxgan.evaluation.scores import Score

Rows = Sequence[Sequence[str]]
"""Cells as text, as `data.tables.decoded` returns them."""


def columns_apart(columns: Sequence[Column], rows: Rows, real: Rows) -> np.ndarray:
  """Return how far each column's distribution is from the real one, `[columns]` from 0 to 1.

  Of numbers it is the Kolmogorov-Smirnov statistic, the largest difference of the two cumulative
  distributions; of categories the total variation, half the sum of all differences of shares.
  Missing numbers count as a category beside the numbers: the larger of the two distances is taken.

  Example:
    >>> sex = [Column('sex', values=('f', 'm'))]
    >>> columns_apart(sex, [['f'], ['f']], [['f'], ['m']]).tolist()
    [0.5]
  """
  found = []
  for i, column in enumerate(columns):
    one, other = [row[i] for row in rows], [row[i] for row in real]
    if column.numeric:
      found.append(_numbers_apart(one, other))
    else:
      found.append(sum(abs(_share(one, v) - _share(other, v)) for v in column.values) / 2)
  return np.array(found, np.float64)


def _share(cells: Sequence[str], value: str) -> float:
  return list(cells).count(value) / max(len(cells), 1)


def _numbers_apart(one: Sequence[str], other: Sequence[str]) -> float:
  gone = abs(_share(one, '') - _share(other, ''))
  values = [np.array([float(cell) for cell in cells if cell]) for cells in (one, other)]
  if not all(map(len, values)):
    return float(gone)
  return max(float(ks_2samp(*values).statistic), gone)


def described(columns: Sequence[Column], rows: Rows) -> np.ndarray:
  """Return rows as numbers in which distances mean something, float64 `[n, d]`.

  Numbers are divided by the width of their column's range; a category is a one-hot vector of length
  1 / sqrt(2), so that two different categories are as far apart as the ends of a range. A missing
  number is the middle of the range.
  """
  parts = []
  for i, column in enumerate(columns):
    cells = [row[i] for row in rows]
    if column.numeric:
      middle, width = (column.low + column.high) / 2, column.high - column.low
      values = np.array([float(cell) if cell else middle for cell in cells])
      parts.append(((values - column.low) / (width or 1))[:, None])
    else:
      places = {value: k for k, value in enumerate(column.values)}
      parts.append(np.eye(len(places))[[places[cell] for cell in cells]] / np.sqrt(2))
  return np.concatenate(parts, 1)


def correlations_apart(rows: np.ndarray, real: np.ndarray) -> float:
  """Return the mean difference of all correlations of two numbers of a row, from 0 to 2.

  Args:
    rows: as `described` returns them.
    real: the same of real rows. Numbers that are constant in either are not counted.
  """
  moving = (rows.std(0) > 1e-9) & (real.std(0) > 1e-9)
  if moving.sum() < 2:
    return 0.0
  one, other = (np.corrcoef(x[:, moving].T) for x in (rows, real))
  return float(np.abs(one - other)[np.triu_indices(len(one), 1)].mean())


def nearest(rows: np.ndarray, train: np.ndarray) -> np.ndarray:
  """Return the distance of each row to its nearest training row, `[n]`."""
  found: np.ndarray = cKDTree(train).query(rows)[0]
  return found


METRICS = (
  'column distance',
  'worst column',
  'correlation difference',
  'distance to nearest record',
  'copied rows',
)


def measured(columns: Sequence[Column], rows: Rows, train: Rows) -> list[float]:
  """Return the values of `METRICS` of rows beside training rows."""
  apart = columns_apart(columns, rows, train)
  one, other = described(columns, rows), described(columns, train)
  far = nearest(one, other)
  known = {tuple(row) for row in train}
  copied = sum(tuple(row) in known for row in rows) / len(rows)
  return [
    float(apart.mean()),
    float(apart.max()),
    correlations_apart(one, other),
    float(np.median(far)),
    copied,
  ]


def scores(
  columns: Sequence[Column],
  samples: Sequence[Rows],
  train: Rows,
  held: Rows | None,
  seeds: Sequence[int],
) -> list[Score]:
  """Return the score of every metric, with its interval over the samples.

  Args:
    columns: the columns of the table.
    samples: generated rows, for each seed.
    train: training rows.
    held: held-out rows, which are measured in the same way; None: there are none, and one half of
      the training rows is measured beside the other.
    seeds: the seed of each sample.
  """
  each = np.array([measured(columns, rows, train) for rows in samples])
  halves = [train[i] for i in np.random.default_rng(0).permutation(len(train))]
  half = len(train) // 2
  test, known = (held, train) if held else (halves[:half], halves[half:])
  real = measured(columns, test, known)
  return [
    Score(
      name=name,
      of=intervals.repeats(each[:, i].tolist()),
      num=len(samples[0]),
      against=f'train ({len(train)})',
      real=real[i],
      real_num=len(test),
      ideal=None,
      network='cells',
      seeds=tuple(seeds),
    )
    for i, name in enumerate(METRICS)
  ]
