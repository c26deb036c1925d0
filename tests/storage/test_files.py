"""Whatever is written is there whole, or not at all."""

import json
import os
import pathlib

import numpy as np
import pytest

from jaxgan.storage import figures, files, workdir
from jaxgan.training import metrics_log


def names(folder):
  return sorted(p.name for p in folder.iterdir())


def test_a_file_appears_whole_with_the_rights_that_others_have(tmp_path):
  path = tmp_path / 'new' / 'a.bin'
  with files.atomic(path) as file:
    file.write(b'half')
    assert not path.exists()
  (tmp_path / 'plain').touch()
  assert path.read_bytes() == b'half' and names(path.parent) == ['a.bin']
  assert path.stat().st_mode == (tmp_path / 'plain').stat().st_mode


def test_a_failure_leaves_the_old_file_alone(tmp_path):
  path = tmp_path / 'a.bin'
  path.write_bytes(b'old')
  with pytest.raises(RuntimeError), files.atomic(path) as file:
    file.write(b'new')
    raise RuntimeError
  assert path.read_bytes() == b'old' and names(tmp_path) == ['a.bin']


WRITERS = {
  'arrays': lambda path: files.save_npz(path, x=np.arange(3)),
  'text': lambda path: files.write_text(path, 'text'),
  'picture': lambda path: figures.save_grid(path, np.zeros((1, 4, 4, 1)), 1),
  'film': lambda path: figures.save_gif(path, np.zeros((2, 4, 4, 1))),
  'points': lambda path: figures.save_points(path, np.zeros((1, 3, 2)), np.ones((1, 2))),
  'log': lambda path: metrics_log._cut(path, 0),
}


@pytest.mark.parametrize('kind', WRITERS)
def test_every_writer_keeps_the_old_file_where_renaming_fails(kind, tmp_path, monkeypatch):
  def fail(*_):
    raise OSError('no space left')

  path = tmp_path / 'file'
  path.write_text('old')
  monkeypatch.setattr(os, 'replace', fail)
  with pytest.raises(OSError, match='no space left'):
    WRITERS[kind](path)
  assert path.read_text() == 'old' and names(tmp_path) == ['file']


def test_arrays_go_to_exactly_the_path(tmp_path):
  files.save_npz(tmp_path / 'foo.dat', images=np.arange(4), file_name=np.zeros(2))
  assert names(tmp_path) == ['foo.dat']
  with np.load(tmp_path / 'foo.dat', allow_pickle=False) as stored:
    np.testing.assert_array_equal(stored['images'], np.arange(4))


def test_a_folder_appears_whole(tmp_path):
  with files.becoming(tmp_path / 'out') as part:
    (part / 'a').touch()
    assert not (tmp_path / 'out').exists()
  assert names(tmp_path) == ['out'] and names(tmp_path / 'out') == ['a']
  with pytest.raises(ValueError, match='not empty: give another --out'):
    with files.becoming(tmp_path / 'out'):
      pass
  with pytest.raises(RuntimeError), files.becoming(tmp_path / 'other') as part:
    raise RuntimeError
  assert names(tmp_path) == ['out']


def test_a_folder_is_renamed_in_place_of_another(tmp_path):
  (tmp_path / '7').mkdir()
  (tmp_path / '7.old').mkdir()
  (tmp_path / '7.old' / 'left').touch()
  assert files.rename(tmp_path / '7', '.old') == tmp_path / '7.old'
  assert names(tmp_path) == ['7.old'] and names(tmp_path / '7.old') == []


def test_what_is_no_file_is_never_replaced(tmp_path):
  """As root, a rename onto a device would leave a plain file in its place."""
  pipe, folder = tmp_path / 'pipe', tmp_path / 'folder'
  os.mkfifo(pipe)
  folder.mkdir()
  for path in (pipe, folder):
    with pytest.raises(ValueError, match='is no file: give the name of a file'):
      files.write_text(path, 'text')
  assert pipe.is_fifo() and folder.is_dir()


class TestWriteText:
  def test_replaces_and_leaves_nothing_else(self, tmp_path):
    path = tmp_path / 'folder' / 'note.txt'
    for text in ('first, and longer', 'sécond'):
      files.write_text(path, text)
      assert path.read_text(encoding='utf-8') == text
    assert [p.name for p in path.parent.iterdir()] == ['note.txt']

  @pytest.mark.parametrize('fails', ['fsync', 'replace'])
  def test_failure_keeps_the_old_text(self, tmp_path, monkeypatch, fails):
    def fail(*_):
      raise OSError('no space left')

    path = tmp_path / 'note.txt'
    files.write_text(path, 'old')
    monkeypatch.setattr(os, fails, fail)
    with pytest.raises(OSError, match='no space left'):
      files.write_text(path, 'new')
    assert path.read_text() == 'old'
    assert [p.name for p in tmp_path.iterdir()] == ['note.txt']


class TestConfig:
  def test_round_trip_with_sorted_keys(self, tmp_path):
    config = {'variant': 'lsgan', 'batch': 64, 'adam': {'lr': 2e-4, 'b1': 0.0}, 'label': None}
    files.write_config(tmp_path / 'config.json', config)
    assert files.read_config(tmp_path / 'config.json') == config
    assert list(json.loads((tmp_path / 'config.json').read_text())) == sorted(config)

  def test_what_json_has_no_type_for(self, tmp_path):
    config = {'workdir': pathlib.Path('/runs/a'), 'betas': (0.0, 0.9)}
    files.write_config(tmp_path / 'config.json', config)
    stored = files.read_config(tmp_path / 'config.json')
    assert stored == {'workdir': '/runs/a', 'betas': [0.0, 0.9]}
    assert workdir.diff(stored, config) == []

  @pytest.mark.parametrize(
    'text, said',
    [('{', 'is not JSON'), ('[1]', 'expected a JSON object'), ('[' * 100_000, 'is not JSON')],
  )
  def test_what_is_no_config(self, tmp_path, text, said):
    (tmp_path / 'config.json').write_text(text)
    with pytest.raises(ValueError, match=said) as info:
      files.read_config(tmp_path / 'config.json')
    assert 'config.json' in str(info.value) and '\n' not in str(info.value)

  def test_missing(self, tmp_path):
    with pytest.raises(FileNotFoundError):
      files.read_config(tmp_path / 'config.json')


def test_folders_made_for_a_file_go_with_a_failure(tmp_path):
  (tmp_path / 'there').mkdir()
  for make in (files.atomic, files.becoming):
    with pytest.raises(RuntimeError), make(tmp_path / 'there/new/deep/a'):
      raise RuntimeError
    assert names(tmp_path) == ['there'] and names(tmp_path / 'there') == []


def test_a_folder_of_a_similar_name_stays(tmp_path):
  (tmp_path / 'out.part').mkdir()
  (tmp_path / 'out.part' / 'mine').touch()
  with files.becoming(tmp_path / 'out') as part:
    (part / 'a').touch()
  assert names(tmp_path) == ['out', 'out.part'] and names(tmp_path / 'out.part') == ['mine']


def test_arrays_are_read_one_by_one(tmp_path):
  files.save_npz(tmp_path / 'a.npz', x=np.arange(3), y=np.array([None], object))
  assert files.of_npz(tmp_path / 'a.npz', lambda stored: stored['x'].sum()) == 3
  with pytest.raises(ValueError, match=r'a\.npz is no \.npz file, or is damaged: Object arrays'):
    files.of_npz(tmp_path / 'a.npz', dict)
  with pytest.raises(ValueError, match=r'b\.npz cannot be read: No such file'):
    files.of_npz(tmp_path / 'b.npz', dict)
  with pytest.raises(ValueError, match='cannot be read: Is a directory'):
    files.of_npz(tmp_path, dict)
