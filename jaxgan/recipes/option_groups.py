"""Groups of options: their base class, and the checks of values and of what they need.

An option that differs from its default and has no effect is refused, with what would give it one.
"""

import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar, NamedTuple, TypeVar

from jaxgan.core.typing import Json, Spec

Preset = Mapping[str, object]
"""Values of options by name, such as those of the published setting."""


class Needs(NamedTuple):
  """Options that have an effect only beside others.

  `options` do something where `on(config)` is true; `by` are values of other options that make it
  so, and `why` says what is wrong where it is not.
  """

  options: tuple[str, ...]
  on: Callable[[Any], Any]
  by: Preset
  why: str = 'has no effect'


@dataclass(frozen=True)
class Group:
  """No options, but the checks that all groups share."""

  NEEDS: ClassVar[tuple[Needs, ...]] = ()
  """Which options of this class depend on others."""
  IDLE_BEFORE: ClassVar[tuple[str, ...]] = ()
  """Options that the variant accepted in jaxgan 0.1.0 and did not use."""
  BEFORE: ClassVar[Preset] = {}
  """What runs do whose config.json was written before an option was there, if not its default."""

  def __post_init__(self) -> None:
    if problems := [*_out_of_range(self), *_without_effect(self), *self.problems()]:
      raise ValueError('; '.join(problems))

  def problems(self) -> list[str]:
    """Return what does not fit together, a sentence each."""
    return []

  def cautions(self, spec: Spec) -> list[str]:
    """Return what a run on data of that `Spec` can never do, a sentence each."""
    return []

  def bound_to_length(self) -> str:
    """Return why a run cannot go on to another length than it began with; empty if it can."""
    return ''


G = TypeVar('G', bound=Group)


def part(config: Group, kind: type[G]) -> G:
  """Return the config as a group: itself where it has these options, else the group's defaults."""
  return config if isinstance(config, kind) else kind()


_POSITIVE = (
  *('log_every', 'sample_every', 'checkpoint_every', 'keep', 'in_memory_limit'),
  *('batch_size', 'accumulate', 'n_critic', 'latent_size'),
  *('generator_lr', 'critic_lr', 'ema_rampup', 'eval_num', 'pack', 'top_k_images'),
  'zcr_deviation',
)
_SHARES = ('beta1', 'beta2')
_NOT_NEGATIVE = (
  *('steps', 'eval_every', 'ema_images', 'instance_noise', 'r1', 'r2', 'seed', 'lecam'),
  *('lecam_start', 'cr', 'cr_fake', 'zcr', 'zcr_generator', 'history', 'minibatch'),
  *('virtual_batch', 'freeze', 'update_clip'),
)
_POSITIVE_OR_NONE = ('images', 'minutes', 'image_size')


def flag(name: str) -> str:
  """Return an option as it is written on the command line."""
  return '--' + name.replace('_', '-')


def defaults(kind: type[Group], preset: str = 'laptop') -> Json:
  """Return the value of every option where nothing is given but the preset."""
  fields = {f.name: f.default for f in dataclasses.fields(kind)}
  module = sys.modules.get(kind.__module__)  # a variant is a module of Config, PAPER and build
  return {**fields, **(getattr(module, 'PAPER', {}) if preset == 'paper' else {})}


def needs(kind: type) -> list[Needs]:
  """Return which options depend on others, of the class and all its groups."""
  return [one for base in kind.__mro__ for one in vars(base).get('NEEDS', ())]


def inert(kind: type[Group], values: Preset) -> list[tuple[str, Needs]]:
  """Return the options that differ from their defaults and have no effect, with what they need."""
  usual, given = defaults(kind, str(values.get('preset', ''))), dict(values)
  config = SimpleNamespace(**{**usual, **given})
  known = [(name, one) for one in needs(kind) for name in one.options if name in usual]
  return [
    (name, one)
    for name, one in known
    if given.get(name) not in _usual(kind, name, usual) and not one.on(config)
  ]


def _usual(kind: type[Group], name: str, usual: Preset) -> list[object]:
  return [usual[name], defaults(kind)[name]]


def _without_effect(config: Group) -> list[str]:
  kind, found = type(config), []
  for name, one in inert(kind, vars(config)):
    others = {other: getattr(config, other) for other in one.by if hasattr(config, other)}
    found.append(
      f'{flag(name)}={getattr(config, name)} {one.why} with {_flags(others)}: '
      f'give {_flags(one.by)}, or leave {flag(name)} out'
    )
  return found


def _flags(values: Preset) -> str:
  return ' and '.join(f'{flag(name)}={value}' for name, value in values.items())


def absent(variant: str, name: str, others: Mapping[str, type]) -> str:
  """Return the sentence that refuses an option which a variant does not have.

  `others` are the configs of all variants by name; the sentence says which of them have the option.
  Empty where none has, or the variant itself.
  """
  having = [
    other for other, kind in others.items() if name in {f.name for f in dataclasses.fields(kind)}
  ]
  if not having or variant in having:
    return ''
  return f'{variant} has no {flag(name)}: it is an option of {", ".join(having)}'


def above_zero(config: Group, *names: str) -> list[str]:
  """Return a sentence for each of these options that is not above 0."""
  return _outside(config, names, 'must be above 0', lambda value: value > 0)


def zero_or_above(config: Group, *names: str) -> list[str]:
  """Return a sentence for each of these options that is below 0."""
  return _outside(config, names, 'must be 0 or above', lambda value: value >= 0)


def _outside(
  config: Group, names: Sequence[str], rule: str, inside: Callable[[Any], bool]
) -> list[str]:
  values = {name: getattr(config, name) for name in names if hasattr(config, name)}
  wrong = {name: value for name, value in values.items() if not inside(value)}
  return [f'{flag(name)} {rule}, it is {value}' for name, value in wrong.items()]


def _out_of_range(config: Group) -> list[str]:
  given = [name for name in _POSITIVE_OR_NONE if getattr(config, name, None) is not None]
  return [
    *above_zero(config, *_POSITIVE),
    *zero_or_above(config, *_NOT_NEGATIVE),
    *_outside(config, _SHARES, 'must be in [0, 1)', lambda value: 0 <= value < 1),
    *above_zero(config, *given),
  ]


# What may change.

LENGTH = ('steps', 'images')
RHYTHM = ('minutes', 'log_every', 'sample_every', 'checkpoint_every', 'keep', 'steps_per_call')
PLACE = (
  *('folder', 'target_folder', 'side_by_side'),  # what they lead to is compared, in data.json
  *('data_dir', 'in_memory_limit', 'compilation_cache'),
)
MERIT = ('eval_every', 'eval_metric', 'eval_num')
OUTPUT = ('report', 'log', 'warnings')
MAY_CHANGE = (*LENGTH, *RHYTHM, *PLACE, *MERIT, *OUTPUT)
"""What may differ between a run and its continuation: none of it changes what a step computes."""
