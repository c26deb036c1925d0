"""The name of a prepared set changes with the bytes of its files, and with nothing else."""

import os
import shutil

import pytest

from jaxgan.data import contents
from jaxgan.data.listing import listing


@pytest.fixture
def folder(tmp_path, monkeypatch):
  """A folder with two files that count as old at once."""
  monkeypatch.setattr(contents, 'FRESH', -(10**12))
  (tmp_path / 'in').mkdir()
  for name in 'ab':
    (tmp_path / 'in' / f'{name}.png').write_bytes(b'bytes of ' + name.encode())
  return tmp_path / 'in'


def key(folder):
  return contents.key([listing(folder)], folder.parent / 'prepared')


def reads(monkeypatch):
  """The files that are read from now on."""
  seen, original = [], contents._hash
  monkeypatch.setattr(contents, '_hash', lambda p, r: seen.append(p.name) or original(p, r))
  return seen


def test_files_that_stayed_are_not_read_again(folder, monkeypatch):
  first, seen = key(folder), reads(monkeypatch)
  assert key(folder) == first and not seen


def test_new_bytes_of_the_same_size_and_time_change_it(folder):
  path, first = folder / 'a.png', key(folder)
  status = os.stat(path)
  path.write_bytes(b'other of a')
  os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
  assert os.stat(path).st_size == status.st_size and key(folder) != first


def test_a_copy_a_move_and_another_time_do_not(folder, monkeypatch):
  first, seen = key(folder), reads(monkeypatch)
  os.utime(folder / 'a.png', ns=(1, 1))
  assert key(folder) == first and sorted(seen) == ['a.png', 'b.png']
  shutil.copytree(folder, folder.parent / 'copy')
  assert key(folder.parent / 'copy') == first
  folder.rename(folder.parent / 'moved')
  seen.clear()
  assert key(folder.parent / 'moved') == first and not seen


def test_a_file_that_just_changed_is_read_again(folder, monkeypatch):
  """It may change again within one tick of the clock."""
  monkeypatch.setattr(contents, 'FRESH', 10**12)
  first, seen = key(folder), reads(monkeypatch)
  assert key(folder) == first and sorted(seen) == ['a.png', 'b.png']


def test_a_file_that_cannot_be_read_now_is_tried_again(folder, monkeypatch):
  failing = lambda path, root: f'{contents.UNREAD} no permission'
  with monkeypatch.context() as patch:
    patch.setattr(contents, '_hash', failing)
    first = key(folder)
  assert key(folder) != first


def test_a_link_that_leaves_the_folder_is_not_read(folder, monkeypatch):
  os.symlink('/etc/hostname', folder / 'c.png')
  os.mkfifo(folder / 'd.png')
  assert key(folder) == key(folder)
