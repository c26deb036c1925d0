"""Reading of command lines: a dataclass of options, its help, and one sentence for a mistake."""

import ast
import contextlib
import dataclasses
import difflib
import functools
import inspect
import io
import itertools
import pathlib
import re
import textwrap
import types
import typing
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated, Any, NoReturn, cast

import tyro

TRUTH = {'true': True, 'false': False}
WORDS = 5
"""A title with at most so many words is used as the name of its group of options."""


def read(
  choice: Any,
  argv: Sequence[str],
  program: str,
  *,
  description: str = '',
  note: str = '',
) -> Any:
  """Return the options that a command line gives.

  Args:
    choice: a dataclass of options, or a union of dataclasses, which are subcommands.
    argv: the words of the command line.
    program: the beginning of the usage line, such as 'jaxgan sample'.
    description: the first paragraph of the help; the docstring of `choice` if not given.
    note: the next paragraph of the help.

  Raises:
    ValueError: if the command line has a mistake; the message is one sentence.
    SystemExit: with code 0, after the help was printed.
  """
  found = list(_options(choice))
  words = as_flags(argv, {name for name, kind in found if kind is bool})
  words = as_choices(words, {name for name, kind in found if kind == bool | None})
  refuse_unknown(words, {name for name, _ in found})
  first = description or ('' if typing.get_args(choice) else inspect.getdoc(choice) or '')
  about = f'{first}\n\n{note}'.strip() or None
  said = io.StringIO()
  try:
    with contextlib.redirect_stderr(said):
      parsed = tyro.cli(
        choice, args=words, prog=program, description=about, config=(tyro.conf.OmitArgPrefixes,)
      )
  except SystemExit as stop:
    if not stop.code:
      raise
    _refuse(said.getvalue(), program)
  return at_home(parsed)


def _options(choice: object) -> Iterator[tuple[str, object]]:
  """Yield name and type of every option of a dataclass or union, and of dataclasses inside it."""
  if typing.get_origin(choice) is Annotated:
    yield from _options(typing.get_args(choice)[0])
  elif typing.get_origin(choice) in (typing.Union, types.UnionType):
    for one in typing.get_args(choice):
      yield from _options(one)
  elif dataclasses.is_dataclass(choice):
    hints = typing.get_type_hints(choice)
    for field in dataclasses.fields(choice):
      inside = dataclasses.is_dataclass(hints[field.name])
      yield from _options(hints[field.name]) if inside else [(field.name, hints[field.name])]


def named(word: str) -> str:
  """Return the field name of the option in a word of the command line; '' if it has no option."""
  return word[2:].partition('=')[0].replace('-', '_') if word.startswith('--') else ''


def given(argv: Sequence[str]) -> set[str]:
  """Return the names of all options on a command line; --no-deep adds `no_deep` and `deep`."""
  names = {named(word) for word in argv} - {''}
  return names | {name.removeprefix('no_') for name in names}


def last(argv: Sequence[str], name: str) -> str | None:
  """Return the last value of an option, given as `--name VALUE` or `--name=VALUE`."""
  return take(argv, name)[1]


def take(argv: Sequence[str], name: str) -> tuple[list[str], str | None]:
  """Return the command line without an option, and the last value of the option.

  Raises:
    ValueError: if the option has no value.

  Example:
    >>> take(['--seed=1', '--num=4'], 'num')
    (['--seed=1'], '4')
  """
  rest, value, words = [], None, iter(argv)
  for word in words:
    if named(word) != name:
      rest.append(word)
      continue
    value = word.partition('=')[2] if '=' in word else next(words, '')
    if not value or named(value):
      raise ValueError(f'--{dashed(name)} needs a value: --{dashed(name)}=VALUE')
  return rest, value


def dashed(name: str) -> str:
  """Return the name of a field with dashes, as on the command line."""
  return name.replace('_', '-')


def as_flags(argv: Sequence[str], flags: Collection[str]) -> list[str]:
  """Replace --deep=True, --deep true and the like by --deep or --no-deep.

  Args:
    argv: the words of the command line.
    flags: the names of the options that are true or false.

  Raises:
    ValueError: if such an option has another value.
  """
  words, i = [], 0
  while i < len(argv):
    word, name, i = argv[i], named(argv[i]), i + 1
    if name in flags and '=' in word:
      words.append(_flag(name, word.partition('=')[2]))
    elif name in flags and i < len(argv) and argv[i].lower() in TRUTH:
      words.append(_flag(name, argv[i]))
      i += 1
    else:
      words.append(word)
  return words


def as_choices(argv: Sequence[str], names: Collection[str]) -> list[str]:
  """Replace --deep by --deep=True and --no-deep by --deep=False, for options that may be None.

  Example:
    >>> as_choices(['--no-deep', '--deep', 'none', '--deep=true'], {'deep'})
    ['--deep=False', '--deep=None', '--deep=True']
  """
  words, i, choices = [], 0, (*TRUTH, 'none')
  while i < len(argv):
    word, i = argv[i], i + 1
    name, _, value = word.removeprefix('--').replace('-', '_').partition('=')
    if word.startswith('--') and name.removeprefix('no_') in names and '=' not in word:
      value = str(name in names)
      if name in names and i < len(argv) and argv[i].lower() in choices:
        value, i = argv[i], i + 1
      word = f'--{dashed(name.removeprefix("no_"))}={value.capitalize()}'
    elif name in names and value.lower() in choices:
      word = f'--{dashed(name)}={value.capitalize()}'
    words.append(word)
  return words


def _flag(name: str, value: str) -> str:
  """Return --deep for `deep` and 'true', --no-deep for 'false'."""
  if value.lower() not in TRUTH:
    text = dashed(name)
    raise ValueError(
      f'--{text} is --{text} or --no-{text} (or =True, =False), not --{text}={value}'
    )
  return f'--{"" if TRUTH[value.lower()] else "no-"}{dashed(name)}'


def unknown(argv: Sequence[str], known: Collection[str]) -> list[str]:
  """Return the names of the options on a command line that are unknown."""
  every = {'', 'help', *known}
  names = [named(word) for word in argv]
  return [name for name in names if name not in every and name.removeprefix('no_') not in every]


def refuse_unknown(argv: Sequence[str], known: Collection[str]) -> None:
  """Raise ValueError for an unknown option; the message names known options that are similar."""
  for name in unknown(argv, known):
    raise ValueError(f'there is no option --{dashed(name)}{meant(name, known, "--")}')


def meant(name: str, known: Collection[str], prefix: str = '') -> str:
  """Return ': perhaps you meant ...' if a known name is similar, else ''."""
  near = difflib.get_close_matches(name, sorted(known), n=2)
  return f': perhaps you meant {" or ".join(prefix + dashed(one) for one in near)}' if near else ''


def _refuse(said: str, program: str) -> NoReturn:
  """Raise ValueError with one sentence in place of the box in which tyro prints an error."""
  lines = [re.sub(r'^[│|]?\s*|\s*[│|]?$', '', line) for line in said.splitlines()]
  inside = [line for line in lines if line and line[0] not in '╭╰']
  is_rule = lambda line: not set(line) - set('─-')
  parts = [list(part) for rule, part in itertools.groupby(inside, is_rule) if not rule]
  body = parts[0 if '╭' in said or len(parts) < 2 else 1]  # without a box, the title comes first
  text = ' '.join(body)
  named = [re.match(r'--[a-z][\w-]*(?=\s|$)', line) for line in body]
  missing = dict.fromkeys(found[0] for found in named if found)  # no examples of the help text
  if text.startswith('Missing from'):
    text = f'{" and ".join(missing)} must be given'
  elif text.startswith('Unrecognized options'):
    text = f'not understood: {text.partition(": ")[2]}'
  for pattern, plain in _PLAINER.items():
    text = re.sub(pattern, plain, text)
  raise ValueError(f'{text.rstrip(".")}; see {program} --help')


_PLAINER = {
  r'^Error parsing (--[\w-]+): invalid literal for int.*?: (.*)': r'\1=\2 is not a whole number',
  r'^Error parsing (--[\w-]+): could not convert string to float: (.*)': r'\1=\2 is not a number',
  r'^Error parsing \w+: (?=--)': '',  # the rest is a sentence from a __post_init__ of jaxgan
  r"invalid choice (.*?) for argument '(--[\w-]+)'\. Expected": r'\2=\1 is not',
}
"""Patterns of the error messages of tyro, and plainer words for them."""


def at_home(options: Any) -> Any:
  """Return options, or a tuple of them, with ~ in their paths replaced by the home folder.

  Raises:
    ValueError: if a path begins with ~name and there is no user of that name.
  """
  if isinstance(options, pathlib.Path):
    try:
      return options.expanduser()
    except RuntimeError as error:
      raise ValueError(f'{options}: {error}') from None
  if isinstance(options, tuple) and not hasattr(options, '_fields'):
    return tuple(at_home(one) for one in options)
  if dataclasses.is_dataclass(options) and not isinstance(options, type):
    values = {f.name: getattr(options, f.name) for f in dataclasses.fields(options) if f.init}
    changed = {name: at_home(value) for name, value in values.items()}
    return dataclasses.replace(options, **{n: v for n, v in changed.items() if v != values[n]})
  return options


def grouped(kind: type, values: Mapping[str, object], own: str) -> dict[str, tuple[type, str]]:
  """Split the options of a dataclass into groups, each a smaller dataclass.

  An option belongs to the most general class that has it. The first line of the docstring of that
  class is the title of the group. Classes with the same title form one group.

  Args:
    kind: the dataclass.
    values: the default of every option.
    own: the name of the group of options that `kind` itself adds.

  Returns:
    for each name of a group, its dataclass and its title.
  """
  hints, help_texts = typing.get_type_hints(kind, include_extras=True), documented(kind)
  members: dict[str, list[tuple[str, object, object]]] = {}
  titles: dict[str, str] = {}
  for field in dataclasses.fields(kind):
    owner = _owner(kind, field.name)
    name = own if owner is kind else _group(owner)
    shown = helped(hints[field.name], help_texts.get(field.name, ''))
    default = dataclasses.field(default_factory=functools.partial(values.get, field.name))
    members.setdefault(name, []).append((field.name, shown, default))
    titles.setdefault(name, _title(owner))
  return {
    name: (dataclasses.make_dataclass(name, fields), titles[name])
    for name, fields in members.items()
  }


def helped(
  kind: object, text: str, *, name: str | None = None, metavar: str | None = None
) -> object:
  """Return a type together with the help text of an option of that type."""
  return cast(Any, Annotated)[kind, tyro.conf.arg(help=text, name=name, metavar=metavar)]


def _owner(kind: type, name: str) -> type:
  """Return the most general class of `kind` that has a field of that name."""
  return next(c for c in reversed(kind.__mro__) if name in inspect.get_annotations(c))


def _group(owner: type) -> str:
  """Return the name of a class's group of options: its title if that is short, else its name."""
  words = re.findall(r'\w+', _title(owner).lower())
  if words and len(words) <= WORDS:
    return '_'.join(words)
  plain = owner.__name__ not in ('Config', 'Options')
  text = owner.__name__ if plain else owner.__module__.rpartition('.')[2]
  return re.sub(r'(?<=[a-z])(?=[A-Z])', '_', text).lower()


def _title(owner: type) -> str:
  """Return the first line of a docstring; '' for the one that dataclass writes itself."""
  text = owner.__dict__.get('__doc__') or ''
  return '' if text.startswith(f'{owner.__name__}(') else text.strip().partition('\n')[0]


def documented(kind: type) -> dict[str, str]:
  """Return the text below each field of a dataclass and of the classes that it extends."""
  texts: dict[str, str] = {}
  for owner in reversed(kind.__mro__):
    if '__annotations__' in owner.__dict__:
      texts |= _texts(owner)
  return texts


def _texts(owner: type) -> dict[str, str]:
  """Return the text below each field in the source of one class."""
  try:
    tree = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]
  except (OSError, TypeError, SyntaxError):  # no source, for a class typed into a console
    return {}
  found = {}
  for field, text in itertools.pairwise(getattr(tree, 'body', [])):
    match field, text:
      case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=value)):
        found[name] = inspect.cleandoc(str(value))
  return found
