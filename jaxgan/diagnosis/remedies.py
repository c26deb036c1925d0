"""Remedies: options that help against a failure, of which only those that the variant accepts."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args, get_origin, get_type_hints

from jaxgan.core.typing import Json
from jaxgan.diagnosis import verdicts
from jaxgan.diagnosis.verdicts import Evidence
from jaxgan.recipes.config import Common
from jaxgan.recipes.option_groups import flag

Change = Callable[[Any, Sequence[Evidence]], Json]
"""A function from a config and what was seen of the run to the options to change; AttributeError
where the config lacks an option."""
OF_DATA = ('samples: distinct', 'samples: real_contrast')
"""Evidence that the data set itself is wrong."""
UPDATE = 0.003
"""A usual size of an update, in units of the parameters."""


def _times(name: str, factor: float) -> Change:
  return lambda c, _: {name: _scaled(c, name, factor)}


def _scaled(config: Any, name: str, factor: float) -> float:
  return float(f'{getattr(config, name) * factor:.2g}')


def _to(**options: Any) -> Change:
  return lambda c, _: options


def _rates(least: float, most: float) -> Change:
  """Return the change of both rates by the power of ten that makes updates usual, within limits."""

  def change(config: Any, evidence: Sequence[Evidence]) -> Json:
    sizes = [one.value for one in evidence if one.name.endswith('update') and one.value > 0]
    wanted = 10.0 ** round(math.log10(UPDATE / sizes[0])) if sizes else 0.2
    factor = min(max(wanted, least), most)
    return {name: _scaled(config, name, factor) for name in ('generator_lr', 'critic_lr')}

  return change


_SLOPES: tuple[Change, ...] = (_to(r1=1.0), _to(r1=1.0, critic_norm=False))
_SLOWER = _rates(0.01, 0.2)
_FEW: tuple[Change, ...] = (
  _to(augment='ada'),
  _to(augment='diffaugment'),
  *_SLOPES,
  _to(lecam=0.3),
)
REMEDIES: dict[str, Sequence[Change]] = {
  verdicts.LEARNING: (lambda c, _: {'steps': 2 * c.length, 'images': None},),
  verdicts.SLOW: (_rates(10.0, 100.0),),
  verdicts.PARTIAL: (*_SLOPES, _to(pack=2), _times('generator_lr', 0.25), _to(minibatch=16)),
  verdicts.FULL: (_times('generator_lr', 0.1), *_SLOPES, _to(pack=2), _to(minibatch=16)),
  verdicts.STRONG: (_times('critic_lr', 0.1), *_SLOPES, _to(instance_noise=0.1)),
  verdicts.WEAK: (_times('critic_lr', 10.0), lambda c, _: {'n_critic': 5 * c.n_critic}),
  verdicts.OSCILLATION: (_SLOWER, *_SLOPES, _to(beta1=0.0)),
  verdicts.DIVERGENCE: (_SLOWER, *_SLOPES),
  verdicts.OVERFIT: _FEW,
  verdicts.MEMORIZED: _FEW,
  verdicts.PENALTY: (_to(penalty_weight=10.0), *_SLOPES),
  verdicts.DEAD: (_SLOWER, _times('generator_lr', 0.1)),
  verdicts.CHECKERBOARD: (_times('critic_lr', 0.5), *_SLOPES),
}
"""For each failure the changes that help, the one that helps most often first."""


def flags(name: str, config: Common | None, evidence: Sequence[Evidence] = ()) -> tuple[str, ...]:
  """Return the remedies of a verdict as flags, see `options`."""
  write = lambda changed: ' '.join(f'{flag(k)}={v}' for k, v in changed.items() if v is not None)
  return tuple(dict.fromkeys(filter(None, map(write, options(name, config, evidence)))))


def options(
  name: str, config: Common | None, evidence: Sequence[Evidence] = ()
) -> tuple[Json, ...]:
  """Return the remedies of a verdict as options to change, each accepted by the run's own variant.

  A remedy that would change nothing, or that the variant refuses, is not among them. No option
  helps where the data set itself is wrong.

  Args:
    name: the verdict.
    config: the options of the run; None: no remedies.
    evidence: the numbers that show it, by which some remedies are sized.
  """
  if config is None or any(one.name in OF_DATA for one in evidence):
    return ()
  found = [_accepted(config, change, evidence) for change in REMEDIES.get(name, ())]
  return tuple(changed for changed in found if changed)


def _accepted(config: Common, change: Change, evidence: Sequence[Evidence]) -> Json:
  """Return the options that a remedy changes; empty where the variant does not accept them."""
  try:
    wanted = change(config, evidence)
    changed = {k: v for k, v in wanted.items() if getattr(config, k) != v}
    dataclasses.replace(config, **changed)
    kinds = get_type_hints(type(config))
  except (AttributeError, TypeError, ValueError):
    return {}
  choices = {k: get_args(kinds[k]) for k in changed if get_origin(kinds[k]) is Literal}
  return {} if any(changed[k] not in values for k, values in choices.items()) else changed
