import os
import pathlib
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
  assert others == ['eps.eps', 'f32.tiff', 'svg.svg']
  assert report['images'] == 31 - 3 - 2  # less the other files, the empty folder and its loop
  assert len(source) + len(refused) + len(others) == 31 - 1
  assert refused['loop'] == 'link to a folder, not followed'
  assert refused['link_out.png'] == 'link leaves the image folder'
  for name, reason in refused.items():
    assert f'refused {name}: {reason}' in caplog.text
  assert f'refused {len(refused)} (53.8% of 26 images)' in caplog.text
  assert '3 files are not images' in caplog.text


def test_a_second_start_only_sums_up(corpus, tmp_path, caplog):
  first = load(corpus, tmp_path)
  caplog.clear()
  second = load(corpus, tmp_path)
  assert 'refused 14' in caplog.text and 'refused empty.png' not in caplog.text
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


def test_a_class_without_a_readable_image_is_named(tmp_path, caplog):
  colour(tmp_path / 'in' / 'good' / 'a.png')
  (tmp_path / 'in' / 'bad').mkdir()
  (tmp_path / 'in' / 'bad' / 'b.png').write_bytes(b'')
  assert load(tmp_path / 'in', tmp_path).labels.tolist() == [1]
  assert 'class bad has no readable image' in caplog.text


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
  assert len(prepared_dirs(tmp_path)) == 2
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
  assert not prepared_dirs(tmp_path)
  with pytest.raises(ValueError, match='has no split .test.: it has train'):
    colour(tmp_path / 'empty' / 'a.png')
    load(tmp_path / 'empty', tmp_path, split='test')


def test_an_unreadable_file_is_refused(tmp_path, monkeypatch):
  colour(tmp_path / 'in' / 'a.png')
  colour(tmp_path / 'in' / 'b.png')
  opened = Image.open

  def denied(file, **options):
    if pathlib.Path(file).name == 'b.png':
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
