"""A directory of images; if they are in subfolders, the first-level folders are the classes."""

import hashlib
import json
import logging
import os
import pathlib
from typing import TypedDict

import numpy as np
import tensorflow_datasets as tfds

from jaxgan.data import images, prepared
from jaxgan.data.listing import Listing, listing
from jaxgan.data.pipeline import WORKERS, ordered
from jaxgan.storage.files import write_text

SIZE = 64
NAMED = 100  # the most refused files in the log; REPORT has all of them
REPORT = 'skipped.json'  # beside the prepared records
log = logging.getLogger('jaxgan')


class Skipped(TypedDict):
  """The report on the files of a prepared folder.

  Attributes:
    images: number of image files, with the refused ones.
    refused: the reason for each refused file.
    not_images: the files that are not images.
    content: a digest of the images.
  """

  images: int
  refused: dict[str, str]
  not_images: list[str]
  content: str


class Folder(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
  """The builder of a listing's images, RGB; `refused` has the files that cannot be used."""

  name = 'folder'
  VERSION = tfds.core.Version('1.0.0')

  def __init__(self, *, files: Listing, size: int, data_dir: pathlib.Path) -> None:
    self.files, self.size, self.refused = files, size, dict(files.refused)
    config = tfds.core.BuilderConfig(name=f'{files.state}_{size}px', version=self.VERSION)
    super().__init__(config=config, file_format='array_record', data_dir=data_dir)

  def _info(self) -> tfds.core.DatasetInfo:
    shape = (self.size, self.size, 3)
    features = {'image': tfds.features.Tensor(shape=shape, dtype=np.uint8, encoding='bytes')}
    if self.files.classes:
      names = [printable(name) for name in self.files.classes]
      features['label'] = tfds.features.ClassLabel(names=names)
    return tfds.core.DatasetInfo(
      builder=self,
      description='A folder of images.',
      features=tfds.features.FeaturesDict(features),
    )

  def _split_generators(
    self, dl_manager: tfds.download.DownloadManager
  ) -> dict[str, prepared.Examples]:
    return {'train': self._generate_examples()}

  def _generate_examples(self) -> prepared.Examples:
    digest = hashlib.sha256()
    loaded = ordered(self._load, self.files.images, ahead=2 * WORKERS, workers=min(8, WORKERS))
    for path, image in zip(self.files.images, loaded, strict=True):
      if isinstance(image, ValueError):
        self.refused[path] = str(image)
        continue
      digest.update(os.fsencode(path) + b'\0' + image.tobytes())
      example: dict[str, object] = {'image': image}
      if self.files.classes:
        example['label'] = self.files.label(path)
      yield os.fsencode(path), example
    self._report(digest.hexdigest())

  def _load(self, path: str) -> np.ndarray | ValueError:
    root = self.files.root
    try:
      image = images.load_image(root / path, root, size=self.size)
    except ValueError as error:
      return error
    return images.to_array(images.fit(image, self.size), 3)

  def _report(self, digest: str) -> None:
    if set(self.files.images) <= set(self.refused):
      raise ValueError(f'{self.files.root} has no readable image: {first_refused(self.refused)}')
    for path, reason in list(self.refused.items())[:NAMED]:
      log.warning('refused %s: %s', printable(path), reason)
    report = {
      'images': len(self.files.images),
      'refused': self.refused,
      'not_images': self.files.others,
      'content': digest,
    }
    write_text(pathlib.Path(self.data_dir) / REPORT, json.dumps(report, indent=1))


def first_refused(refused: dict[str, str]) -> str:
  """Return a text with the first refused file, the reason and the number of refused files."""
  path, reason = next(iter(refused.items()))
  return f'{printable(path)}: {reason} (the first of {len(refused)})'


def printable(name: str) -> str:
  """Return a name for a log or for a class; tfds stores classes as stripped lines of UTF-8."""
  return name if name.isprintable() and name == name.strip() else ascii(name)


def prepare(
  data_dir: pathlib.Path, folder: pathlib.Path | None, size: int
) -> tuple[tfds.core.DatasetBuilder, str]:
  """Prepare the set; return its builder and a text that identifies its content.

  If a file was added, removed or changed, a new set is prepared beside the old one. The log and
  the file skipped.json beside the records list the refused files.

  Args:
    data_dir: the folder of prepared sets.
    folder: the directory of images.
    size: side of the images in pixels.

  Raises:
    ValueError: the folder does not exist or has no readable image.
  """
  if folder is None:
    raise ValueError('data set folder needs the directory of images: pass folder=')
  if not folder.is_dir():
    raise ValueError(f'no folder of images at {folder}')
  files = listing(folder)
  if not files.images:
    raise ValueError(
      f'{folder} has no image: none of its {len(files.others)} files ends in '
      f'{" ".join(images.EXTENSIONS)}'
    )
  with images.guarded():
    builder = prepared.prepare(lambda: Folder(files=files, size=size, data_dir=data_dir))
  report = skipped(builder)
  _warn(files, report, pathlib.Path(builder.data_dir) / REPORT)
  return builder, report['content']


def skipped(builder: tfds.core.DatasetBuilder) -> Skipped:
  """Return the report on the files of a prepared folder."""
  return json.loads((pathlib.Path(builder.data_dir) / REPORT).read_text())


def _warn(files: Listing, report: Skipped, path: pathlib.Path) -> None:
  refused, total = report['refused'], report['images']
  if refused:
    share = f'{len(refused) / total:.1%} of {total} images'
    log.warning('%s: refused %d (%s), see %s', files.root, len(refused), share, path)
  if report['not_images']:
    log.warning('%s: %d files are not images', files.root, len(report['not_images']))
  inside = sum('/' in name for name in files.images)
  if 0 < inside < total:
    log.warning('%s: no labels, %d images lie in no subfolder', files.root, total - inside)
  for name in files.classes:
    if all(image in refused for image in files.images if image.startswith(f'{name}/')):
      log.warning('%s: class %s has no readable image', files.root, printable(name))
