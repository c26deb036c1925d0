"""What a page wishes to see, read from JSON that anybody may have sent."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from jaxgan.core.seeds import check_seed
from jaxgan.recipes import codes as codes_of
from jaxgan.recipes.codes import Code

LONGEST = 64
"""Steps of a path at most."""
FARTHEST = 20.0
"""The largest move along a direction, in its units."""


@dataclass(frozen=True)
class Wish:
  """A picture: where it starts, and what is changed about it.

  `path` are steps (seed, t) from there: t is the share of the way to the picture of a seed. `moves`
  are distances along the directions. `mix` is a seed and a part of the layers, 0 for the coarse
  ones, 1 for the middle and 2 for the fine: they take the styles of that seed.
  """

  seed: int = 0
  found: str = ''
  label: int = 0
  psi: float = 1.0
  path: tuple[tuple[int, float], ...] = ()
  moves: tuple[float, ...] = ()
  mix: tuple[int, int] | None = None
  codes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Limits:
  """What a run can do: its number of classes (0: it draws without), styles, directions, codes."""

  classes: int = 0
  styles: bool = False
  directions: int = 0
  codes: Mapping[str, Code] = field(default_factory=dict)


def read(sent: bytes, limits: Limits) -> Wish:
  """Return the wish in a JSON object.

  Raises:
    ValueError: it is no such object, has a field that this run lacks, or a value out of range.
  """
  try:
    given = json.loads(sent)
  except (ValueError, RecursionError):
    raise ValueError('a wish must be a JSON object') from None
  if not isinstance(given, dict):
    raise ValueError('a wish must be a JSON object')
  known = {one.name for one in fields(Wish)}
  if unknown := [name for name in given if name not in known]:
    raise ValueError(f'a wish has no {unknown[0][:40]!r}, only {", ".join(sorted(known))}')
  mix = given.get('mix')
  return Wish(
    _seed(given.get('seed', 0)),
    _text('found', given.get('found', '')),
    _label(given.get('label', 0), limits),
    _psi(given.get('psi', 1.0), limits),
    _path(given.get('path', [])),
    _moves(given.get('moves', []), limits),
    None if mix is None else _mix(mix, limits),
    _codes(given.get('codes', {}), limits),
  )


def whole(name: str, value: object) -> int:
  """Return a whole number.

  Raises:
    ValueError: it is none.
  """
  if isinstance(value, bool) or not isinstance(value, int):
    raise ValueError(f'{name} must be a whole number, it is {_short(value)}')
  return value


def number_of(name: str, text: str) -> int:
  """Return the whole number from 0 on that an address has as text.

  Raises:
    ValueError: it is none.
  """
  if not (text.isascii() and text.isdecimal() and len(text) < 11):
    raise ValueError(f'{name} must be a whole number from 0 on, it is {_short(text)}')
  return int(text)


def _seed(value: object) -> int:
  return check_seed(whole('seed', value))


def _number(name: str, value: object, low: float, high: float) -> float:
  if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
    raise ValueError(f'{name} must be a number from {low:g} to {high:g}, it is {_short(value)}')
  assert math.isfinite(value)
  return float(value)


def _text(name: str, value: object) -> str:
  if not isinstance(value, str):
    raise ValueError(f'{name} must be a text, it is {_short(value)}')
  return value


def _list(name: str, value: object, most: int) -> list[object]:
  if not isinstance(value, list) or len(value) > most:
    raise ValueError(f'{name} must be a list of at most {most}, it is {_short(value)}')
  return value


def _label(value: object, limits: Limits) -> int:
  label = whole('label', value)
  if not 0 <= label < max(limits.classes, 1):
    there = f'0 to {limits.classes - 1}' if limits.classes else 'none, as this run has no classes'
    raise ValueError(f'label must be {there}, it is {label}')
  return label


def _psi(value: object, limits: Limits) -> float:
  psi = _number('psi', value, 0, 2)
  if psi != 1 and not limits.styles:
    raise ValueError('psi is for runs with styles: leave it out')
  return psi


def _path(value: object) -> tuple[tuple[int, float], ...]:
  steps = [_list('a step of path', step, 2) for step in _list('path', value, LONGEST)]
  if any(len(step) != 2 for step in steps):
    raise ValueError('a step of path must be a seed and a share of the way')
  return tuple((_seed(seed), _number('a share of the way', t, 0, 1)) for seed, t in steps)


def _moves(value: object, limits: Limits) -> tuple[float, ...]:
  moves = _list('moves', value, limits.directions)
  return tuple(_number('a move', move, -FARTHEST, FARTHEST) for move in moves)


def _mix(value: object, limits: Limits) -> tuple[int, int]:
  if not limits.styles:
    raise ValueError('mix is for runs with styles: leave it out')
  pair = _list('mix', value, 2)
  layers = whole('a part of the layers', pair[1]) if len(pair) == 2 else -1
  if layers not in (0, 1, 2):
    raise ValueError('mix must be a seed and a part of the layers: 0, 1 or 2')
  return _seed(pair[0]), layers


def _codes(value: object, limits: Limits) -> dict[str, str]:
  if not isinstance(value, dict):
    raise ValueError(f'codes must be texts by name, they are {_short(value)}')
  given = {name: _text(f'code {name[:40]}', text)[:100] for name, text in value.items()}
  codes_of.read(limits.codes, given)
  return given


def _short(value: object) -> str:
  text = repr(value)
  return text if len(text) <= 60 else f'{text[:60]}...'
