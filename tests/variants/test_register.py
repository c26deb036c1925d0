"""Variants of one's own: registered, or loaded from a file."""

import sys
import types

import pytest

from jaxgan import variants
from jaxgan.variants import VARIANTS, gan

TEXT = """
from jaxgan.variants import gan

class Config(gan.Config):
  pass

build = gan.build
"""
CALL = "from jaxgan.variants import register, gan\nregister('called', type('V', (), vars(gan)))\n"


@pytest.fixture(autouse=True)
def restored(monkeypatch):
  for name in ('_PLUGINS', '_FROM_RUNS', 'VARIANTS'):
    monkeypatch.setattr(variants, name, dict(getattr(variants, name)))
  monkeypatch.setattr(sys, 'path', list(sys.path))


def written(folder, name, text=TEXT):
  (folder / name).write_text(text)
  return folder / name


def mine(**changes):
  return types.SimpleNamespace(**{'Config': gan.Config, 'build': gan.build} | changes)


def test_an_object_is_a_variant_and_paper_may_be_missing():
  assert variants.register('mine', mine()) is None
  assert variants.configure('mine', 'paper').variant == 'mine'
  assert variants.file_of('mine') is None  # its `build` is jaxgan's own


def test_the_same_again_is_no_error_another_is():
  one = mine()
  variants.register('mine', one)
  variants.register('mine', one)
  with pytest.raises(ValueError, match="there is a variant 'mine' already"):
    variants.register('mine', mine())
  with pytest.raises(ValueError, match="there is a variant 'lsgan' already"):
    variants.register('lsgan', mine())


@pytest.mark.parametrize(
  ('change', 'words'), [({'Config': dict}, 'class Config'), ({'build': None}, 'function build')]
)
def test_what_is_missing_is_named(change, words):
  with pytest.raises(ValueError, match=words):
    variants.register('mine', mine(**change))
  assert 'mine' not in variants.VARIANTS


def test_a_file_is_registered_by_its_name_or_the_given_one(tmp_path):
  path = written(tmp_path, 'my_gan.py')
  variants.load_plugin(path)
  variants.load_plugin(path)
  assert variants.file_of('my_gan') == path
  variants.load_plugin(written(tmp_path, 'other.py'), 'wanted')
  assert 'wanted' in variants.VARIANTS and 'other' not in variants.VARIANTS


def test_a_file_may_register_by_itself_and_import_its_neighbors(tmp_path):
  written(tmp_path, 'the_neighbour.py', 'NAME = "called"\n')
  variants.load_plugin(written(tmp_path, 'a.py', 'import the_neighbour\n' + CALL))
  assert 'called' in variants.VARIANTS


@pytest.mark.parametrize(
  ('name', 'text', 'words'),
  [
    ('a.py', 'x = (', 'cannot be imported: SyntaxError'),
    ('b.py', 'import nothing_of_that_name', 'cannot be imported: ModuleNotFoundError'),
    ('c.py', 'raise SystemExit(3)', 'cannot be imported: SystemExit'),
    ('d.py', 'x = 1', 'holds no variant'),
    ('e.txt', TEXT, 'must end in .py'),
    ('lsgan.py', TEXT, "there is a variant 'lsgan' already"),
  ],
)
def test_a_file_that_is_no_variant_is_refused_in_a_line(name, text, words, tmp_path):
  before = dict(variants.VARIANTS)
  with pytest.raises(ValueError, match=words) as caught:
    variants.load_plugin(written(tmp_path, name, text))
  assert '\n' not in str(caught.value)
  assert before == variants.VARIANTS


def test_a_run_brings_its_file_in_and_two_of_one_name_are_not_mixed_up(tmp_path):
  (tmp_path / 'x').mkdir()
  one, two = written(tmp_path, 'mine.py'), written(tmp_path / 'x', 'mine.py')
  variants.recall('mine', str(one), 'runs/a')
  variants.recall('mine', str(one), 'runs/a')
  assert variants.file_of('mine') == one
  with pytest.raises(ValueError, match='runs/b is of a variant .* open them in two processes'):
    variants.recall('mine', str(two), 'runs/b')


def test_a_run_of_ones_own_variant_is_no_run_of_jaxgans_of_the_same_name(tmp_path):
  path = written(tmp_path, 'lsgan.py', 'raise RuntimeError')
  with pytest.raises(ValueError, match="runs/a is of a variant 'lsgan' of your own.* trained it"):
    variants.recall('lsgan', str(path), 'runs/a')
  assert variants.VARIANTS['lsgan'] is VARIANTS['lsgan']
