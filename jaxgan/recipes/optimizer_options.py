"""Options of the optimizer: its algorithm, the schedule of its rates, the bound of its updates."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from jaxgan.recipes.option_groups import Group, Needs, part

Schedule = Literal['constant', 'linear', 'constant_linear', 'cosine', 'tenth', 'halves']


@dataclass(frozen=True)
class Algorithm(Group):
  """Optimizer."""

  optimizer: Literal['adam', 'rmsprop', 'sgd'] = 'adam'
  """sgd: with the momentum and the decay of the first GANs."""

  NEEDS: ClassVar[tuple[Needs, ...]] = (
    Needs(('beta1', 'beta2'), lambda c: c.optimizer == 'adam', {'optimizer': 'adam'}),
  )


@dataclass(frozen=True)
class Scheduled(Group):
  """Optimizer."""

  schedule: Schedule = 'constant'
  """How the learning rates go down over the run's length: to zero; constant_linear: the first half
  constant; tenth: to a tenth after half; halves: halved after 1/8, 1/4, 1/2 and 3/4."""
  update_clip: float = 0.0
  """Greatest root mean square of Adam's update of an array, in learning rates: with 1, a burst of
  the gradients moves the networks no further than a usual step. 0: no bound."""

  NEEDS: ClassVar[tuple[Needs, ...]] = (
    Needs(
      ('update_clip',),
      lambda c: getattr(c, 'optimizer', 'adam') == 'adam',
      {'optimizer': 'adam'},
    ),
  )

  def problems(self) -> list[str]:
    """Add an optimizer that has a schedule of its own."""
    found = super().problems()
    if part(self, Algorithm).optimizer == 'sgd' and self.schedule != 'constant':
      found.append('--optimizer=sgd has a decay of its own: give --schedule=constant beside it')
    return found

  def bound_to_length(self) -> str:
    """Add a schedule over the whole run."""
    if self.schedule == 'constant':
      return super().bound_to_length()
    return f'the {self.schedule} schedule of the learning rates depends on the length'
