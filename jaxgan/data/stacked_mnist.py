"""Stacked MNIST: three random digits are the channels of one image, which gives 1000 modes.

There are 25 600 training images of training digits, as in PacGAN (Lin et al., 2018), and 26 000
test images of test digits. There are no labels; a classifier of single digits finds the mode of an
image.
"""

import pathlib

import numpy as np
import tensorflow_datasets as tfds

from jaxgan.data import mnist, prepared, source

SIZE = 28
COUNTS = {'train': 25_600, 'test': 26_000}


class StackedMNIST(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
  """The builder; once prepared, `tfds.data_source('stacked_mnist', data_dir=...)` reads the set."""

  name = 'stacked_mnist'
  VERSION = tfds.core.Version('1.0.0')

  def __init__(self, *, folder: pathlib.Path | None = None, data_dir: pathlib.Path) -> None:
    self._folder = folder
    super().__init__(file_format='array_record', data_dir=data_dir)

  def _info(self) -> tfds.core.DatasetInfo:
    features = {
      'image': tfds.features.Tensor(shape=(SIZE, SIZE, 3), dtype=np.uint8, encoding='bytes'),
      'digits': tfds.features.Tensor(shape=(3,), dtype=np.int64),
    }
    return tfds.core.DatasetInfo(
      builder=self,
      description='Three digits of MNIST as the channels of one image.',
      features=tfds.features.FeaturesDict(features),
    )

  def _split_generators(
    self, dl_manager: tfds.download.DownloadManager
  ) -> dict[str, prepared.Examples]:
    return {split: self._generate_examples(split) for split in COUNTS}

  def _generate_examples(self, split: str) -> prepared.Examples:
    singles = digits(pathlib.Path(self.data_dir_root), self._folder, split)
    pictures, labels = singles.all()[..., 0], np.asarray(singles.labels, np.int64)
    for i, triple in enumerate(triples(len(singles), split)):
      yield i, {'image': np.moveaxis(pictures[triple], 0, -1), 'digits': labels[triple]}


def triples(count: int, split: str) -> np.ndarray:
  """Return the three digits of each image as indices `[n, 3]` below `count`, with a fixed seed."""
  random = np.random.default_rng([1000, list(COUNTS).index(split)])
  return random.integers(count, size=(COUNTS[split], 3))


def digits(data_dir: pathlib.Path, folder: pathlib.Path | None, split: str) -> source.Source:
  """Return MNIST as a source."""
  builder, content = mnist.prepare(data_dir, folder)
  chosen = prepared.records(builder, split, SIZE, 1)
  return prepared.source(chosen, content=content, in_memory_limit=2**31)


def prepare(
  data_dir: pathlib.Path, folder: pathlib.Path | None = None
) -> tuple[tfds.core.DatasetBuilder, str]:
  """Prepare the set; return its builder and a text that identifies its content.

  Raises:
    ValueError: as in `mnist.prepare`.
  """
  mnist.prepare(data_dir, folder)  # before the other: one preparation cannot run inside another
  builder = prepared.prepare(lambda: StackedMNIST(folder=folder, data_dir=data_dir))
  return builder, 'stacked_mnist 1.0.0 ' + ' '.join(mnist.FILES.values())
