"""Numbers, options and commands as a report writes them."""

import math
import shlex

from jaxgan.core.typing import Json
from jaxgan.recipes.option_groups import flag


def number(value: float | None) -> str:
  """Return a number with about four digits, large ones with thin spaces; a dash for none.

  Example:
    >>> number(0.123456), number(60000), number(None)
    ('0.1235', '60\\u202f000', '-')
  """
  if value is None or not math.isfinite(value):
    return '-'
  if abs(value) >= 10_000 or value == int(value):
    return f'{round(value):,}'.replace(',', '\N{NARROW NO-BREAK SPACE}')
  return f'{value:.4g}'


def duration(seconds: float) -> str:
  """Return a time, such as '1 h 5 min'.

  Example:
    >>> duration(3900), duration(62), duration(0.2)
    ('1 h 5 min', '1 min 2 s', '0.2 s')
  """
  if seconds < 10:
    return f'{seconds:.1f} s'
  minutes, rest = divmod(round(seconds), 60)
  hours, minutes = divmod(minutes, 60)
  if hours:
    return f'{hours} h {minutes} min'
  return f'{minutes} min {rest} s' if minutes else f'{rest} s'


def value(given: object) -> str:
  """Return the value of an option as one reads it: sizes with blanks, nothing as a dash."""
  if isinstance(given, list):
    return ' '.join(map(str, given)) or 'none'
  return '-' if given in (None, '') else str(given)


def command(variant: str, changed: Json) -> str:
  """Return the command that trains a run again.

  Args:
    variant: its variant.
    changed: the options that differ from the defaults, in JSON's types.
  """
  words = ['jaxgan', 'train', f'--variant={variant}']
  for name, given in changed.items():
    if isinstance(given, list):
      words += [flag(name), *map(str, given)]
    else:
      words.append(f'{flag(name)}={given}')
  return ' '.join(map(shlex.quote, [*words, '--workdir=runs/again']))
