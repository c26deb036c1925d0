import pathlib

import chex
import numpy as np
import pytest

from jaxgan import data


def test_size_and_channels_on_request(data_dir):
  source = data.load('digits', image_size=32, channels=3, data_dir=data_dir)
  pixels = source.images(np.arange(5))
  chex.assert_shape(pixels, (5, 32, 32, 3))
  chex.assert_trees_all_equal(pixels[..., 0], pixels[..., 2])


def test_what_is_asked_for_is_in_the_fingerprint(data_dir):
  options = [{}, {'image_size': 32}, {'channels': 3}, {'split': 'test'}, {'split': 'train[:99]'}]
  prints = [data.load('digits', data_dir=data_dir, **option).fingerprint for option in options]
  assert len(set(prints)) == len(options)
  assert data.load('digits', data_dir=data_dir, image_size=16).fingerprint == prints[0]


@pytest.mark.parametrize(
  'options, message',
  [
    (dict(image_size=0), 'image_size should be positive'),
    (dict(channels=2), 'channels 1, 3 or 4, got None and 2'),
    (
      dict(folder='x'),
      'folder= is for the data sets mnist, stacked_mnist, folder, captions, domains',
    ),
    (dict(split='valid'), 'has no split .valid.: it has train, test'),
  ],
)
def test_impossible_wishes_are_refused(options, message, data_dir):
  with pytest.raises(ValueError, match=message):
    data.load('digits', data_dir=data_dir, **options)


def test_where_sets_are_prepared(monkeypatch):
  monkeypatch.setenv('TFDS_DATA_DIR', '~/here')
  assert data.data_folder() == pathlib.Path.home() / 'here'
  monkeypatch.delenv('TFDS_DATA_DIR')
  assert data.data_folder() == pathlib.Path.home() / 'tensorflow_datasets'
