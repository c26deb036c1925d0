"""Stacked MNIST: every channel a digit of MNIST."""

import numpy as np

from jaxgan import data
from jaxgan.data import stacked_mnist


def test_channels_are_digits_of_the_same_split(test_data, tmp_path, monkeypatch):
  monkeypatch.setattr(stacked_mnist, 'COUNTS', {'train': 40, 'test': 30})
  load = lambda name, split: data.load(
    name, split=split, data_dir=tmp_path, folder=test_data / 'mnist'
  )
  for split, count in (('train', 40), ('test', 30)):
    stacked, single = load('stacked_mnist', split), load('mnist', split)
    assert stacked.spec.shape == (28, 28, 3) and len(stacked) == count
    assert stacked.spec.classes == 0
    known = {x.tobytes() for x in single.images(np.arange(len(single)))}
    images = stacked.images(np.arange(count))
    assert all(images[i, :, :, c].tobytes() in known for i in range(count) for c in range(3))


def test_triples_are_even_and_the_same_every_time():
  chosen = stacked_mnist.triples(10_000, 'test')
  assert chosen.shape == (26_000, 3)
  np.testing.assert_array_equal(chosen, stacked_mnist.triples(10_000, 'test'))
  assert abs(np.corrcoef(chosen.T)[0, 1]) < 0.03
  assert not np.array_equal(chosen[:9], stacked_mnist.triples(10_000, 'train')[:9])
