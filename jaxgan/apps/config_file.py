"""Reading of options from a file: JSON, TOML, or the config.json of a run."""

import contextlib
import json
import pathlib
import tomllib
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from jaxgan.apps.arguments import meant
from jaxgan.core.typing import Json
from jaxgan.recipes.config_json import ABOUT, BEFORE, VERSIONS
from jaxgan.storage.workdir import CONFIG
from jaxgan.training import kept


def load(path: pathlib.Path) -> Json:
  """Return the options in a file, by field name (with underscores).

  Args:
    path: a file of TOML if its name ends in .toml, else of JSON. For a folder, the file config.json
      in it is read.

  Raises:
    ValueError: if the file is missing, cannot be read, or holds no table.
  """
  path = path / CONFIG if path.is_dir() else path
  read = tomllib.loads if path.suffix == '.toml' else json.loads
  try:
    found = read(path.read_text(encoding='utf-8'))
  except OSError as error:
    raise ValueError(f'--config={path} cannot be read: {error.strerror}') from None
  except (ValueError, RecursionError) as error:
    kind = 'TOML' if path.suffix == '.toml' else 'JSON'
    raise ValueError(f'--config={path} is not {kind}: {error}') from None
  if not isinstance(found, dict):
    raise ValueError(f'--config={path} should hold options by name, it is a {type(found).__name__}')
  values = {name.replace('-', '_'): value for name, value in found.items()}
  return kept.of_today(values, path.parent) if path.name == CONFIG else values


def options(
  path: pathlib.Path, found: Mapping[str, object], kind: type, variant: str
) -> dict[str, object]:
  """Check the options of a file, and convert each value to the type of its field.

  The config.json of a run from before an option existed has that option as it was then.

  Args:
    path: the file, for error messages.
    found: the options in the file.
    kind: the variant's dataclass of options.
    variant: the name of the variant, for error messages.

  Raises:
    ValueError: if an option is unknown or its value has another type; the message names the file
      and the option.
  """
  hints = typing.get_type_hints(kind)
  values = dict(getattr(kind, 'BEFORE', {})) if VERSIONS in found else {}  # of an older run
  for name, value in found.items():
    if name in ABOUT or (name not in hints and BEFORE.get(name, ABOUT) == value):
      continue  # no option; or one that jaxgan 0.1.0 gave to every variant, with its default
    if name not in hints:
      near = meant(name, set(hints))
      raise ValueError(f'{path}: {variant} has no option {name!r}{near}')
    try:
      values[name] = of_type(hints[name], value)
    except ValueError as error:
      raise ValueError(f'{path}: {name} {error}') from None
  return values


def of_type(hint: object, value: object) -> object:
  """Convert a value from a JSON or TOML file to the type of a field.

  Raises:
    ValueError: if the value has another type; the message says what was expected.

  Example:
    >>> of_type(tuple[int, ...], [1, 2])
    (1, 2)
  """
  origin, inner = typing.get_origin(hint), typing.get_args(hint)
  if hint is Any:
    return value
  if origin is Annotated:
    return of_type(inner[0], value)
  if origin in (typing.Union, types.UnionType):
    return _of_one(hint, inner, value)
  if origin is tuple:
    return _of_tuple(hint, inner, value)
  if origin is Literal and value in inner and type(value) is type(inner[inner.index(value)]):
    return value
  convert = _PLAIN.get(hint)
  if convert and type(value) in convert[0]:
    return convert[1](value)
  raise ValueError(f'should be {_said(hint)}, it is {value!r}')


_PLAIN: dict[object, tuple[tuple[type, ...], Callable[[Any], object]]] = {
  bool: ((bool,), bool),
  int: ((int,), int),
  float: ((int, float), float),
  str: ((str,), str),
  pathlib.Path: ((str,), pathlib.Path),
  type(None): ((type(None),), lambda value: value),
}


def _of_one(hint: object, inner: Sequence[object], value: object) -> object:
  """Convert a value to the first type of a union that it has."""
  for one in inner:
    with contextlib.suppress(ValueError):
      return of_type(one, value)
  raise ValueError(f'should be {_said(hint)}, it is {value!r}')


def _of_tuple(hint: object, inner: Sequence[object], value: object) -> tuple[object, ...]:
  """Convert a list to a tuple of the given types."""
  if not isinstance(value, list):
    raise ValueError(f'should be {_said(hint)}, it is {value!r}')
  kinds = [inner[0]] * len(value) if inner[1:] == (...,) else list(inner)
  if len(kinds) != len(value):
    raise ValueError(f'should be {_said(hint)}, it is {value!r}')
  return tuple(of_type(kind, one) for kind, one in zip(kinds, value, strict=True))


def _said(hint: object) -> str:
  """Describe a type in plain words."""
  words: dict[object, str] = {
    bool: 'true or false',
    int: 'a whole number',
    float: 'a number',
    str: 'a text',
  }
  words |= {pathlib.Path: 'a path', type(None): 'null'}
  inner = typing.get_args(hint)
  if hint in words:
    return words[hint]
  if typing.get_origin(hint) is Literal:
    return f'one of {", ".join(map(str, inner))}'
  if typing.get_origin(hint) is tuple:
    return f'a list, each {_said(inner[0])}' if inner[1:] == (...,) else f'a list of {len(inner)}'
  return ' or '.join(_said(one) for one in inner) if inner else str(hint)
