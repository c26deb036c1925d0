"""Generated images are prepared once and read back to the byte."""

import numpy as np

from jaxgan import data
from jaxgan.core.typing import Spec
from jaxgan.data import generated

SPEC = Spec(8, 3, 2, ('cat', 'dog'))


def drawn(count=6, seed=0):
  pixels = np.random.default_rng(seed).integers(0, 256, (count, *SPEC.shape), np.uint8)
  return pixels, np.arange(count) % 2


def test_images_and_labels_come_back_as_they_went(tmp_path):
  pixels, labels = drawn()
  generated.prepare(tmp_path, SPEC, zip(pixels, labels, strict=True))
  source = data.load('generated', data_dir=tmp_path)
  assert source.spec == SPEC and len(source) == 6
  stored = source.images(np.arange(6))
  # The records are shuffled, each image with its label.
  known = {image.tobytes(): label for image, label in zip(pixels, labels, strict=True)}
  assert {image.tobytes() for image in stored} == set(known)
  assert [known[image.tobytes()] for image in stored] == source.labels.tolist()


def test_grey_images_stay_grey(tmp_path):
  spec = Spec(8, 1, 1, ('only',))
  pixels = np.random.default_rng(1).integers(0, 256, (3, *spec.shape), np.uint8)
  generated.prepare(tmp_path, spec, [(image, 0) for image in pixels])
  source = data.load('generated', data_dir=tmp_path)
  assert source.spec == spec
  stored = source.images(np.arange(3))
  assert {image.tobytes() for image in stored} == {image.tobytes() for image in pixels}


def test_what_is_prepared_is_not_made_again(tmp_path):
  pixels, labels = drawn()
  generated.prepare(tmp_path, SPEC, zip(pixels, labels, strict=True))

  def never():
    raise AssertionError('the images are there already')
    yield

  generated.prepare(tmp_path, SPEC, never())
  assert len(data.load('generated', data_dir=tmp_path)) == 6
