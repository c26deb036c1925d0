"""Folders and files of images are read in one size, by the rules of training."""

import collections
import io

import numpy as np
import pytest
from PIL import Image

from jaxgan.apps import image_sets


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch, tmp_path_factory):
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path_factory.getbasetemp() / 'tfds'))


def noise(count, size=8, channels=3, seed=0):
  shape = (count, size, size, channels)
  return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def folder(path, *images):
  path.mkdir()
  for i, image in enumerate(images):
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(path / f'{i}.png')
  return path


def npz(path, **arrays):
  np.savez(path, **arrays)
  return path


def test_a_file_decides_the_size_and_the_channels(tmp_path, capsys):
  images = noise(6, 8, 1)
  file = npz(tmp_path / 'a.npz', images=images)
  grays = folder(tmp_path / 'gray', *images)
  large = folder(tmp_path / 'large', *noise(3, 24, 1))
  found = image_sets.opened({'--fake': grays, '--real': file, '--held-out': large})
  assert {source.spec.shape for source in found.values()} == {(8, 8, 1)}
  np.testing.assert_array_equal(np.sort(found['--fake'].all(), 0), np.sort(images, 0))
  assert capsys.readouterr().err == 'jaxgan: --held-out: images of 24 pixels are resized to 8\n'


def test_color_beside_gray_is_refused(tmp_path):
  file = npz(tmp_path / 'a.npz', images=noise(6, 8, 1))
  color = folder(tmp_path / 'color', *noise(3))
  with pytest.raises(ValueError, match='--real=.* has images in color, the other images are gray'):
    image_sets.opened({'--fake': file, '--real': color})


def test_folders_have_the_size_of_the_first(tmp_path, capsys):
  first, second = folder(tmp_path / 'a', *noise(2, 8)), folder(tmp_path / 'b', *noise(2, 12))
  found = image_sets.opened({'--fake': first, '--real': second})
  assert {source.spec.shape for source in found.values()} == {(8, 8, 3)}
  assert '--real: images of 12 pixels are resized to 8' in capsys.readouterr().err


@pytest.mark.parametrize('flag', ['--fake', '--real', '--held-out'])
def test_several_sizes_need_an_image_size(flag, tmp_path, capsys):
  """A thumbnail that sorts first would make all images those of two pixels."""
  mixed = folder(tmp_path / 'mixed', noise(1, 2)[0], *noise(3, 8))
  plain = folder(tmp_path / 'plain', *noise(3, 8))
  named = dict.fromkeys(('--fake', '--real', '--held-out'), plain) | {flag: mixed}
  words = f'{flag}=.*mixed has images of 2 sizes \\(8: 3 images, 2: 1 image\\): give --image-size'
  with pytest.raises(ValueError, match=words):
    image_sets.opened(named)
  found = image_sets.opened(named, 8)
  assert {source.spec.shape for source in found.values()} == {(8, 8, 3)}
  assert len(found[flag]) == 4 and not capsys.readouterr().err


def test_the_size_is_that_of_the_center_square(tmp_path):
  """As for training; and files that cannot be read have no say."""
  tall, wide = np.zeros((12, 8, 3), np.uint8), np.zeros((8, 40, 3), np.uint8)
  path = folder(tmp_path / 'a', tall, wide)
  (path / '0a.png').write_bytes(b'hello')
  assert image_sets.sizes(path) == {8: 2} and image_sets.side('--fake', path) == 8


def test_an_image_size_beside_a_file_of_another_is_refused(tmp_path):
  file = npz(tmp_path / 'a.npz', images=noise(6))
  with pytest.raises(
    ValueError, match='--image-size=4 is for folders, and --real=.* has images of'
  ):
    image_sets.opened({'--fake': folder(tmp_path / 'a', *noise(2)), '--real': file}, 4)


def test_many_sizes_are_counted():
  found = collections.Counter({size: 10 - size for size in range(1, 8)})
  text = '1: 9 images, 2: 8 images, 3: 7 images, 4: 6 images, and 3 more'
  assert image_sets.counted(found) == text


DAMAGED = {
  'nothing.npz': lambda path: None,
  'text.npz': lambda path: path.write_text('no arrays'),
  'empty.npz': lambda path: path.write_bytes(b''),
  'array.npz': lambda path: path.write_bytes(_array(noise(2))),
  'object.npz': lambda path: np.savez(path, images=np.array([{}, None], object)),
  'words.npz': lambda path: np.savez(path, images=np.array(['a'])),
  'bits.npz': lambda path: _broken(path, slice(200, 300)),
  'cut.npz': lambda path: _broken(path, slice(500, None)),
  'header.npz': lambda path: _broken(path, slice(30, 60)),
}


def _array(images):
  file = io.BytesIO()
  np.save(file, images)
  return file.getvalue()


def _broken(path, where):
  np.savez_compressed(path, images=noise(12), features=np.zeros((2, 2)))
  data = bytearray(path.read_bytes())
  data[where] = bytes(len(data[where])) if where.stop else b''
  path.write_bytes(data)


@pytest.mark.parametrize('name', DAMAGED)
def test_what_is_no_file_of_images_is_refused_with_its_name(name, tmp_path):
  DAMAGED[name](tmp_path / name)
  with pytest.raises(ValueError, match=name) as info:
    image_sets.of_file(tmp_path / name)
  assert len(str(info.value).splitlines()) == 1


@pytest.mark.parametrize('name', ['nothing', 'folder', 'text.png'])
def test_what_has_no_image_is_refused(name, tmp_path):
  (tmp_path / 'folder').mkdir()
  (tmp_path / 'text.png').write_text('no picture')
  with pytest.raises(ValueError, match='is neither a folder of images nor an .npz file'):
    image_sets.opened({'--fake': tmp_path / name})


def test_features_are_told_from_images(tmp_path):
  features = npz(tmp_path / 'f.npz', features=np.arange(12.0).reshape(6, 2))
  images = npz(tmp_path / 'i.npz', images=noise(2))
  assert image_sets.holds_features(features)
  assert not image_sets.holds_features(images) and not image_sets.holds_features(tmp_path / 'x.npz')
  assert len(image_sets.features(features)) == 6
  with pytest.raises(ValueError, match='should hold `features`'):
    image_sets.features(images)
