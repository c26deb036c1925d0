"""Stacked MNIST: three random digits as the channels of one image, so that there are 1000 modes.

25 600 training images of training digits, as many as PacGAN's (Lin et al., 2018), and 26 000 test
images of test digits. Labels there are none: what triple an image shows, a classifier of single
digits reads.
"""

import pathlib

import numpy as np
import tensorflow_datasets as tfds

from jaxgan.data import mnist, prepared, source

SIZE = 28
COUNTS = {'train': 25_600, 'test': 26_000}


class StackedMNIST(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
  """`tfds.data_source('stacked_mnist', data_dir=...)` reads it once it is prepared."""

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
  """Which three of so many digits make each image, `[n, 3]`; the same ones every time."""
  random = np.random.default_rng([1000, list(COUNTS).index(split)])
  return random.integers(count, size=(COUNTS[split], 3))


def digits(data_dir: pathlib.Path, folder: pathlib.Path | None, split: str) -> source.Source:
  """MNIST itself."""
  builder, content = mnist.prepare(data_dir, folder)
  chosen = prepared.records(builder, split, SIZE, 1)
  return prepared.source(chosen, content=content, in_memory_limit=2**31)


def prepare(
  data_dir: pathlib.Path, folder: pathlib.Path | None = None
) -> tuple[tfds.core.DatasetBuilder, str]:
  """The prepared set and what identifies its content.

  Raises:
    ValueError: as `mnist.prepare`.
  """
  mnist.prepare(data_dir, folder)  # first: two preparations do not nest
  builder = prepared.prepare(lambda: StackedMNIST(folder=folder, data_dir=data_dir))
  return builder, 'stacked_mnist 1.0.0 ' + ' '.join(mnist.FILES.values())
