"""The classifier that images are measured by."""

import dataclasses
import sys
import types

import jax
import numpy as np
import pytest

from benchmarks.evaluation import random_weights
from jaxgan import data
from jaxgan.data.source import Captions
from jaxgan.evaluation import features
from jaxgan.recipes import perceptual


@pytest.fixture(scope='module')
def digits(tmp_path_factory):
  folder = tmp_path_factory.mktemp('data')
  return [data.load('digits', split=split, data_dir=folder) for split in ('train', 'test')]


@pytest.fixture(scope='module')
def cache(tmp_path_factory):
  return tmp_path_factory.mktemp('cache')


@pytest.fixture(scope='module')
def network(digits, cache):
  return features.classifier(*digits, folder=cache)


def test_names_the_digits(network, digits):
  """The test digits are of other hands than those trained on."""
  test = digits[1]
  found, logits = network.apply(test.images(np.arange(len(test))))
  assert found.shape == (360, 64) and logits.shape == (360, 10)
  right = (logits.argmax(1) == test.labels).mean()
  assert right >= 0.96
  assert f'test accuracy {right:.4f} of 360' in network.about


def test_is_kept_and_told_by_its_hash(network, digits, cache, monkeypatch):
  def never(*_):
    raise AssertionError('it was kept')

  monkeypatch.setattr(features, 'fit', never)
  again = features.classifier(*digits, folder=cache)
  assert again.hash == network.hash
  images = digits[1].images(np.arange(9))
  np.testing.assert_array_equal(again.apply(images)[0], network.apply(images)[0])


def test_a_damaged_one_is_made_anew(digits, cache, tmp_path, monkeypatch):
  monkeypatch.setattr(features, 'STEPS', 2)
  fit = features.fit
  monkeypatch.setattr(features, 'fit', lambda net, source: fit(net, source, steps=2))
  first = features.classifier(*digits, folder=tmp_path)
  (path,) = tmp_path.iterdir()
  path.write_bytes(path.read_bytes()[:-100])
  assert features.classifier(*digits, folder=tmp_path).hash == first.hash
  assert features._kept(path) is not None


def test_the_number_of_images_is_nothing(network, digits):
  images = digits[0].images(np.arange(700))
  whole = network.apply(images)
  parts = [network.apply(part) for part in np.split(images, 7)]
  for i in (0, 1):
    np.testing.assert_array_equal(np.concatenate([p[i] for p in parts]), whole[i])


def test_wrong_images_are_refused(network):
  with pytest.raises(ValueError, match=r'expected images uint8 \[N, H, W, C\], got float32'):
    network.apply(np.zeros((2, 16, 16, 1), np.float32))


def test_the_inception_names_the_file_it_needs(tmp_path):
  for path in (None, tmp_path / 'none.pth'):
    with pytest.raises(ValueError, match='6726825d.pth of .*95,628,359 bytes, sha256 6726825d0af5'):
      features.inception(path)
  assert len(features.INCEPTION_SHA256) == 64


def test_unknown_inception_weights_are_said_to_be(tmp_path):
  np.savez(tmp_path / 'w.npz', **random_weights())
  network = features.inception(tmp_path / 'w.npz')
  assert 'NOT COMPARABLE' in network.about
  found, logits = network.apply(np.zeros((3, 16, 16, 1), np.uint8))
  assert found.shape == (3, 2048) and logits.shape == (3, 1008)
  np.testing.assert_array_equal(found[0], found[2])


def test_labels_are_needed():
  source = data.from_arrays(np.zeros((4, 8, 8, 1), np.uint8))
  with pytest.raises(ValueError, match='a classifier needs labels'):
    features.classifier(source, source)


def test_shifts_by_whole_pixels_alone():
  images = jax.random.normal(jax.random.key(0), (2, 16, 16, 1))
  seen = {np.asarray(features.shifted(images, jax.random.key(i))).tobytes() for i in range(60)}
  assert len(seen) == 9
  assert np.asarray(images).tobytes() in seen


def test_turns_are_told_without_labels(digits):
  """None, a quarter, two, three, of each image in order; the network learns to tell them."""
  turned = features.rotated(digits[0])
  images = turned.images(np.arange(8))
  upright = digits[0].images(np.arange(2))
  for i in range(8):
    np.testing.assert_array_equal(images[i], np.rot90(upright[i // 4], i % 4))
  np.testing.assert_array_equal(turned.labels[:8], [0, 1, 2, 3, 0, 1, 2, 3])
  assert len(turned) == 4 * len(digits[0]) and turned.fingerprint != digits[0].fingerprint


def test_a_name_chooses_the_network(digits, tmp_path, monkeypatch):
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
  fit = features.fit
  monkeypatch.setattr(features, 'fit', lambda net, source: fit(net, source, steps=2))
  bare = data.from_arrays(digits[0].images(np.arange(40)))
  names = [features.named('own', source, None).name for source in (digits[0], bare)]
  assert names == ['classifier', 'turns']
  assert features.named('classifier', *digits).about.startswith('test accuracy')
  with pytest.raises(ValueError, match='none of own, classifier, turns, inception or MODULE'):
    features.named('vgg', *digits)


def test_a_function_is_told_by_what_it_does(monkeypatch):
  module = types.ModuleType('theirs')
  monkeypatch.setitem(sys.modules, 'theirs', module)
  module.rows = lambda x: x.reshape(len(x), -1)[:, :4].astype(np.float32)
  made = lambda: features.function('theirs:rows', (8, 8, 1))
  first = made()
  assert made().hash == first.hash
  images = np.random.default_rng(1).integers(0, 256, (5, 8, 8, 1)).astype(np.uint8)
  np.testing.assert_array_equal(first.apply(images)[0], images.reshape(5, -1)[:, :4])
  assert first.apply(images)[1].shape == (5, 0)
  module.rows = lambda x: x.reshape(len(x), -1)[:, 4:8].astype(np.float32)
  assert made().hash != first.hash
  module.rows = lambda x: x.mean()
  with pytest.raises(ValueError, match=r'theirs:rows should give \[8, d\]'):
    made()
  for name in ('theirs:none', 'no_such_module:f'):
    with pytest.raises(ValueError, match='cannot be found'):
      features.function(name, (8, 8, 1))


def test_one_set_of_images_has_one_classifier(digits, tmp_path, monkeypatch):
  """Held-out images, which it is not trained on, and the perceptual loss bring no second one."""
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
  fit, times = features.fit, []
  monkeypatch.setattr(
    features, 'fit', lambda net, source: times.append(1) or fit(net, source, steps=2)
  )
  hashes = {features.classifier(digits[0], test).hash for test in (digits[1], None)}
  params = perceptual.classifier(digits[0].spec).fetch(digits[0])
  assert hashes == {features._hash(params)} and len(times) == 1


def test_captions_are_no_classes_for_a_classifier(monkeypatch):
  source = data.from_arrays(np.zeros((4, 8, 8, 1), np.uint8), np.arange(4))
  captioned = dataclasses.replace(source, captions=Captions(np.arange(4), np.arange(5)))
  for name in ('classifier', 'turns'):
    monkeypatch.setattr(features, name, lambda train, test, name=name: name)
  found = [features.named('own', each, None) for each in (source, captioned)]
  assert found == ['classifier', 'turns']
