"""A small table: numbers of two modes, some of them missing, and two columns of categories."""

from jaxgan.core.columns import Column, conditions, width
from jaxgan.core.typing import Spec

COLUMNS = (
  Column('size', modes=((1.0, 0.5), (9.0, 2.0)), missing=True, decimals=1, low=0.0, high=15.0),
  Column('kind', values=('a', 'b', 'c')),
  Column('unit', values=('cm',)),
  Column('count', modes=((20.0, 8.0),), low=0.0, high=39.0),
  Column('sex', values=('f', 'm')),
)
NAMES = tuple(name for name, _ in conditions(COLUMNS))
SPEC = Spec(1, width(COLUMNS), len(NAMES), NAMES, COLUMNS)


def text(rows: int = 40) -> str:
  """The lines of a CSV file with these columns."""
  cells = [
    f'{"" if i % 8 == 7 else i % 2 * 8 + i / 20:.3},{"abcc"[i % 4]},cm,{i},{"fm"[i % 2]}'
    for i in range(rows)
  ]
  return '\n'.join(['size,kind,unit,count,sex', *cells, ''])
