"""Options from files."""

import json
import pathlib
from typing import Literal

import pytest
from hypothesis import given, strategies

from jaxgan.apps import config_file
from jaxgan.recipes.config_json import from_json, to_json
from jaxgan.variants import VARIANTS, configure, gan


def read(path):
  return config_file.options(path, config_file.load(path), gan.Config, 'gan')


def test_json_and_toml_say_the_same(tmp_path):
  (tmp_path / 'a.json').write_text('{"steps": 3, "folder": "x", "widths": [1, 2], "r1": 1}')
  (tmp_path / 'a.toml').write_text('steps = 3\nfolder = "x"\nwidths = [1, 2]\nr1 = 1.0\n')
  wanted = {'steps': 3, 'folder': pathlib.Path('x'), 'widths': (1, 2), 'r1': 1.0}
  assert read(tmp_path / 'a.json') == read(tmp_path / 'a.toml') == wanted


@pytest.mark.parametrize(
  ('text', 'words'),
  [
    ('{"stesp": 3}', ["gan has no option 'stesp'", 'perhaps you meant steps']),
    ('{"steps": "3"}', ['steps should be a whole number', "'3'"]),
    ('{"steps": true}', ['steps should be a whole number', 'True']),
    ('{"steps": 3.5}', ['steps should be a whole number', '3.5']),
    ('{"maxout": 1}', ['maxout should be true or false']),
    ('{"schedule": "steep"}', ['schedule should be one of constant', "'steep'"]),
    ('{"widths": 3}', ['widths should be a list, each a whole number']),
    ('{"widths": [3, "x"]}', ['widths should be a whole number', "'x'"]),
    ('{"channels": 2}', ['channels should be one of 1, 3, 4 or null']),
    ('{"folder": {"a": 1}}', ['folder should be a path or null']),
    ('[1]', ['should hold options by name']),
    ('{', ['is not JSON']),
  ],
)
def test_a_mistake_names_file_and_option(text, words, tmp_path):
  path = tmp_path / 'c.json'
  path.write_text(text)
  with pytest.raises(ValueError) as caught:
    read(path)
  said = str(caught.value)
  assert str(path) in said and '\n' not in said
  for word in words:
    assert word in said


def test_a_damaged_toml_is_named(tmp_path):
  (tmp_path / 'c.toml').write_text('steps = ')
  with pytest.raises(ValueError, match='c.toml is not TOML'):
    config_file.load(tmp_path / 'c.toml')


@pytest.mark.parametrize('name', VARIANTS)
def test_the_config_of_a_run_is_read_as_the_run_reads_it(name, tmp_path):
  kind = VARIANTS[name].Config
  written = to_json(configure(name, 'paper')) | {'plugin': '/x.py'}
  (tmp_path / 'config.json').write_text(json.dumps(written))
  values = config_file.options(tmp_path, config_file.load(tmp_path), kind, name)
  assert kind(**values) == from_json(kind, to_json(configure(name, 'paper')))


VALUE = strategies.one_of(
  strategies.booleans(),
  strategies.integers(),
  strategies.floats(allow_nan=False),
  strategies.text(),
)


@given(VALUE)
def test_a_value_keeps_its_type_or_is_refused(value):
  for kind in (bool, int, str):
    if type(value) is kind:
      assert config_file.of_type(kind, value) == value
    else:
      with pytest.raises(ValueError):
        config_file.of_type(kind, value)


def test_one_is_not_true():
  """Python takes 1 for True; a file does not mean it."""
  with pytest.raises(ValueError):
    config_file.of_type(Literal[True, False], 1)
  with pytest.raises(ValueError):
    config_file.of_type(Literal[1, 3], True)


def test_an_option_that_a_run_was_made_before_is_as_it_was_then(tmp_path):
  """Of the file of a run alone: what somebody wrote has today's defaults where it is silent."""
  for versions, wanted in (({'versions': {'jaxgan': '0.1.0'}}, False), ({}, True)):
    values = {'variant': 'wgan_gp', 'steps': 3, **versions}
    (tmp_path / 'config.json').write_text(json.dumps(values))
    found = config_file.load(tmp_path)
    given = config_file.options(tmp_path, found, VARIANTS['wgan_gp'].Config, 'wgan_gp')
    del given['variant']
    assert configure('wgan_gp', **given).generator_norm == wanted
