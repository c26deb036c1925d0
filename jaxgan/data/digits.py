"""Handwritten digits that come with the package: 1797 gray images of 8 x 8 pixels in 10 classes.

They are the test part of the UCI data set "Optical Recognition of Handwritten Digits" (E. Alpaydin
and C. Kaynak, 1998, https://doi.org/10.24432/C50P49, license CC BY 4.0), as in scikit-learn's
`load_digits`. There the values are 0 to 16, here 0 to 255. The first 1437 images are the training
split and the last 360 the test split (33 to 37 of each class). They are in the order of the
writers, so other people wrote the test digits.
"""

import importlib.resources
import pathlib

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from jaxgan.data import prepared

SIZE = 16  # bicubic from 8: looks like handwriting; Lanczos makes halos, bilinear blurs
TRAIN = 1437


def arrays() -> tuple[np.ndarray, np.ndarray]:
  """Return all images, uint8 `[1797, 8, 8]`, and labels, uint8 `[1797]`, in UCI's order."""
  with importlib.resources.files('jaxgan.data').joinpath('digits.npz').open('rb') as file:
    with np.load(file, allow_pickle=False) as stored:
      images, labels = stored['images'], stored['labels']
  return np.rint(images * (255 / 16)).astype(np.uint8), labels


class Digits(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
  """The builder; once prepared, `tfds.data_source('digits', data_dir=...)` reads the set."""

  name = 'digits'
  VERSION = tfds.core.Version('1.0.0')

  def _info(self) -> tfds.core.DatasetInfo:
    features = {
      'image': tfds.features.Image(shape=(8, 8, 1)),
      'label': tfds.features.ClassLabel(num_classes=10),
    }
    return tfds.core.DatasetInfo(
      builder=self,
      description='Handwritten digits, Alpaydin and Kaynak 1998, CC BY 4.0.',
      homepage='https://doi.org/10.24432/C50P49',
      features=tfds.features.FeaturesDict(features),
    )

  def _split_generators(
    self, dl_manager: tfds.download.DownloadManager
  ) -> dict[str, prepared.Examples]:
    return {
      'train': self._generate_examples(0, TRAIN),
      'test': self._generate_examples(TRAIN, None),
    }

  def _generate_examples(self, start: int, stop: int | None) -> prepared.Examples:
    images, labels = arrays()
    for i, (image, label) in enumerate(zip(images[start:stop], labels[start:stop], strict=True)):
      yield i, {'image': Image.fromarray(image), 'label': int(label)}


def prepare(data_dir: pathlib.Path) -> tuple[tfds.core.DatasetBuilder, str]:
  """Prepare the set; return its builder and a text that identifies its content."""
  builder = prepared.prepare(lambda: Digits(data_dir=data_dir, file_format='array_record'))
  return builder, 'digits 1.0.0'
