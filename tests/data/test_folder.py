import os
import pathlib
import shutil
import zipfile

import chex
import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from jaxgan import data
from jaxgan.data import folder as folder_module


def colour(path, value=(10, 20, 30), size=(12, 8)):
  path.parent.mkdir(parents=True, exist_ok=True)
  Image.new('RGB' if isinstance(value, tuple) else 'L', size, value).save(path)


def load(folder, tmp_path, **options):
  options = dict(image_size=8, data_dir=tmp_path / 'prepared') | options
  return data.load('folder', folder=folder, **options)


def everything(source):
  return source.images(np.arange(len(source)))


def prepared_dirs(tmp_path):
  return sorted(path.parent for path in (tmp_path / 'prepared').rglob('skipped.json'))


def test_the_corpus_is_loaded_or_named_and_counted(corpus, tmp_path, caplog):
  source = load(corpus, tmp_path)
  assert len(source) == 13
  assert source.spec == data.Spec(8, 3, 0)
  report = folder_module.skipped(tfds.builder_from_directory(prepared_dirs(tmp_path)[0]))
  refused, others = report['refused'], report['not_images']
  assert others == ['eps.eps', 'svg.svg']
  assert report['images'] == 31 - 2 - 2  # less the other files, the empty folder and its loop
  assert len(source) + len(refused) + len(others) == 31 - 1
  assert refused['loop'] == 'link to a folder, not followed'
  assert refused['link_out.png'] == 'link leaves the image folder'
  for name, reason in refused.items():
    assert f'refused {name}: {reason}' in caplog.text
  assert f'refused {len(refused)} (55.6% of 27 images)' in caplog.text
  assert '2 files are not images' in caplog.text


def test_a_second_start_only_sums_up(corpus, tmp_path, caplog):
  first = load(corpus, tmp_path)
  caplog.clear()
  second = load(corpus, tmp_path)
  assert 'refused 15' in caplog.text and 'refused empty.png' not in caplog.text
  assert first.fingerprint == second.fingerprint
  chex.assert_trees_all_equal(everything(first), everything(second))


def test_subfolders_are_classes(tmp_path):
  for i, name in enumerate(('cat', 'dog', 'Ünï çode', ' odd\nname ')):
    for j in range(i + 1):
      colour(tmp_path / 'in' / name / 'deep' / f'{j}.png', (i, j, 0))
  source = load(tmp_path / 'in', tmp_path)
  assert source.spec.names == ("' odd\\nname '", 'cat', 'dog', 'Ünï çode')
  which = everything(source)[:, 0, 0, 0]
  chex.assert_trees_all_equal(source.labels, ((which + 1) % 4).astype(np.int32))


@pytest.mark.parametrize(
  'paths', [('a.png', 'b.png'), ('one/a.png', 'one/b.png'), ('a.png', 'b/b.png')]
)
def test_no_classes_without_two_subfolders_that_hold_everything(paths, tmp_path, caplog):
  for path in paths:
    colour(tmp_path / 'in' / path)
  source = load(tmp_path / 'in', tmp_path)
  assert source.labels is None and source.spec.classes == 0
  assert ('1 images lie in no subfolder' in caplog.text) == (paths == ('a.png', 'b/b.png'))


def test_a_class_has_an_image_that_can_be_read(tmp_path, caplog):
  colour(tmp_path / 'in' / 'good' / 'a.png')
  (tmp_path / 'in' / 'bad').mkdir()
  (tmp_path / 'in' / 'bad' / 'b.png').write_bytes(b'')
  colour(tmp_path / 'in' / 'well' / 'a.png')
  source = load(tmp_path / 'in', tmp_path)
  assert source.spec.names == ('good', 'well') and sorted(source.labels) == [0, 1]
  assert 'bad is no class, none of its images can be read' in caplog.text
  (tmp_path / 'in' / 'well' / 'a.png').write_bytes(b'')
  assert load(tmp_path / 'in', tmp_path).labels is None
  assert 'no labels, the images of one subfolder can be read' in caplog.text


def test_odd_names(tmp_path):
  names = [b'caf\xe9.png', b'new\nline.PNG', b'%s {} $(id).png', 'ö日本.png'.encode(), b'-rf.png']
  for i, name in enumerate(names):
    colour(tmp_path / 'in' / 'plain.png', (i, 0, 0))
    os.rename(tmp_path / 'in' / 'plain.png', os.path.join(os.fsencode(tmp_path / 'in'), name))
  (tmp_path / 'in' / os.fsdecode(b'\xff.png')).write_bytes(b'refused')
  assert sorted(everything(load(tmp_path / 'in', tmp_path))[:, 0, 0, 0]) == [0, 1, 2, 3, 4]


def test_channels(tmp_path):
  colour(tmp_path / 'in' / 'grey.png', 77)
  assert everything(load(tmp_path / 'in', tmp_path)).tolist() == [[[[77] * 3] * 8] * 8]
  assert everything(load(tmp_path / 'in', tmp_path, channels=1)).tolist() == [[[[77]] * 8] * 8]
  assert len(prepared_dirs(tmp_path)) == 1


def test_size_is_64_unless_said(tmp_path):
  colour(tmp_path / 'in' / 'a.png')
  assert load(tmp_path / 'in', tmp_path, image_size=None).spec.size == 64


def test_a_changed_folder_is_prepared_anew(tmp_path):
  colour(tmp_path / 'in' / 'a.png', (1, 1, 1))
  colour(tmp_path / 'in' / 'b.png', (2, 2, 2))
  first = load(tmp_path / 'in', tmp_path)
  colour(tmp_path / 'in' / 'b.png', (3, 3, 3))
  os.utime(tmp_path / 'in' / 'b.png', ns=(1, 1))
  second = load(tmp_path / 'in', tmp_path)
  assert sorted(everything(second)[:, 0, 0, 0]) == [1, 3]
  colour(tmp_path / 'in' / 'c.png', (4, 4, 4))
  third = load(tmp_path / 'in', tmp_path)
  assert sorted(everything(third)[:, 0, 0, 0]) == [1, 3, 4]
  assert len({source.fingerprint for source in (first, second, third)}) == 3
  assert len(prepared_dirs(tmp_path)) == 3


def test_a_moved_or_touched_folder_is_the_same_data(tmp_path):
  colour(tmp_path / 'in' / 'a.png')
  first = load(tmp_path / 'in', tmp_path)
  os.rename(tmp_path / 'in', tmp_path / 'moved')
  moved = load(tmp_path / 'moved', tmp_path)
  assert len(prepared_dirs(tmp_path)) == 1
  os.utime(tmp_path / 'moved' / 'a.png', ns=(1, 1))
  touched = load(tmp_path / 'moved', tmp_path)
  shutil.copytree(tmp_path / 'moved', tmp_path / 'copy')
  assert first.fingerprint == load(tmp_path / 'copy', tmp_path).fingerprint
  assert len(prepared_dirs(tmp_path)) == 1
  assert first.fingerprint == moved.fingerprint == touched.fingerprint


def test_impossible_folders_are_refused_in_a_line(tmp_path):
  (tmp_path / 'empty').mkdir()
  (tmp_path / 'text').mkdir()
  (tmp_path / 'text' / 'a.txt').write_text('')
  (tmp_path / 'broken').mkdir()
  (tmp_path / 'broken' / 'a.png').write_bytes(b'')
  reasons = {
    'missing': 'no folder of images at',
    'empty': 'has no image: none of its 0 files ends in .png',
    'text': 'has no image: none of its 1 files ends in .png',
    'broken': 'has no readable image: a.png: UnidentifiedImageError',
  }
  for name, reason in reasons.items():
    with pytest.raises(ValueError, match=reason) as error:
      load(tmp_path / name, tmp_path)
    assert '\n' not in str(error.value)
  with pytest.raises(ValueError, match='pass folder='):
    load(None, tmp_path)
  (tmp_path / 'photos.zip').write_bytes(b'')
  with pytest.raises(ValueError, match='photos.zip: unpack archives first'):
    load(tmp_path / 'photos.zip', tmp_path)
  assert not prepared_dirs(tmp_path)
  with pytest.raises(ValueError, match='has no split .test.: it has train'):
    colour(tmp_path / 'empty' / 'a.png')
    load(tmp_path / 'empty', tmp_path, split='test')


def test_changed_pixels_of_the_same_size_and_time_are_other_data(tmp_path):
  path = tmp_path / 'in' / 'a.bmp'
  colour(path, (1, 1, 1))
  status, first = path.stat(), load(tmp_path / 'in', tmp_path)
  colour(path, (2, 2, 2))
  os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
  assert path.stat().st_size == status.st_size
  second = load(tmp_path / 'in', tmp_path)
  assert everything(second).max() == 2 and first.fingerprint != second.fingerprint


def test_hidden_folders_and_resource_forks_are_no_classes(tmp_path, caplog):
  for path in ('cat/a', 'dog/a', 'dog/._a', '.ipynb_checkpoints/a', '__MACOSX/cat/a', '.b'):
    colour(tmp_path / 'in' / f'{path}.png')
  source = load(tmp_path / 'in', tmp_path)
  assert source.spec.names == ('cat', 'dog') and source.class_counts() == (1, 1)
  assert 'in: skipped what is hidden or of systems and tools, 4 in all' in caplog.text


def test_classes_with_numbers_are_in_their_order(tmp_path):
  for name in (0, 1, 2, 10, 11):
    colour(tmp_path / 'in' / str(name) / 'a.png', (name, 0, 0))
  source = load(tmp_path / 'in', tmp_path)
  assert source.spec.names == ('0', '1', '2', '10', '11')
  assert dict(zip(everything(source)[:, 0, 0, 0], source.labels, strict=True)) == {
    0: 0,
    1: 1,
    2: 2,
    10: 3,
    11: 4,
  }


# --- splits


def test_train_and_test_are_splits(tmp_path, caplog):
  for i, path in enumerate(('train/cat', 'train/dog', 'test/cat', 'test/dog', 'val/cat')):
    colour(tmp_path / 'in' / path / 'a.png', (i, 0, 0))
  source = load(tmp_path / 'in', tmp_path)
  assert sorted(everything(source)[:, 0, 0, 0]) == [0, 1] and source.has_held_out
  assert source.spec.names == ('cat', 'dog')
  assert (
    'in: trains on the 2 images of train, the 2 of test are held out; not read: val (1 images)'
    in caplog.text
  )
  test = load(tmp_path / 'in', tmp_path, split='test')
  assert test.spec.names == ('cat', 'dog')
  assert dict(zip(everything(test)[:, 0, 0, 0], test.labels, strict=True)) == {2: 0, 3: 1}
  alone = load(tmp_path / 'in' / 'train', tmp_path)
  assert alone.fingerprint == source.fingerprint and not alone.has_held_out
  colour(tmp_path / 'in/test/cat/b.png')
  assert load(tmp_path / 'in', tmp_path).fingerprint == source.fingerprint
  assert load(tmp_path / 'in', tmp_path, split='test').fingerprint != test.fingerprint


@pytest.mark.parametrize('names', ['Train Valid', 'training validation', 'train val'])
def test_splits_have_several_names(names, tmp_path):
  for i, name in enumerate(names.split()):
    colour(tmp_path / 'in' / name / 'a.png', (i, 0, 0))
  source = load(tmp_path / 'in', tmp_path)
  assert everything(source)[:, 0, 0, 0].tolist() == [0] and source.labels is None
  held = load(tmp_path / 'in', tmp_path, split='test')
  assert everything(held)[:, 0, 0, 0].tolist() == [1]


def test_held_out_classes_that_are_not_trained_on_have_no_labels(tmp_path, caplog):
  for path in ('train/cat', 'train/dog', 'test/cat', 'test/bird'):
    colour(tmp_path / 'in' / path / 'a.png')
  load(tmp_path / 'in', tmp_path)
  assert 'test: no labels, train has no class for bird' in caplog.text
  assert load(tmp_path / 'in', tmp_path, split='test').labels is None


@pytest.mark.parametrize(
  ('paths', 'message'),
  [
    (('train/a', 'test/a', 'cat/a'), 'in has test, .* beside cat: put images to train on in train'),
    (('train/a', 'test/a', 'loose'), 'beside 1 images in no subfolder'),
    (('cat/a', 'dog/a', 'val/a'), 'in has val, the name of held-out images, without train'),
    (('test/a', 'val/a'), 'in has test, val, .* without train'),
    (('cat/train/a', 'cat/test/a', 'dog/train/a'), 'in/cat has train and test, .*mixed: give cat'),
    (('train/a', 'Train/a', 'test/a'), 'beside '),
  ],
)
def test_splits_among_other_images_are_refused(paths, message, tmp_path):
  for path in paths:
    colour(tmp_path / 'in' / f'{path}.png')
  with pytest.raises(ValueError, match=message) as error:
    load(tmp_path / 'in', tmp_path)
  assert '\n' not in str(error.value) and not prepared_dirs(tmp_path)


def test_train_among_other_folders_is_a_class(tmp_path):
  for path in ('car/a', 'plane/a', 'train/a'):
    colour(tmp_path / 'in' / f'{path}.png')
  assert load(tmp_path / 'in', tmp_path).spec.names == ('car', 'plane', 'train')


def test_a_held_out_folder_that_cannot_be_read_is_named(tmp_path, caplog):
  colour(tmp_path / 'in/train/a.png')
  (tmp_path / 'in/test').mkdir()
  (tmp_path / 'in/test/a.png').write_bytes(b'')
  assert not load(tmp_path / 'in', tmp_path).has_held_out
  assert 'test has no image that can be read' in caplog.text


def test_an_unreadable_file_is_refused(tmp_path, monkeypatch):
  colour(tmp_path / 'in' / 'a.png')
  colour(tmp_path / 'in' / 'b.png')
  opened = Image.open

  def denied(file, **options):
    if pathlib.Path(file.name).name == 'b.png':
      raise PermissionError(13, 'Permission denied')
    return opened(file, **options)

  monkeypatch.setattr(Image, 'open', denied)
  assert len(load(tmp_path / 'in', tmp_path)) == 1


def test_class_folders_of_real_photographs(tmp_path, test_data):
  with zipfile.ZipFile(test_data / 'eurosat_q95_10k.zip') as archive:
    some = [
      name for name in archive.namelist() if name.startswith('val/') and name.endswith('.jpg')
    ]
    archive.extractall(tmp_path, some[::10])
  source = load(tmp_path / 'val', tmp_path, image_size=64)
  assert source.spec.names == tuple('0123456789')
  for label in range(10):
    files = list((tmp_path / 'val' / str(label)).iterdir())
    originals = sorted(np.asarray(Image.open(file)).tobytes() for file in files)
    found = source.images(np.flatnonzero(source.labels == label))
    assert sorted(image.tobytes() for image in found) == originals


def test_emoji_lie_on_white(tmp_path, test_data):
  with zipfile.ZipFile(test_data / 'noto_png72.zip') as archive:
    some = [name for name in archive.namelist() if name.endswith('.png')][:50]
    archive.extractall(tmp_path / 'in', some)
  source = load(tmp_path / 'in', tmp_path, image_size=72)
  assert len(source) == 50 and source.spec.classes == 0
  corners = everything(source)[:, 0, 0]
  assert (corners == 255).all(-1).mean() > 0.9


def test_images_that_are_not_square_are_fitted_as_asked(tmp_path):
  for i in range(2):
    colour(tmp_path / 'in' / f'{i}.png', (10, 20, 30), size=(16, 8))
  found = {fit: load(tmp_path / 'in', tmp_path, fit=fit) for fit in ('crop', 'pad', 'squash')}
  assert len({source.fingerprint for source in found.values()}) >= 2
  padded = everything(found['pad'])
  assert (padded[:, 2:6] == (10, 20, 30)).all() and (padded[:, :2] == 255).all()
  for fit in ('crop', 'squash'):
    assert (everything(found[fit]) == (10, 20, 30)).all()
  with pytest.raises(ValueError, match='fit should be one of crop, pad, squash'):
    load(tmp_path / 'in', tmp_path, fit='stretch')


def test_a_fourth_channel_keeps_transparency(tmp_path):
  (tmp_path / 'in').mkdir()
  Image.new('RGBA', (8, 8), (1, 2, 3, 0)).save(tmp_path / 'in' / 'a.png')
  Image.new('RGB', (8, 8), (1, 2, 3)).save(tmp_path / 'in' / 'b.png')
  source = load(tmp_path / 'in', tmp_path, channels=4)
  assert source.spec == data.Spec(8, 4, 0)
  clear, opaque = everything(source)
  assert (clear == (255, 255, 255, 0)).all() and (opaque == (1, 2, 3, 255)).all()
  chex.assert_trees_all_equal(everything(load(tmp_path / 'in', tmp_path))[0], clear[..., :3])


def test_a_fourth_channel_needs_images_that_have_one(tmp_path, caplog):
  with pytest.raises(ValueError, match='digits.* have no transparency: use --channels=1'):
    data.load('digits', data_dir=tmp_path / 'prepared', channels=4)
  colour(tmp_path / 'in' / 'a.png')
  load(tmp_path / 'in', tmp_path, channels=4)
  assert 'no image has a transparent pixel' in caplog.text
