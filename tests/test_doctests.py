"""Examples in docstrings run, and everything public has one."""

import doctest
import importlib
import inspect
import pathlib

import pytest

import jaxgan

ROOT = pathlib.Path(__file__).parents[1] / 'jaxgan'
FILES = [path for path in sorted(ROOT.rglob('*.py')) if '>>> ' in path.read_text()]


def name_of(path):
  parts = path.relative_to(ROOT.parent).with_suffix('').parts
  return '.'.join(parts).removesuffix('.__init__')


@pytest.fixture(scope='module')
def data_dir(tmp_path_factory):
  return tmp_path_factory.mktemp('data')


@pytest.mark.parametrize('module', [name_of(path) for path in FILES])
def test_examples_run_as_written(module, data_dir, tmp_path, monkeypatch):
  """In a folder of their own, where the runs go that they make."""
  monkeypatch.chdir(tmp_path)
  monkeypatch.setenv('TFDS_DATA_DIR', str(data_dir))
  monkeypatch.setattr('jaxgan.variants.VARIANTS', dict(jaxgan.VARIANTS))
  done = doctest.testmod(importlib.import_module(module))
  assert done.attempted and not done.failed


def test_there_are_examples_where_people_begin():
  begin = {'jaxgan', 'jaxgan.losses', 'jaxgan.nn', 'jaxgan.networks', 'jaxgan.training.run'}
  assert begin <= set(map(name_of, FILES))


@pytest.mark.parametrize('name', [name for name in jaxgan.__all__ if name != '__version__'])
def test_everything_public_has_an_example(name):
  """Of its own, or in the docstring of its module or of `jaxgan`, as the words of a game have."""
  thing = getattr(jaxgan, name)
  own = '' if name == 'VARIANTS' else inspect.getdoc(thing)
  assert own or name == 'VARIANTS'
  around = '' if inspect.ismodule(thing) else inspect.getdoc(inspect.getmodule(thing) or jaxgan)
  examples = [text.partition('Example:')[2] for text in (around, inspect.getdoc(jaxgan))]
  assert '>>> ' in own or any(f'{name}' in example for example in examples)
