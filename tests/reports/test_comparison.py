"""Several runs stand side by side, the best score first."""

import json
import re
import shutil

import pytest

from jaxgan.reports import comparison, records


@pytest.fixture
def three(lsgan, cgan, cyclegan):
  return [records.read(folder) for folder in (lsgan, cyclegan, cgan)]


def test_the_best_comes_first_and_the_unscored_last(three):
  order = comparison.ordered(three)
  assert [r.options['variant'] for r in order] == ['cgan', 'lsgan', 'cyclegan']
  assert comparison.ruling(three) == 'Fréchet distance'


def test_runs_without_scores_keep_their_order(cyclegan):
  record = records.read(cyclegan)
  assert comparison.ordered([record, record]) == [record, record]
  assert comparison.ruling([record]) == ''


@pytest.mark.parametrize('value', [None, 'NaN', []])
def test_a_damaged_score_counts_as_none(lsgan, cgan, tmp_path, value):
  folder = shutil.copytree(cgan, tmp_path / 'cgan')
  found = json.loads((folder / 'evaluation.json').read_text())
  found['scores'][0]['of']['value'] = value
  (folder / 'evaluation.json').write_text(json.dumps(found))
  runs = [records.read(folder), records.read(lsgan)]
  assert comparison.ordered(runs)[0].options['variant'] == 'lsgan'


def test_names_differ(lsgan, tmp_path):
  places = [tmp_path / name for name in ('a/run', 'b/run', 'c/other')]
  runs = [records.read(shutil.copytree(lsgan, place)) for place in places]
  assert [comparison.name_of(r, runs) for r in runs] == ['a/run', 'b/run', 'other']


def test_only_options_that_differ_are_shown(three):
  made = comparison.differing(three)
  names = re.findall(r'<code>(\w+)</code>', made)
  assert {'variant', 'width', 'dataset', 'blocks'} <= set(names)
  assert not {'seed', 'steps', 'log_every', 'keep'} & set(names)
  assert 'same options' in comparison.differing([three[0], three[0]])


def test_different_networks_are_pointed_out(lsgan, cgan, tmp_path):
  folder = shutil.copytree(lsgan, tmp_path / 'run')
  text = (folder / 'evaluation.json').read_text()
  (folder / 'evaluation.json').write_text(text.replace('1a2b', '9f9f'))
  frames = [[(400, 'data:,')]] * 2
  runs = [records.read(cgan), records.read(lsgan)]
  assert 'do not compare' not in comparison.several(runs, frames)[0]
  runs = [records.read(cgan), records.read(folder)]
  assert 'do not compare' in comparison.several(runs, frames)[0]
