"""Remedies: options that help against a failure, of which only those that the variant accepts."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args, get_origin, get_type_hints

from jaxgan.core.typing import Json
from jaxgan.diagnosis import causes, verdicts
from jaxgan.diagnosis.verdicts import Evidence
from jaxgan.recipes.config import Common
from jaxgan.recipes.option_groups import flag

Change = Callable[..., Json]
"""A function from a config and what was seen of the run to the options to change; AttributeError
where the config lacks an option."""
OF_DATA = ('samples: distinct', 'samples: real_contrast')
"""Evidence that the data set itself is wrong."""
OF_NETWORK = (' parameters', '_width')
"""Evidence that a player's networks are too small: no rate or penalty makes up for that."""
UPDATE = 0.003
"""A usual size of an update, in units of the parameters."""
RATE, USUAL = 'learning rate', 5e-4
"""Evidence that a rate is too high, and what is usual with Adam."""
BEARS = 1e-3
"""A rate of Adam at which a critic with R1 is steady, see `experiments/defaults.md`."""
TINY = 3e-4
"""Updates below this are small."""


def _times(name: str, factor: float) -> Change:
  return lambda c, _: {name: _scaled(c, name, factor)}


def _scaled(config: Common, name: str, factor: float) -> float:
  return float(f'{getattr(config, name) * factor:.2g}')


def _to(**options: object) -> Change:
  return lambda c, _: options


def _sized(size: float, least: float, most: float) -> float:
  """Return the power of ten that makes updates of a size usual, within limits."""
  return min(max(10.0 ** round(math.log10(UPDATE / size)), least), most)


def _updates(evidence: Sequence[Evidence]) -> dict[str, float]:
  """Return the sizes of updates that were seen, by player."""
  seen = {one.name.removesuffix('/update'): one.value for one in evidence if 'update' in one.name}
  return {player: size for player, size in seen.items() if 0 < size < math.inf}


def is_penalized(config: Common) -> bool:
  """Return whether a penalty is meant to limit the critic's slope, at every step."""
  return hasattr(config, 'penalty_weight')


def is_lazy(config: Common) -> bool:
  """Return whether there is a penalty in some steps alone: players move less in the others."""
  return getattr(config, 'r1_every', 1) > 1


def _slower(config: Common, evidence: Sequence[Evidence]) -> Json:
  """Return lower rates: of both players, since what one does shakes the other.

  The size of the updates says how much lower. A rate that is far above the usual one does not fall
  below it.
  """
  sizes, rates = _updates(evidence).values(), [x.value for x in evidence if x.name == RATE]
  factor = _sized(max(sizes), 0.01, 0.2) if sizes else 0.2
  factor = min([factor, *(USUAL / rate for rate in rates)])
  far = causes.far(config, causes.RATES)
  lower = {name: _scaled(config, name, factor) for name in ('generator_lr', 'critic_lr')}
  known = far if rates else {name: max(rate, lower[name]) for name, rate in far.items()}
  return {**lower, **known}


def _faster(config: Common, evidence: Sequence[Evidence]) -> Json:
  """Return a higher rate of the generator, and of the critic if its updates are small, too.

  The rates are those that the size of the updates asks for, and at least the usual ones.
  """
  sizes, plain = _updates(evidence), causes.usual(config)
  factor = _sized(sizes['generator'], 1, 100) if 'generator' in sizes else 10
  names = ['generator_lr'] + ['critic_lr'] * (sizes.get('critic', UPDATE) < TINY)
  return {name: max(_scaled(config, name, factor), getattr(plain, name, 0.0)) for name in names}


def _balanced(config: Common, _: Sequence[Evidence]) -> Json:
  """Return the critic's rate that stands to the generator's as is usual, if it is lower now."""
  share = causes.balance(config)
  return {'critic_lr': _scaled(config, 'critic_lr', 1 / share)} if share < 1 else {}


def _tamed(config: Common, _: Sequence[Evidence]) -> Json:
  """Return the critic's rate that stands to the generator's as is usual, if it is higher now."""
  share = causes.balance(config)
  return {'critic_lr': _scaled(config, 'critic_lr', 1 / share)} if share > 1 else {}


def _flatter(**others: object) -> Change:
  """Return a change to R1 as is usual, or at 1 where it is not, for a critic that has less."""
  strength = lambda c: max(1.0, getattr(causes.usual(c), 'r1', 0.0))
  return lambda c, _: {'r1': strength(c), **others} if c.r1 < 1 else {}


def _steady(**others: object) -> Change:
  """Return a change to R1 and to rates as high as it bears, which keep their balance."""

  def change(config: Any, _: Sequence[Evidence]) -> Json:
    rates = {name: getattr(config, name) for name in ('generator_lr', 'critic_lr')}
    factor, adam = BEARS / max(rates.values()), getattr(config, 'optimizer', 'adam') == 'adam'
    if factor <= 1 or is_penalized(config) or not adam:
      return {}
    higher = {name: _scaled(config, name, factor) for name in rates}
    return _flatter(**others, **higher)(config, _)

  return change


_STEADY: tuple[Change, ...] = (_steady(), _steady(critic_norm=False))
_SLOPES: tuple[Change, ...] = (_flatter(), _flatter(critic_norm=False))
_FEW: tuple[Change, ...] = (
  *_SLOPES,
  _to(augment='ada'),
  _to(augment='diffaugment'),
  _to(lecam=0.3),
)


REMEDIES: dict[str, Sequence[Change]] = {
  verdicts.LEARNING: (lambda c, _: {'steps': 2 * c.length, 'images': None},),
  verdicts.SLOW: (_faster,),
  verdicts.PARTIAL: (
    *_STEADY,
    *_SLOPES,
    _to(pack=2),
    _times('generator_lr', 0.25),
    _to(minibatch=16),
  ),
  verdicts.FULL: (_times('generator_lr', 0.1), *_SLOPES, _to(pack=2), _to(minibatch=16)),
  verdicts.STRONG: (
    _tamed,
    *_STEADY,
    *_SLOPES,
    _times('critic_lr', 0.1),
    _to(instance_noise=0.1),
  ),
  verdicts.WEAK: (
    _balanced,
    _times('critic_lr', 10.0),
    lambda c, _: {'n_critic': 5 * c.n_critic},
  ),
  verdicts.OSCILLATION: (_slower, *_SLOPES, _to(beta1=0.0)),
  verdicts.DIVERGENCE: (_slower, *_SLOPES),
  verdicts.OVERFIT: _FEW,
  verdicts.MEMORIZED: _FEW,
  verdicts.PENALTY: (_to(penalty_weight=10.0), *_SLOPES),
  verdicts.DEAD: (_slower, _times('generator_lr', 0.1)),
  verdicts.CHECKERBOARD: (_balanced, _times('critic_lr', 0.5), *_SLOPES),
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

  The first are the variant's usual values of options that are far from them and explain the
  verdict. A remedy that would change nothing, or that the variant refuses, is not among them. No
  option helps where the data set itself is wrong; and where a network is too small, none but its
  width.

  Args:
    name: the verdict.
    config: the options of the run; None: no remedies.
    evidence: the numbers that show it, by which some remedies are sized.
  """
  if config is None or any(one.name in OF_DATA for one in evidence):
    return ()
  back, rest = causes.restored(name, config), REMEDIES.get(name, ())
  if any(one.name.endswith(OF_NETWORK) for one in evidence):
    back, rest = [one for one in back if any('width' in key for key in one)], ()
  every = (*(_to(**changed) for changed in back), *rest)
  found = [_accepted(config, change, evidence) for change in every]
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
