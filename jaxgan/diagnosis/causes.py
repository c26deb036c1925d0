"""Causes: options far from the variant's usual values, on the side that explains a failure."""

from collections.abc import Mapping, Sequence

from jaxgan import variants
from jaxgan.core.typing import Json
from jaxgan.diagnosis import verdicts
from jaxgan.recipes.config import Common

FAR = 8.0
"""A value is far from the usual one if it is so many times as high or as low."""
Sides = Mapping[str, int]
"""Options that go together: 1 where a high value causes a failure, -1 where a low one does."""
RATES: Sides = {'generator_lr': 1, 'critic_lr': 1}
"""Rates of both players, which are too high."""
_GENERATOR: Sides = {'generator_width': -1}
SUSPECTS: dict[str, Sequence[Sides]] = {
  verdicts.WEAK: ({'critic_width': -1}, {'generator_lr': 1}, {'n_critic': -1}),
  verdicts.STRONG: (RATES, _GENERATOR, {'n_critic': 1}),
  verdicts.PARTIAL: (RATES, _GENERATOR),
  verdicts.FULL: (RATES, _GENERATOR),
  verdicts.PENALTY: ({'penalty_weight': -1}, RATES),
  verdicts.DEAD: (RATES,),
  verdicts.CHECKERBOARD: (RATES,),
}
"""For each failure the options that cause it, the likeliest first. R1 is among the remedies
themselves, and so are the rates of oscillations and divergences, sized by the updates."""


def usual(config: Common) -> Common | None:
  """Return the defaults of a run's variant and preset; None where they are not known."""
  try:
    return variants.configure(config.variant, preset=config.preset)
  except ValueError:  # a variant of another program, or one that needs a folder
    return None


def restored(name: str, config: Common) -> list[Json]:
  """Return the usual values of the options that may have caused a failure, the likeliest first."""
  found = [far(config, sides) for sides in SUSPECTS.get(name, ())]
  return [changed for changed in found if changed]


def far(config: Common, sides: Sides) -> Json:
  """Return the usual values of those options that are far from them, on the side that matters."""
  plain, found = usual(config), {}
  for name, side in sides.items():
    now, then = getattr(config, name, None), getattr(plain, name, None)
    if now is None or not then:
      continue
    if now > FAR * then if side > 0 else now < then / FAR:
      found[name] = then
  return found


def balance(config: Common) -> float:
  """Return the critic's rate beside the generator's, 1 as is usual; 1 where it is not known."""
  plain = usual(config)
  if plain is None or not hasattr(config, 'critic_lr') or not hasattr(plain, 'critic_lr'):
    return 1.0
  share = lambda c: c.critic_lr / c.generator_lr
  return float(share(config) / share(plain))


def narrow(config: Common, player: str) -> tuple[str, float] | None:
  """Return the option and value of a player's width that is far below the usual one, if it is."""
  name = f'{player}_width'
  return (name, float(getattr(config, name))) if far(config, {name: -1}) else None


def is_low(config: Common) -> bool:
  """Return whether the generator's rate is far below the usual one, or none is usual.

  What is usual for one optimizer says nothing of another one.
  """
  plain, kind = usual(config), 'optimizer'
  known = plain is not None and getattr(config, kind, None) == getattr(plain, kind, None)
  return not known or bool(far(config, {'generator_lr': -1}))
