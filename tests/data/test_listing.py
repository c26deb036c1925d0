import os

import pytest

from jaxgan.data import listing as module
from jaxgan.data.listing import listing


def touch(root, *names):
  for name in names:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).touch()


def test_files_are_sorted_and_told_apart(tmp_path):
  touch(tmp_path, 'b.PNG', 'a/c.jpg', 'a/notes.txt', 'z.webp')
  found = listing(tmp_path)
  assert found.images == ('a/c.jpg', 'b.PNG', 'z.webp') and found.others == ('a/notes.txt',)


def test_links_to_folders_are_named_and_not_followed(tmp_path):
  touch(tmp_path, 'in/a.png')
  touch(tmp_path / 'elsewhere', 'secret.png')
  os.symlink(tmp_path / 'elsewhere', tmp_path / 'in' / 'link')
  found = listing(tmp_path / 'in')
  assert found.images == ('a.png',) and found.refused == {'link': 'link to a folder, not followed'}


def test_subfolders_are_classes_where_all_images_lie_in_two_or_more(tmp_path):
  touch(tmp_path, 'dog/a.png', 'cat/deep/b.png')
  found = listing(tmp_path)
  assert found.classes == ('cat', 'dog') and found.below('cat').images == ('deep/b.png',)
  touch(tmp_path, 'loose.png')
  assert listing(tmp_path).classes == () and listing(tmp_path).loose == 1


@pytest.mark.parametrize(
  'name',
  [
    *('.ipynb_checkpoints', '.git', '.hidden', '._a.png', '.DS_Store', '__MACOSX', '@eaDir'),
    *('Thumbs.db', 'node_modules', '__pycache__', '$RECYCLE.BIN', 'System Volume Information'),
  ],
)
def test_files_and_folders_of_systems_and_tools_are_never_data(name, tmp_path, caplog):
  touch(tmp_path, 'cat/a.png', 'dog/a.png')
  touch(tmp_path, *([f'{name}/a.png', f'cat/{name}/a.png'] if '.png' not in name else [name]))
  found = listing(tmp_path)
  assert found.images == ('cat/a.png', 'dog/a.png') and found.classes == ('cat', 'dog')
  assert name in found.skipped and not found.others
  found.tell()
  assert (
    f'skipped what is hidden or of systems and tools, {len(found.skipped)} in all' in caplog.text
  )
  assert caplog.text.count('\n') == 1


def test_a_hidden_folder_that_is_given_is_read(tmp_path):
  touch(tmp_path / '.cache', 'a.png')
  assert listing(tmp_path / '.cache').images == ('a.png',)


@pytest.mark.parametrize(
  ('names', 'order'),
  [
    (('0', '1', '10', '11', '2'), ['0', '1', '2', '10', '11']),
    (('007', '7', '08'), ['007', '7', '08']),
    (('1', '10', '2', 'b'), ['1', '10', '2', 'b']),
    (('b', 'a', '²'), ['a', 'b', '²']),
  ],
)
def test_whole_numbers_are_in_order_of_their_value(names, order):
  assert module.in_order(names) == order


def test_a_stamp_changes_with_the_file_where_size_and_time_stay(tmp_path):
  (tmp_path / 'a.png').write_bytes(b'old')
  status, before = os.stat(tmp_path / 'a.png'), listing(tmp_path).stamps
  (tmp_path / 'new').write_bytes(b'new')
  os.replace(tmp_path / 'new', tmp_path / 'a.png')
  os.utime(tmp_path / 'a.png', ns=(status.st_atime_ns, status.st_mtime_ns))
  after = listing(tmp_path).stamps
  assert before[0][:3] == after[0][:3] and before != after
