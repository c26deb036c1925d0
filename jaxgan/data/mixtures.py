"""Mixtures of Gaussians in the plane, with modes that can be counted: a ring of 8, a grid of 25.

The ring has radius 2 and standard deviation 0.02. The grid has spacing 2 and standard deviation
0.05. All points are divided by sqrt(2) for the ring and by 2 sqrt(2) for the grid, so that their
variance is near one (Gulrajani et al., 2017).
"""

import pathlib
from typing import NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from jaxgan.data import prepared
from jaxgan.data.source import fingerprint

COUNTS = {'train': 50_000, 'test': 10_000}


class Mixture(NamedTuple):
  """A data set of points and the mixture that they are drawn from.

  Attributes:
    points: float32 `[n, 2]`.
    modes: the mode of each point, int `[n]`.
    means: `[modes, 2]`.
    std: the standard deviation of each mode.
    fingerprint: equal for equal content.
  """

  points: np.ndarray
  modes: np.ndarray
  means: np.ndarray
  std: float
  fingerprint: str


def ring() -> tuple[np.ndarray, float]:
  """Return the means `[8, 2]` and the standard deviation of the ring."""
  angles = 2 * np.pi * np.arange(8) / 8
  return np.stack([np.cos(angles), np.sin(angles)], 1) * np.sqrt(2), 0.02 / np.sqrt(2)


def grid() -> tuple[np.ndarray, float]:
  """Return the means `[25, 2]` and the standard deviation of the grid."""
  axis = np.arange(-4.0, 5.0, 2.0)
  means = np.stack(np.meshgrid(axis, axis, indexing='ij'), -1).reshape(-1, 2)
  return means / np.sqrt(8), 0.05 / np.sqrt(8)


MIXTURES = {'ring8': ring, 'grid25': grid}


def draw(name: str, split: str) -> tuple[np.ndarray, np.ndarray]:
  """Draw the points of a split, float32 `[n, 2]`, and the mode of each, with a fixed seed."""
  means, std = MIXTURES[name]()
  random = np.random.default_rng([len(means), list(COUNTS).index(split)])
  modes = random.integers(len(means), size=COUNTS[split])
  return (means[modes] + random.normal(0, std, (len(modes), 2))).astype(np.float32), modes


class _Plane(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
  VERSION = tfds.core.Version('1.0.0')

  def _info(self) -> tfds.core.DatasetInfo:
    features = {
      'point': tfds.features.Tensor(shape=(2,), dtype=np.float32, encoding='bytes'),
      'label': tfds.features.ClassLabel(num_classes=len(MIXTURES[self.name]()[0])),
    }
    return tfds.core.DatasetInfo(
      builder=self,
      description='A mixture of Gaussians in the plane.',
      features=tfds.features.FeaturesDict(features),
    )

  def _split_generators(
    self, dl_manager: tfds.download.DownloadManager
  ) -> dict[str, prepared.Examples]:
    return {split: self._generate_examples(split) for split in COUNTS}

  def _generate_examples(self, split: str) -> prepared.Examples:
    for i, (point, mode) in enumerate(zip(*draw(self.name, split), strict=True)):
      yield i, {'point': point, 'label': int(mode)}


class Ring8(_Plane, skip_registration=True):  # type: ignore[call-arg]
  """The builder of the ring; once prepared, `tfds.data_source('ring8', data_dir=...)` reads it."""

  name = 'ring8'


class Grid25(_Plane, skip_registration=True):  # type: ignore[call-arg]
  """The builder of the grid; once prepared, `tfds.data_source('grid25', data_dir=...)` reads it."""

  name = 'grid25'


BUILDERS = {'ring8': Ring8, 'grid25': Grid25}


def load(name: str, data_dir: pathlib.Path, split: str = 'train') -> Mixture:
  """Return the points of a mixture, which is prepared on first use.

  Args:
    name: 'ring8' or 'grid25'.
    data_dir: the folder of prepared sets.
    split: 'train' (50 000 points) or 'test' (10 000).

  Raises:
    ValueError: unknown name or split; the message lists the known ones.
  """
  for what, given, known in (('mixture', name, MIXTURES), ('split', split, COUNTS)):
    if given not in known:
      raise ValueError(f'there is no {what} {given!r}, only {", ".join(known)}')
  kind: type[tfds.core.GeneratorBasedBuilder] = BUILDERS[name]
  builder = prepared.prepare(lambda: kind(data_dir=data_dir, file_format='array_record'))
  records = builder.as_data_source(split=split)
  examples = records.__getitems__(range(len(records)))
  points = np.stack([example['point'] for example in examples])
  modes = np.array([example['label'] for example in examples])
  order = np.lexsort(points.T)  # tfds shuffles on writing; sorted, the order is always the same
  means, std = MIXTURES[name]()
  return Mixture(points[order], modes[order], means, std, fingerprint(name, '1.0.0', split))
