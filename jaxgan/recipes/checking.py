"""Options that are given in Python, checked by their types as the command line checks its flags.

tyro reads texts, and so a value that is none, such as a list, would have to be written and read
again, with messages about flags. The types of options are few, and one function reads them all.
"""

import os
import pathlib
import reprlib
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

Checked = dict[str, object]


def check(kind: type, options: Mapping[str, object]) -> Checked:
  """Return the options as the class of a config has them.

  Whole numbers become floats where these are wanted, NumPy's numbers Python's, text a path, lists
  tuples. What tells nothing wrong is never guessed: text is no number, and True is none either.

  Args:
    kind: the dataclass whose annotations say what an option may be.
    options: by name; all of them are fields of the class.

  Raises:
    ValueError: an option of another type, or none of the choices: a sentence for each.

  Example:
    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Options:
    ...   rate: float = 1e-3
    ...   widths: tuple[int, ...] = ()
    >>> check(Options, {'rate': 1, 'widths': [8, 16]})
    {'rate': 1.0, 'widths': (8, 16)}
    >>> check(Options, {'rate': 'fast'})
    Traceback (most recent call last):
    ValueError: rate must be a number, it is 'fast'
  """
  hints, found, wrong = get_type_hints(kind), Checked(), []
  for name, value in options.items():
    try:
      found[name] = _as(hints[name], value)
    except TypeError:
      wrong.append(f'{name} must be {_words(hints[name])}, it is {reprlib.repr(value)}')
  if wrong:
    raise ValueError('; '.join(wrong))
  return found


def _as(hint: object, value: object) -> object:
  """The value as the type has it; TypeError where it is none."""
  origin, parts = get_origin(hint), get_args(hint)
  if origin is Literal:
    return _choice(parts, value)
  if origin in (Union, types.UnionType):
    return _either(parts, value)
  if origin is tuple:
    return _tuple(parts, value)
  if convert := PLAIN.get(hint):
    return convert(value)
  if isinstance(hint, type) and not isinstance(value, hint):
    raise TypeError
  return value  # of a type that is not among those of options: the class itself has to check


def _choice(parts: tuple[object, ...], value: object) -> object:
  plain = value.item() if isinstance(value, np.generic) else value
  for part in parts:
    if type(part) is type(plain) and part == plain:
      return part
  raise TypeError


def _either(parts: tuple[object, ...], value: object) -> object:
  """As the first type that takes the value: None before others, for it is None alone."""
  if value is None and type(None) in parts:
    return None
  for part in parts:
    try:
      return _as(part, value)
    except TypeError:
      continue
  raise TypeError


def _tuple(parts: tuple[object, ...], value: object) -> tuple[object, ...]:
  if not isinstance(value, Iterable) or isinstance(value, str | bytes | Mapping):
    raise TypeError
  given = tuple(value)
  if parts[-1:] == (Ellipsis,):
    return tuple(_as(parts[0], x) for x in given)
  if len(parts) != len(given):
    raise TypeError
  return tuple(_as(part, x) for part, x in zip(parts, given, strict=True))


def _whole(value: object) -> int:
  if isinstance(value, int | np.integer) and not isinstance(value, bool):
    return int(value)
  raise TypeError


def _number(value: object) -> float:
  if isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
    return float(value)
  raise TypeError


def _bool(value: object) -> bool:
  if isinstance(value, bool | np.bool_):
    return bool(value)
  raise TypeError


def _text(value: object) -> str:
  if isinstance(value, str):
    return str(value)
  raise TypeError


def _path(value: object) -> pathlib.Path:
  if isinstance(value, str | os.PathLike) and os.fspath(value):
    return pathlib.Path(value)
  raise TypeError


def _none(value: object) -> None:
  if value is not None:
    raise TypeError


PLAIN: dict[object, Callable[[object], object]] = {
  bool: _bool,
  int: _whole,
  float: _number,
  str: _text,
  pathlib.Path: _path,
  type(None): _none,
}
WORDS: dict[object, tuple[str, str]] = {
  bool: ('True or False', 'booleans'),
  int: ('a whole number', 'whole numbers'),
  float: ('a number', 'numbers'),
  str: ('text', 'texts'),
  pathlib.Path: ('a path', 'paths'),
  type(None): ('None', 'None'),
}
"""What a type is called, one of it and several."""


def _words(hint: object, several: bool = False) -> str:
  """What may be given, for people."""
  origin, parts = get_origin(hint), get_args(hint)
  if origin is Literal or origin in (Union, types.UnionType):
    return _or(_alternatives(hint))
  if origin is tuple and parts[-1:] == (Ellipsis,):
    return f'a tuple of {_words(parts[0], several=True)}'
  if origin is tuple:
    return f'a tuple of {len(parts)}: {", ".join(map(_words, parts))}'
  one = str(getattr(hint, '__name__', hint))
  return WORDS.get(hint, (one, one))[several]


def _alternatives(hint: object) -> list[str]:
  """Each choice of a type, where it is one of choices."""
  if get_origin(hint) is Literal:
    return [repr(part) for part in get_args(hint)]
  if get_origin(hint) in (Union, types.UnionType):
    return [word for part in get_args(hint) for word in _alternatives(part)]
  return [_words(hint)]


def _or(words: list[str]) -> str:
  return words[0] if len(words) == 1 else f'{", ".join(words[:-1])} or {words[-1]}'
