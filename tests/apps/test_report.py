"""The command writes a page about a run, or about several; what is missing is said in a line."""

import json

import pytest

import jaxgan
from jaxgan.apps import report
from jaxgan.storage.workdir import REPORT
from run_folders import DIAGNOSIS, written


@pytest.fixture
def run(tmp_path):
  return written(tmp_path / 'run', data_dir=tmp_path / 'none')


def test_a_page_about_a_run_is_in_its_folder(plain, said):
  found = said(report.main, f'--workdir={plain}')
  assert (found.code, found.err) == (0, '') and 'report.html' in found.out
  text = (plain / 'report.html').read_text()
  assert 'gan on digits' in text


def test_nearest_images_need_the_data_set(run, said, monkeypatch, tmp_path):
  values = json.loads((run / 'config.json').read_text())
  (run / 'config.json').write_text(
    json.dumps({**values, 'dataset': 'folder', 'folder': str(tmp_path / 'gone'), 'data_dir': None})
  )
  found = said(report.main, f'--workdir={run}')
  assert found.code == 0 and len(found.err.splitlines()) == 1
  assert 'without training images' in found.err and 'gone' in found.err
  assert 'Nearest' not in (run / 'report.html').read_text()
  assert not said(report.main, f'--workdir={run}', '--data=False').err


def test_several_runs_are_compared(run, said, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  other = written(tmp_path / 'other', scored=3.0)
  found = said(report.main, '--workdir', run, other)
  assert (found.code, found.err) == (0, '')
  assert '2 runs compared' in (tmp_path / 'comparison.html').read_text()
  assert said(report.main, '--workdir', run, other, f'--out={tmp_path / "c.html"}').code == 0
  assert (tmp_path / 'c.html').exists()


@pytest.mark.parametrize('out', ['taken', 'file/below.html'])
def test_a_place_that_cannot_be_written_is_refused(run, said, tmp_path, out):
  (tmp_path / 'taken').mkdir()
  (tmp_path / 'file').write_text('mine')
  found = said(report.main, f'--workdir={run}', '--data=False', f'--out={tmp_path / out}')
  assert found.code in (1, 2) and len(found.err.splitlines()) == 1
  assert (tmp_path / 'file').read_text() == 'mine'


def test_a_run_is_given_once(run, said):
  found = said(report.main, '--workdir', run, run / '..' / 'run')
  assert found.code == 2 and 'twice' in found.err


def test_a_diagnosis_is_shown_where_there_is_one(run, said, monkeypatch):
  class Diagnosis:
    def to_json(self):
      return json.dumps(DIAGNOSIS)

  monkeypatch.setattr(jaxgan, 'diagnose', lambda folder, data: Diagnosis(), raising=False)
  assert said(report.main, f'--workdir={run}', '--data=False').code == 0
  assert 'full mode collapse' in (run / REPORT).read_text()

  def refuse(folder, data):
    raise ValueError('too short')

  monkeypatch.setattr(jaxgan, 'diagnose', refuse)
  assert said(report.main, f'--workdir={run}', '--data=False').code == 0
  assert 'there is no diagnosis: too short' in (run / REPORT).read_text()
