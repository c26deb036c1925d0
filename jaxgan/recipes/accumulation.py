"""The option that plays a batch in parts, for variants in which no image sees another."""

from dataclasses import dataclass

from jaxgan.recipes.option_groups import Group, part

NORM = 'would change the statistics of batch norm'
"""Why --accumulate is refused beside batch norm."""


@dataclass(frozen=True)
class Accumulated(Group):
  """Optimizer."""

  accumulate: int = 1
  """Parts in which a batch is played, in the memory of one part; the gradients are the same."""


def parts_of(config: Group) -> int:
  """Return in how many parts a config plays its batches; 1: as a whole.

  Example:
    >>> parts_of(Accumulated(accumulate=4)), parts_of(Group())
    (4, 1)
  """
  return part(config, Accumulated).accumulate
