"""Remedies: options that help against a failure, of which only those that the variant accepts."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args, get_origin, get_type_hints

from jaxgan.core.typing import Json
from jaxgan.diagnosis import verdicts
from jaxgan.recipes.config import Common
from jaxgan.recipes.option_groups import flag

Change = Callable[[Any], Json]
"""A function from a config to the options to change; AttributeError where it lacks an option."""


def _times(name: str, factor: float) -> Change:
  return lambda c: {name: float(f'{getattr(c, name) * factor:.2g}')}


def _to(**options: Any) -> Change:
  return lambda c: options


_SLOPES: tuple[Change, ...] = (_to(r1=1.0), _to(r1=1.0, critic_norm=False))
_SLOWER: Change = lambda c: {
  **_times('generator_lr', 0.2)(c),
  **_times('critic_lr', 0.2)(c),
}
_FEW: tuple[Change, ...] = (
  _to(augment='ada'),
  _to(augment='diffaugment'),
  *_SLOPES,
  _to(lecam=0.3),
)
REMEDIES: dict[str, Sequence[Change]] = {
  verdicts.LEARNING: (lambda c: {'steps': 2 * c.length, 'images': None},),
  verdicts.PARTIAL: (*_SLOPES, _to(pack=2), _times('generator_lr', 0.25), _to(minibatch=16)),
  verdicts.FULL: (_times('generator_lr', 0.1), *_SLOPES, _to(pack=2), _to(minibatch=16)),
  verdicts.STRONG: (_times('critic_lr', 0.1), *_SLOPES, _to(instance_noise=0.1)),
  verdicts.WEAK: (_times('critic_lr', 10.0), lambda c: {'n_critic': 5 * c.n_critic}),
  verdicts.OSCILLATION: (_SLOWER, *_SLOPES, _to(beta1=0.0)),
  verdicts.DIVERGENCE: (_SLOWER, *_SLOPES),
  verdicts.OVERFIT: _FEW,
  verdicts.MEMORIZED: _FEW,
  verdicts.PENALTY: (_to(penalty_weight=10.0), *_SLOPES),
  verdicts.DEAD: (_SLOWER, _times('generator_lr', 0.1)),
  verdicts.CHECKERBOARD: (_times('critic_lr', 0.5), *_SLOPES),
}
"""For each failure the changes that help, the one that helps most often first."""


def flags(name: str, config: Common | None) -> tuple[str, ...]:
  """Return the remedies of a verdict as flags, each accepted by the run's own variant.

  A remedy that would change nothing, or that the variant refuses, is not named.
  """
  found = [] if config is None else [_flags(config, change) for change in REMEDIES.get(name, ())]
  return tuple(dict.fromkeys(text for text in found if text))


def _flags(config: Common, change: Change) -> str:
  try:
    options = {k: v for k, v in change(config).items() if getattr(config, k) != v}
    dataclasses.replace(config, **options)
    kinds = get_type_hints(type(config))
  except (AttributeError, TypeError, ValueError):
    return ''
  choices = {k: get_args(kinds[k]) for k in options if get_origin(kinds[k]) is Literal}
  if any(options[name] not in values for name, values in choices.items()):
    return ''
  return ' '.join(f'{flag(k)}={v}' for k, v in options.items() if v is not None)
