import os

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
  assert found.classes == ('cat', 'dog') and [found.label(x) for x in found.images] == [0, 1]
  touch(tmp_path, 'loose.png')
  assert listing(tmp_path).classes == ()


def test_the_state_changes_with_a_file(tmp_path):
  touch(tmp_path, 'a.png')
  before = listing(tmp_path).state
  (tmp_path / 'a.png').write_bytes(b'more')
  assert listing(tmp_path).state != before
