"""The file of decoded images."""

import concurrent.futures
import logging
import os
import shutil
import threading

import chex
import numpy as np
import pytest

from jaxgan.data import decoded

COUNT, ROW = 40, (3, 5, 2)
EACH = 3 * 5 * 2 + decoded.SUM


class Decoder:
  """Decodes images of random pixels, and remembers which."""

  def __init__(self):
    self.pixels = np.random.default_rng(0).integers(0, 256, (COUNT, *ROW), np.uint8)
    self.pixels[7] = 0  # as if never written
    self.asked = []
    self.lock = threading.Lock()

  def __call__(self, indices):
    with self.lock:
      self.asked += list(indices)
    return self.pixels[indices]


@pytest.fixture
def decoder():
  return Decoder()


def test_each_image_is_decoded_once(decoder, tmp_path):
  read = decoded.kept(decoder, tmp_path / 'rows', COUNT, ROW)
  for wanted in ([3, 1, 3], [1, 7, 39], [7, 0], []):
    chex.assert_trees_all_equal(read(np.array(wanted, int)), decoder.pixels[np.array(wanted, int)])
  assert sorted(set(decoder.asked)) == [0, 1, 3, 7, 39]
  assert [decoder.asked.count(i) for i in (0, 1, 7, 39)] == [1] * 4
  again = decoded.kept(decoder, tmp_path / 'rows', COUNT, ROW)  # as another process would
  decoder.asked.clear()
  chex.assert_trees_all_equal(again(np.array([39, 3])), decoder.pixels[[39, 3]])
  assert not decoder.asked


@pytest.mark.parametrize('harm', ['flip', 'cut', 'empty'])
def test_what_is_damaged_is_decoded_again(decoder, tmp_path, harm):
  path = tmp_path / 'rows'
  everything = np.arange(COUNT)
  read = decoded.kept(decoder, path, COUNT, ROW)
  read(everything)
  whole = path.read_bytes()
  assert len(whole) == COUNT * EACH
  flipped = bytearray(whole)
  flipped[5 * EACH + 4] ^= 1  # a pixel of image 5
  flipped[9 * EACH + EACH - 1] ^= 1  # the checksum of image 9
  path.write_bytes({'flip': flipped, 'cut': whole[: 30 * EACH + 4], 'empty': b''}[harm])
  decoder.asked.clear()
  chex.assert_trees_all_equal(read(everything), decoder.pixels)
  wanted = {'flip': [5, 9], 'cut': list(range(30, COUNT)), 'empty': list(range(COUNT))}
  assert decoder.asked == wanted[harm]
  assert path.read_bytes() == whole


def test_threads_share_a_file(decoder, tmp_path):
  read = decoded.kept(decoder, tmp_path / 'rows', COUNT, ROW)
  orders = np.random.default_rng(1).integers(0, COUNT, (100, 16))
  with concurrent.futures.ThreadPoolExecutor(8) as pool:
    for order, images in zip(orders, pool.map(read, orders), strict=True):
      chex.assert_trees_all_equal(images, decoder.pixels[order])


def test_a_disk_with_little_room_is_not_filled(decoder, tmp_path, monkeypatch, caplog):
  usage = shutil.disk_usage(tmp_path)
  needed = COUNT * EACH
  for free, keeps in ((4 * needed - 1, False), (4 * needed, True)):
    monkeypatch.setattr(shutil, 'disk_usage', lambda path, free=free: usage._replace(free=free))
    with caplog.at_level(logging.INFO):
      read = decoded.kept(decoder, tmp_path / 'rows', COUNT, ROW)
    assert (read is not decoder) == keeps
    chex.assert_trees_all_equal(read(np.arange(COUNT)), decoder.pixels)
  assert 'has little room: images are decoded each time' in caplog.text
  assert f'decoded images are kept in {tmp_path}' in caplog.text


def test_a_full_disk_or_one_that_cannot_be_read_costs_no_image(decoder, tmp_path, monkeypatch):
  def fail(*args):
    raise OSError(28, 'No space left on device')

  read = decoded.kept(decoder, tmp_path / 'rows', COUNT, ROW)
  for name in ('pwritev', 'preadv'):
    with monkeypatch.context() as patch:
      patch.setattr(os, name, fail)
      chex.assert_trees_all_equal(read(np.arange(COUNT)), decoder.pixels)


def test_a_folder_that_cannot_be_written_is_named(decoder, tmp_path, caplog):
  (tmp_path / 'rows').mkdir()  # no file can be made here, whoever runs this
  with caplog.at_level(logging.WARNING):
    assert decoded.kept(decoder, tmp_path / 'rows', COUNT, ROW) is decoder
  assert f'decoded images are not kept in {tmp_path}: Is a directory' in caplog.text
