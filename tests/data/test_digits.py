import chex
import numpy as np
import pytest
import tensorflow_datasets as tfds

from jaxgan import data
from jaxgan.data import digits


def test_counts_and_range(data_dir):
  train, test = (data.load('digits', split=split, data_dir=data_dir) for split in ('train', 'test'))
  assert (len(train), len(test)) == (1437, 360)
  assert train.spec == data.Spec(16, 1, 10, tuple('0123456789'))
  counts = np.bincount(np.concatenate([train.labels, test.labels]))
  assert counts.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
  pixels = train.images(np.arange(1437))
  assert pixels.min() == 0 and pixels.max() == 255


def test_they_are_those_of_scikit_learn():
  bunch = pytest.importorskip('sklearn.datasets').load_digits()
  images, labels = digits.arrays()
  chex.assert_trees_all_equal(np.rint(images / 255 * 16), bunch.images)
  chex.assert_trees_all_equal(labels.astype(int), bunch.target)


def test_splits_are_disjoint_and_stored_unscaled(data_dir):
  stored = [
    data.load('digits', split=split, image_size=8, data_dir=data_dir) for split in ('train', 'test')
  ]
  images, labels = digits.arrays()
  for source, part in zip(stored, (slice(0, 1437), slice(1437, None)), strict=True):
    pairs = zip(source.images(np.arange(len(source))), source.labels, strict=True)
    found = sorted((image.tobytes(), int(label)) for image, label in pairs)
    pairs = zip(images[part], labels[part], strict=True)
    assert found == sorted((image.tobytes(), int(label)) for image, label in pairs)


def test_tfds_reads_the_prepared_set(data_dir):
  data.load('digits', data_dir=data_dir)
  source = tfds.data_source('digits', data_dir=data_dir)
  assert {split: len(part) for split, part in source.items()} == {'train': 1437, 'test': 360}
  builder = tfds.builder_from_directory(data_dir / 'digits' / '1.0.0')
  assert builder.info.features['label'].num_classes == 10
