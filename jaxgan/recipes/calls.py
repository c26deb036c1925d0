"""How a training step is run: several steps in one call, and convolutions by native kernels."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from jaxgan.recipes.option_groups import Group, Needs

MOST = 8
"""Steps in one call at most. After more of them, it would be known too late that a run diverged."""


@dataclass(frozen=True)
class Calls(Group):
  """Run."""

  steps_per_call: int | None = None
  """Training steps in one call of the device, up to 8, with the same results. If not given: 1, but
  more on a GPU that plays steps faster than they can be started one by one."""
  native: Literal['auto', 'on', 'off'] = 'off'
  """Convolutions by kernels that a C++ compiler makes for this processor. They round in another way
  than XLA, so a run keeps what it began with. auto: where they are there and faster. on: all, or an
  error."""

  NEEDS: ClassVar[tuple[Needs, ...]] = (
    Needs(
      ('native',),
      lambda c: getattr(c, 'precision', 'float32') == 'float32',
      {'precision': 'float32'},
      'computes in float32 and has no effect',
    ),
  )

  def problems(self) -> list[str]:
    """Add a number of steps that no call plays."""
    count = self.steps_per_call
    if count is None or 1 <= count <= MOST:
      return super().problems()
    return [*super().problems(), f'--steps-per-call must be from 1 to {MOST}, it is {count}']
