"""A folder of generated images is balanced, named and trained on; or it is not there at all."""

import errno
import os

import numpy as np
import pytest
from PIL import Image

from jaxgan import data
from jaxgan.apps import augment
from jaxgan.apps.augment import main
from jaxgan.storage import figures
from jaxgan.training.run import load


def test_a_folder_of_pngs_is_a_data_set(conditional, tmp_path, said):
  out = tmp_path / 'more'
  ended = said(main, f'--workdir={conditional}', f'--out={out}', '--num=3')
  assert ended.code == 0 and '3 images of each of 10 classes' in ended.out
  source = data.load('folder', folder=out, data_dir=tmp_path, image_size=16, channels=1)
  np.testing.assert_array_equal(np.bincount(source.labels), [3] * 10)
  with Image.open(out / '4' / '00001.png') as image:
    wanted = figures.to_uint8(load(conditional).sample(4, 3, 4)[1, ..., 0])
    np.testing.assert_array_equal(np.asarray(image), wanted)


def test_array_record_is_a_data_set(conditional, tmp_path, said):
  out = tmp_path / 'records'
  argv = [f'--workdir={conditional}', f'--out={out}', '--num=2', '--format=array_record']
  assert said(main, *argv).code == 0
  source = data.load('generated', data_dir=out)
  assert source.spec == data.Spec(16, 1, 10, tuple('0123456789'))
  np.testing.assert_array_equal(np.bincount(source.labels), [2] * 10)
  of_nine = source.images(np.flatnonzero(source.labels == 9))
  wanted = figures.to_uint8(load(conditional).sample(9, 2, 9))
  assert {x.tobytes() for x in of_nine} == {x.tobytes() for x in wanted}


def test_what_is_there_is_left_alone(conditional, tmp_path, said):
  (tmp_path / 'kept').write_text('kept')
  for out, why in ((tmp_path, 'not empty'), (tmp_path / 'kept', 'is no folder')):
    ended = said(main, f'--workdir={conditional}', f'--out={out}')
    assert ended.code == 2 and why in ended.err
  assert [p.name for p in tmp_path.iterdir()] == ['kept']


def test_a_folder_is_whole_or_not_there(conditional, tmp_path, monkeypatch, said):
  def fail(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

  monkeypatch.setattr(augment, 'save_png', fail)
  ended = said(main, f'--workdir={conditional}', f'--out={tmp_path / "more"}', '--num=1')
  assert ended.code == 1 and 'No space left' in ended.err
  assert not list(tmp_path.iterdir())


def test_runs_without_classes_are_refused(plain, conditional, tmp_path, said):
  ended = said(main, f'--workdir={plain}', f'--out={tmp_path / "more"}')
  assert ended.code == 2 and 'gan draws no classes' in ended.err
  ended = said(main, f'--workdir={conditional}', f'--out={tmp_path / "more"}', '--num=0')
  assert ended.code == 2 and '--num must be above 0' in ended.err
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
  ('names', 'folders'),
  [
    (('cat', 'dog'), ['cat', 'dog']),
    (('dog', 'cat'), ['0_dog', '1_cat']),
    (('a/b', '..', 'a?b'), ['0_a_b', '1__', '2_a_b']),
    (tuple(map(str, range(11))), [f'{i:02d}_{i}' for i in range(11)]),
  ],
)
def test_folders_are_safe_and_in_the_order_of_classes(names, folders):
  found = augment.folder_names(names)
  assert found == folders and sorted(found) == found and len(set(found)) == len(names)
