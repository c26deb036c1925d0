"""Records that are more than memory should hold wait in plain files, in the same order."""

import sys

import numpy as np
import pytest
from PIL import Image
from tensorflow_datasets.core import shuffle

from jaxgan import data
from jaxgan.data import spilling


def test_a_bucket_gives_back_what_it_was_given(tmp_path):
  bucket = spilling.Bucket(tmp_path / 'new' / 'bucket')
  records = [(2**128 - 1, b''), (0, b'abc'), (2**64, bytes(range(256)))]
  for key, one in records:
    bucket.add(key, one)
  assert (len(bucket), bucket.size) == (3, 259)
  assert list(bucket.read_values()) == records
  bucket.del_file()
  assert not list((tmp_path / 'new').iterdir())


def test_a_bucket_without_records_has_no_file(tmp_path):
  bucket = spilling.Bucket(tmp_path / 'bucket')
  bucket.flush()
  bucket.del_file()
  assert list(bucket.read_values()) == [] and not list(tmp_path.iterdir())


@pytest.fixture
def folder(tmp_path):
  (tmp_path / 'images').mkdir()
  for i in range(60):
    Image.fromarray(np.full((8, 8), i, np.uint8)).save(tmp_path / 'images' / f'{i}.png')
  return tmp_path / 'images'


def images_of(folder, data_dir):
  source = data.load('folder', folder=folder, image_size=8, channels=1, data_dir=data_dir)
  return source.images(np.arange(len(source)))


def test_a_set_larger_than_memory_is_prepared_in_the_same_order(folder, tmp_path, monkeypatch):
  """TensorFlow, which users need not have, would be imported for the first record on the disk."""
  whole = images_of(folder, tmp_path / 'memory')
  monkeypatch.setattr(spilling, 'MEMORY', 500)
  monkeypatch.setattr(shuffle, 'MAX_MEM_BUFFER_SIZE', 500)
  spilled = images_of(folder, tmp_path / 'disk')
  np.testing.assert_array_equal(spilled, whole)
  assert len(np.unique(whole[:, 0, 0, 0])) == 60
  assert 'tensorflow' not in sys.modules
  assert not list((tmp_path / 'disk').rglob('*bucket*'))


def test_tensorflow_datasets_is_as_before_afterwards(folder, tmp_path):
  before = shuffle._Bucket, shuffle.BUCKETS_NUMBER, shuffle.MAX_MEM_BUFFER_SIZE
  images_of(folder, tmp_path / 'data')
  assert (shuffle._Bucket, shuffle.BUCKETS_NUMBER, shuffle.MAX_MEM_BUFFER_SIZE) == before
