"""Images that a generator made, stored as array_record like any other data set."""

import pathlib
from collections.abc import Iterable

import numpy as np
import tensorflow_datasets as tfds

from jaxgan.core.typing import Spec
from jaxgan.data import prepared


class Generated(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
  """The builder; once prepared, `jaxgan.data.load('generated', data_dir=...)` reads the set."""

  name = 'generated'
  VERSION = tfds.core.Version('1.0.0')

  def __init__(
    self, *, spec: Spec, labelled: Iterable[tuple[np.ndarray, int]], data_dir: pathlib.Path
  ) -> None:
    self.spec, self.labelled = spec, labelled
    super().__init__(file_format='array_record', data_dir=data_dir)

  def _info(self) -> tfds.core.DatasetInfo:
    features = {
      'image': tfds.features.Tensor(shape=self.spec.shape, dtype=np.uint8, encoding='bytes'),
      'label': tfds.features.ClassLabel(names=list(self.spec.names)),
    }
    return tfds.core.DatasetInfo(
      builder=self,
      description='Images made by a generator.',
      features=tfds.features.FeaturesDict(features),
    )

  def _split_generators(
    self, dl_manager: tfds.download.DownloadManager
  ) -> dict[str, prepared.Examples]:
    return {'train': self._generate_examples()}

  def _generate_examples(self) -> prepared.Examples:
    for i, (image, label) in enumerate(self.labelled):
      yield i, {'image': image, 'label': label}


def prepare(
  data_dir: pathlib.Path, spec: Spec, labelled: Iterable[tuple[np.ndarray, int]]
) -> tfds.core.DatasetBuilder:
  """Prepare a set from pairs (image, class) as its split `train`, and return the builder.

  Args:
    data_dir: the folder of prepared sets.
    spec: what the images are.
    labelled: pairs of an image, uint8 `[size, size, channels]`, and its class.
  """
  return prepared.prepare(lambda: Generated(spec=spec, labelled=labelled, data_dir=data_dir))
