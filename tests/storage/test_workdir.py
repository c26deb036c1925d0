import os
import pathlib
import subprocess
import sys

import pytest

from jaxgan.storage import workdir

HOLDER = """
import sys, time
from jaxgan.storage import workdir
held = workdir.lock(sys.argv[1])
print('locked', flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
  """Another process, holding `tmp_path / 'run'`."""
  process = subprocess.Popen(
    [sys.executable, '-c', HOLDER, str(tmp_path / 'run')],
    stdout=subprocess.PIPE,
    text=True,
    cwd=pathlib.Path(__file__).parents[2],
  )
  assert process.stdout.readline() == 'locked\n'
  yield process
  process.kill()
  process.communicate()


class TestLock:
  def test_held_by_another_process_is_refused_by_name(self, tmp_path, holder):
    with pytest.raises(workdir.WorkdirInUse, match=f'run is in use by process {holder.pid} on '):
      workdir.lock(tmp_path / 'run')
    with pytest.raises(workdir.WorkdirInUse):  # the refused one has not let it go
      workdir.lock(tmp_path / 'run')

  def test_killed_process_lets_go(self, tmp_path, holder):
    holder.kill()
    holder.wait()
    with workdir.lock(tmp_path / 'run'):
      text = (tmp_path / 'run' / workdir.HOLDER).read_text()
      assert text.startswith(f'process {os.getpid()} on ')

  def test_holds_within_a_process_until_closed(self, tmp_path):
    with workdir.lock(tmp_path / 'new' / 'run'):
      with pytest.raises(workdir.WorkdirInUse, match=f'process {os.getpid()}'):
        workdir.lock(tmp_path / 'new' / 'run')
    workdir.lock(tmp_path / 'new' / 'run').close()

  def test_a_lock_that_was_refused_leaves_no_trace(self, tmp_path, holder):
    before = (tmp_path / 'run' / workdir.HOLDER).read_text()
    with pytest.raises(workdir.WorkdirInUse):
      workdir.lock(tmp_path / 'run')
    assert (tmp_path / 'run' / workdir.HOLDER).read_text() == before

  def test_is_of_its_own_folder_alone(self, tmp_path, holder):
    with workdir.lock(tmp_path / 'other'), workdir.lock(tmp_path / 'run' / 'inner'):
      pass

  def test_is_not_held_where_the_holder_cannot_be_named(self, tmp_path, monkeypatch):
    def fail(*_):
      raise OSError('no space left')

    with monkeypatch.context() as patch:
      patch.setattr(workdir.files, 'write_text', fail)
      with pytest.raises(OSError, match='no space left'):
        workdir.lock(tmp_path)
    workdir.lock(tmp_path).close()

  def test_is_a_value_error(self):
    assert issubclass(workdir.WorkdirInUse, ValueError)


class TestDiff:
  def test_lines(self):
    old = {'lr': 2e-4, 'variant': 'lsgan', 'adam': {'b1': 0.5, 'b2': 0.9}, 'gone': [1, 2], 'n': 1}
    new = {'lr': 1e-4, 'variant': 'wgan', 'adam': {'b1': 0.0, 'b2': 0.9}, 'come': {}, 'n': 1.0}
    assert workdir.diff(old, new) == [
      'adam.b1: 0.5 -> 0.0',
      'come: absent -> {}',
      'gone: [1, 2] -> absent',
      'lr: 0.0002 -> 0.0001',
      'n: 1 -> 1.0',
      'variant: "lsgan" -> "wgan"',
    ]

  def test_nothing(self):
    config = {'a': {'b': float('nan'), 'c': (1,)}}
    assert workdir.diff(config, {'a': {'c': [1], 'b': float('nan')}}) == []

  def test_what_became_a_group(self):
    assert workdir.diff({'a': 1}, {'a': {'b': 1}}) == ['a: 1 -> absent', 'a.b: absent -> 1']


HOSTILE = {
  '': 'name a folder',
  '.': 'name a folder',
  '..': 'not for a run',
  '/': 'not for a run',
  '/etc': 'not for a run',
  '/etc/jaxgan': 'not for a run',
  '/usr/lib/run': 'not for a run',
  '/proc/self': 'not for a run',
  '/dev/null': 'not for a run',
  'runs/../..': 'not for a run',
  'a\0b': 'printable',
  'a\nb': 'printable',
  'runs/\x1b[2Jb': 'printable',
  '\u202egnp.exe': 'printable',
  '-rf': 'printable',
  'x' * 300: 'printable',
  '/Windows/run': 'not for a run',
  'con ': 'printable',
  ' lead/run': 'printable',
}


@pytest.mark.parametrize('name', HOSTILE)
def test_hostile_names_are_refused(name):
  with pytest.raises(ValueError, match=HOSTILE[name]) as error:
    workdir.check(name)
  message = str(error.value)
  assert '--workdir' in message and message.isprintable() and len(message) < 300


def test_folders_that_hold_ones_own_are_refused(tmp_path, monkeypatch):
  monkeypatch.setenv('HOME', str(tmp_path / 'home' / 'me'))
  monkeypatch.chdir(tmp_path)
  for folder in (tmp_path, tmp_path.parent, tmp_path / 'home', tmp_path / 'home' / 'me'):
    with pytest.raises(ValueError, match='not for a run'):
      workdir.check(folder)
  for folder in (
    tmp_path / 'home' / 'me' / 'run',
    tmp_path / 'run',
    'runs/a',
    '../a..b',
    'Ünï$(id)',
  ):
    workdir.check(folder)


def test_a_file_is_not_a_folder(tmp_path):
  (tmp_path / 'file').touch()
  for path in (tmp_path / 'file', tmp_path / 'file' / 'run'):
    with pytest.raises(ValueError, match='lies in a file'):
      workdir.check(path)
