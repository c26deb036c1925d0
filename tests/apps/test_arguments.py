"""Options are read as they are typed; mistakes are one sentence."""

import io
import pathlib
from dataclasses import dataclass

import pytest
from hypothesis import given, strategies

from jaxgan.apps import arguments


@dataclass(frozen=True)
class Base:
  """The run and everything about its length.

  More text.
  """

  steps: int = 3
  """How long."""
  rate: float = 0.5
  """How fast."""


@dataclass(frozen=True)
class Sizes(Base):
  """How it looks."""

  size: int = 2
  """How large."""


@dataclass(frozen=True)
class Looks(Sizes):
  """How it looks.

  In another class of the same title.
  """

  deep: bool = False
  """Whether."""
  widths: tuple[int, ...] = (1, 2)
  """How wide."""


@dataclass(frozen=True)
class Mine(Looks):
  steps: int = 9
  own: pathlib.Path | None = None
  """Mine alone."""


def test_options_belong_to_the_first_class_that_has_them():
  values = {'steps': 9, 'rate': 0.5, 'size': 2, 'deep': True, 'widths': (4,), 'own': None}
  groups = arguments.grouped(Mine, values, 'mine')
  assert {name: title for name, (_, title) in groups.items()} == {
    'base': 'The run and everything about its length.',
    'how_it_looks': 'How it looks.',
    'mine': '',
  }
  made = {k: v for group, _ in groups.values() for k, v in vars(group()).items()}
  assert made == values and list(made) == list(values)


def test_texts_are_those_of_the_nearest_class():
  texts = arguments.documented(Mine)
  assert texts['steps'] == 'How long.' and texts['own'] == 'Mine alone.'


@pytest.mark.parametrize(
  ('argv', 'words'),
  [
    (['--steps=many'], "--steps='many' is not a whole number"),
    (['--rate=fast'], "--rate='fast' is not a number"),
    (['--stesp=1'], 'no option --stesp: perhaps you meant --steps'),
    (['--deep=perhaps'], 'not --deep=perhaps'),
    (['--steps'], '--steps'),
    (['word'], 'word'),
    (['--own=~nobodyatall/x'], '~nobodyatall'),
  ],
)
@pytest.mark.parametrize('encoding', ['utf-8', 'ascii'])
def test_a_mistake_is_one_sentence(argv, words, encoding, monkeypatch):
  """Whatever the terminal can show, by which tyro draws its boxes."""
  monkeypatch.setattr('sys.stdout', io.TextIOWrapper(io.BytesIO(), encoding))
  with pytest.raises(ValueError) as caught:
    arguments.read(Mine, argv, 'jaxgan mine')
  assert words in str(caught.value) and '\n' not in str(caught.value)
  assert not set('│╭╰─') & set(str(caught.value))


WORD = strategies.sampled_from(
  ['--deep', '--no-deep', '--deep=true', '--deep=False', '--steps=3', '--widths', '1', 'TRUE', 'x']
)


@given(strategies.lists(WORD))
def test_flags_have_no_values_afterwards_and_other_words_stay(argv):
  words = arguments.as_flags(argv, {'deep'})
  assert not any(word.startswith('--deep=') for word in words)
  kept = lambda all: [w for w in all if 'deep' not in w and w.lower() not in arguments.TRUTH]
  assert kept(words) == kept(argv)


@given(
  strategies.integers(0, 9), strategies.booleans(), strategies.lists(strategies.integers(0, 9))
)
def test_what_is_written_is_read(steps, deep, widths):
  argv = ['--steps', str(steps), f'--deep={deep}', '--widths', *map(str, widths)]
  read = arguments.read(Mine, argv, 'jaxgan mine')
  assert read == Mine(steps=steps, deep=deep, widths=tuple(widths))


def test_an_option_is_taken_with_its_value():
  assert arguments.take(['--a', '--plugin', 'x', '-b', '--plugin=y'], 'plugin') == (
    ['--a', '-b'],
    'y',
  )
  with pytest.raises(ValueError, match='--plugin needs a value'):
    arguments.take(['--plugin', '--a'], 'plugin')
