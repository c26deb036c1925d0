"""Options of variants that draw the rows of a table."""

from dataclasses import dataclass

from jaxgan.data.csv_files import Kinds
from jaxgan.recipes.option_groups import Group


@dataclass(frozen=True)
class Tables(Group):
  """Tables."""

  categorical: tuple[str, ...] = ()
  """Columns of --dataset=table that are categories, whatever they look like."""
  numeric: tuple[str, ...] = ()
  """Columns that are numbers. If not given, columns of numbers are: those with a point, or with
  more than 10 different whole numbers."""
  drop: tuple[str, ...] = ()
  """Columns that are not learnt, such as names."""

  @property
  def kinds(self) -> Kinds:
    """Return what is decided about columns."""
    return Kinds(self.categorical, self.numeric, self.drop)
