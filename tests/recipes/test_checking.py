"""Options in Python are checked as those of the command line are."""

import dataclasses
import inspect
import pathlib
from typing import Literal

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import variants
from jaxgan.recipes.checking import check
from jaxgan.recipes.config import Config
from jaxgan.recipes.config_json import to_json


@dataclasses.dataclass
class Options:
  count: int = 1
  rate: float = 0.5
  deep: bool = False
  name: str = ''
  folder: pathlib.Path | None = None
  size: int | None = None
  channels: Literal[1, 3] | None = None
  kind: Literal['adam', 'sgd'] = 'adam'
  widths: tuple[int, ...] = ()
  span: tuple[int, float] = (0, 1.0)
  kinds: tuple[Literal['a', 'b'], ...] = ()


TAKEN = [
  ('count', np.int32(3), 3),
  ('rate', 1, 1.0),
  ('rate', np.float32(0.5), 0.5),
  ('deep', np.True_, True),
  ('folder', '/data/cats', pathlib.Path('/data/cats')),
  ('folder', None, None),
  ('size', None, None),
  ('size', np.int64(32), 32),
  ('channels', np.int64(3), 3),
  ('channels', None, None),
  ('kind', 'sgd', 'sgd'),
  ('widths', [8, np.int64(16)], (8, 16)),
  ('widths', np.array([8, 16]), (8, 16)),
  ('widths', range(2), (0, 1)),
  ('span', [1, 2], (1, 2.0)),
  ('kinds', ['a', 'b'], ('a', 'b')),
]


@pytest.mark.parametrize(('name', 'value', 'wanted'), TAKEN)
def test_values_become_those_of_the_field(name, value, wanted):
  found = check(Options, {name: value})[name]
  assert found == wanted and type(found) is type(wanted)
  if isinstance(found, tuple):
    assert list(map(type, found)) == list(map(type, wanted))


REFUSED = [
  ('count', True, 'count must be a whole number, it is True'),
  ('count', 1.0, 'count must be a whole number, it is 1.0'),
  ('count', '3', "count must be a whole number, it is '3'"),
  ('count', None, 'count must be a whole number, it is None'),
  ('rate', 'fast', "rate must be a number, it is 'fast'"),
  ('rate', True, 'rate must be a number, it is True'),
  ('rate', 1j, 'rate must be a number'),
  ('deep', 1, 'deep must be True or False, it is 1'),
  ('deep', 'False', "deep must be True or False, it is 'False'"),
  ('name', 3, 'name must be text, it is 3'),
  ('folder', 3, 'folder must be a path or None, it is 3'),
  ('folder', '', "folder must be a path or None, it is ''"),
  ('size', 1.5, 'size must be a whole number or None, it is 1.5'),
  ('channels', 2, 'channels must be 1, 3 or None, it is 2'),
  ('channels', True, 'channels must be 1, 3 or None, it is True'),
  ('kind', 'adamw', "kind must be 'adam' or 'sgd', it is 'adamw'"),
  ('widths', 8, 'widths must be a tuple of whole numbers, it is 8'),
  ('widths', '88', "widths must be a tuple of whole numbers, it is '88'"),
  ('widths', [8, 0.5], r'widths must be a tuple of whole numbers, it is \[8, 0.5\]'),
  ('span', [1], r'span must be a tuple of 2: a whole number, a number, it is \[1\]'),
  ('kinds', ['c'], r"kinds must be a tuple of 'a' or 'b', it is \['c'\]"),
]


@pytest.mark.parametrize(('name', 'value', 'said'), REFUSED)
def test_values_of_other_types_are_named(name, value, said):
  with pytest.raises(ValueError, match=said):
    check(Options, {name: value})


def test_all_that_is_wrong_is_said_at_once():
  with pytest.raises(ValueError, match="count must be .*, it is 'x'; deep must be .*, it is 2$"):
    check(Options, {'count': 'x', 'rate': 1, 'deep': 2})


@pytest.mark.parametrize('variant', variants.VARIANTS)
def test_every_default_of_every_variant_passes_as_it_is(variant):
  for preset in ('laptop', 'paper'):
    config = variants.configure(variant, preset)
    values = {f.name: getattr(config, f.name) for f in dataclasses.fields(config)}
    assert check(type(config), values) == values


@pytest.mark.parametrize(
  ('options', 'said'),
  [
    (dict(optimizer='adamw'), "optimizer must be 'adam', .*, it is 'adamw'"),
    (dict(generator_lr='fast'), "generator_lr must be a number, it is 'fast'"),
    (dict(steps=True), 'steps must be a whole number, it is True'),
    (dict(steps=1e3), 'steps must be a whole number, it is 1000.0'),
    (dict(batch_size=jnp.ones(2)), 'batch_size must be a whole number, it is Array'),
    (dict(steps=-1), 'steps must be 0 or above, it is -1'),
  ],
)
def test_configure_refuses_what_the_command_line_refuses(options, said):
  with pytest.raises(ValueError, match=said):
    variants.configure('lsgan', **options)


def test_a_config_of_python_is_written_as_one_of_the_command_line():
  python = variants.configure('gan', generator_lr=1, widths=[8], steps=np.int64(7), folder='a')
  shell = variants.configure(
    'gan', generator_lr=1.0, widths=(8,), steps=7, folder=pathlib.Path('a')
  )
  assert to_json(python) == to_json(shell) and python == shell


def test_editors_and_help_know_the_options_that_all_variants_share():
  known = inspect.signature(variants.configure).parameters
  assert list(known)[:2] == ['variant', 'preset']
  shared = {f.name for f in dataclasses.fields(Config)}
  assert shared <= set(known) and known['steps'].default == Config.steps
  assert known['options'].kind is inspect.Parameter.VAR_KEYWORD
