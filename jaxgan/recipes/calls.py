"""The option that plays several training steps in one call of the device."""

from dataclasses import dataclass

from jaxgan.recipes.option_groups import Group

MOST = 8
"""Steps in one call at most. After more of them, it would be known too late that a run diverged."""


@dataclass(frozen=True)
class Calls(Group):
  """Run."""

  steps_per_call: int | None = None
  """Training steps in one call of the device, up to 8, with the same results. If not given: 1, but
  more on a GPU that plays steps faster than they can be started one by one."""

  def problems(self) -> list[str]:
    """Add a number of steps that no call plays."""
    count = self.steps_per_call
    if count is None or 1 <= count <= MOST:
      return super().problems()
    return [*super().problems(), f'--steps-per-call must be from 1 to {MOST}, it is {count}']
