"""A directory of images; if they are in subfolders, the first-level folders are the classes."""

import contextlib
import dataclasses
import hashlib
import json
import logging
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TypedDict

import numpy as np
import tensorflow_datasets as tfds

from jaxgan.data import contents, images, layouts, prepared
from jaxgan.data.listing import Listing, check_images, listing, printable, some
from jaxgan.data.pipeline import WORKERS, ordered
from jaxgan.data.source import fingerprint
from jaxgan.storage.files import write_text

SIZE = 64
NAMED = 100  # the most refused files in the log; REPORT has all of them
REPORT = 'skipped.json'  # beside the prepared records
RULES = 2  # the number of the rules for classes and splits; other rules, another prepared set
log = logging.getLogger('jaxgan')


class Skipped(TypedDict):
  """The report on the files of a prepared folder.

  Attributes:
    images: number of image files, with the refused ones.
    refused: the reason for each refused file.
    not_images: the files that are not images.
    content: a digest of the images, by split.
  """

  images: int
  refused: dict[str, str]
  not_images: list[str]
  content: dict[str, str]


ClassOf = Callable[[str, str], str]
"""Returns the name of the class of an image, from its split and its path in the split."""
Chosen = Callable[[str, Listing], Listing]
"""Returns the listing of those images of a split that are used."""


def first_folder(split: str, path: str) -> str:
  """Return the name of the first-level subfolder that an image lies in."""
  return path.split('/')[0]


class Folder(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
  """The builder of a folder's images; `refused` has the files that cannot be used."""

  name = 'folder'
  VERSION = tfds.core.Version('1.0.0')

  def __init__(
    self,
    *,
    splits: Mapping[str, Listing],
    classes: tuple[str, ...],
    form: images.Form,
    config: str,
    data_dir: pathlib.Path,
    class_of: ClassOf,
  ) -> None:
    self.splits, self.form, self.content = splits, form, dict[str, str]()
    self.class_of, self.clear = class_of, False  # whether an image has a transparent pixel
    self.refused = {
      _place(splits, files, path): why
      for files in splits.values()
      for path, why in files.refused.items()
    }
    self.labels = {name: label for label, name in enumerate(classes)}
    made = tfds.core.BuilderConfig(name=config, version=self.VERSION)
    super().__init__(config=made, file_format='array_record', data_dir=data_dir)

  def _info(self) -> tfds.core.DatasetInfo:
    shape = (self.form.size, self.form.size, self.form.channels)
    features = {'image': tfds.features.Tensor(shape=shape, dtype=np.uint8, encoding='bytes')}
    if self.labels:
      features['label'] = tfds.features.ClassLabel(names=list(map(printable, self.labels)))
    return tfds.core.DatasetInfo(
      builder=self,
      description='A folder of images.',
      features=tfds.features.FeaturesDict(features),
    )

  def _split_generators(
    self, dl_manager: tfds.download.DownloadManager
  ) -> dict[str, prepared.Examples]:
    return {split: self._generate_examples(split) for split in self.splits}

  def _generate_examples(self, split: str) -> prepared.Examples:
    files, digest, kept = self.splits[split], hashlib.sha256(), 0
    for path, image in _loaded(files, self.form):
      if isinstance(image, ValueError):
        self.refused[_place(self.splits, files, path)] = str(image)
        continue
      kept += 1
      self.clear |= self.form.alpha and bool((image[..., 3] < 255).any())
      digest.update(os.fsencode(path) + b'\0' + image.tobytes())
      example: dict[str, object] = {'image': image}
      if self.labels:  # a held-out class that is not trained on has no number
        example['label'] = self.labels.get(self.class_of(split, path), -1)
      yield os.fsencode(path), example
    if not kept:
      raise ValueError(f'{files.root} has no readable image: {first_refused(self.refused)}')
    self.content[split] = digest.hexdigest()
    if set(self.content) == set(self.splits):
      self._report()

  def _report(self) -> None:
    for path, reason in list(self.refused.items())[:NAMED]:
      log.warning('refused %s: %s', printable(path), reason)
    if self.form.alpha and not self.clear:
      log.warning('no image has a transparent pixel: --channels=3 is enough')
    every = self.splits.values()
    report = {
      'images': sum(len(files.images) for files in every),
      'refused': self.refused,
      'not_images': [_place(self.splits, one, path) for one in every for path in one.others],
      'content': self.content,
    }
    write_text(pathlib.Path(self.data_dir) / REPORT, json.dumps(report, indent=1))


def _place(splits: Mapping[str, Listing], files: Listing, path: str) -> str:
  """Return the path of a file below the whole folder."""
  return path if len(splits) == 1 else f'{files.root.name}/{path}'


def _loaded(files: Listing, form: images.Form) -> Iterator[tuple[str, np.ndarray | ValueError]]:
  """Yield the name of each image and its pixels, or why it cannot be used."""
  load = lambda path: _load(files.root, path, form)
  arrays = ordered(load, files.images, ahead=2 * WORKERS, workers=min(8, WORKERS))
  with contextlib.closing(arrays):
    yield from zip(files.images, arrays, strict=True)


def _load(root: pathlib.Path, path: str, form: images.Form) -> np.ndarray | ValueError:
  try:
    return form.load(root / path, root)
  except ValueError as error:
    return error


def first_refused(refused: Mapping[str, str]) -> str:
  """Return a text with the first refused file, the reason and the number of refused files."""
  path, reason = next(iter(refused.items()))
  return f'{printable(path)}: {reason} (the first of {len(refused)})'


def prepare(
  data_dir: pathlib.Path,
  folder: pathlib.Path | None,
  form: images.Form,
  chosen: Chosen | None = None,
  named: ClassOf | None = None,
) -> tuple[tfds.core.DatasetBuilder, dict[str, str]]:
  """Prepare the set; return its builder and a text for each split that identifies its content.

  The folders train and test are splits, as `layouts.parts` says. If a file was added, removed or
  changed, a new set is prepared beside the old one. The log and the file skipped.json beside the
  records list the refused files.

  Args:
    data_dir: the folder of prepared sets.
    folder: the directory of images.
    form: the form of the arrays, with 3 or 4 channels.
    chosen: chooses the images of a split that are used; None: all.
    named: names each image; the names are then the classes. None: subfolders are the classes.

  Raises:
    ValueError: the folder does not exist, has no readable image, or its splits cannot be told.
  """
  if folder is None:
    raise ValueError('this data set needs the directory of images: pass folder=')
  if not folder.is_dir():
    unpacked = ': unpack archives first' if folder.is_file() else ''
    raise ValueError(f'no folder of images at {folder}{unpacked}')
  files = listing(folder)
  check_images(files)
  files.tell()
  parts = layouts.parts(files)
  splits = splits_of(files)
  for one in splits.values():
    layouts.check_deep(one)
  splits = {split: chosen(split, one) for split, one in splits.items()} if chosen else splits
  key = contents.key(list(splits.values()), data_dir)
  of = ('named',) if named else ()
  config = f'{fingerprint(key, sorted(splits), RULES, *of)}_{form.text}'
  with images.guarded():
    builder = _prepared(splits, form, config, data_dir, named)
  report = skipped(builder)
  _say(files, parts, builder)
  _warn(files, report, pathlib.Path(builder.data_dir) / REPORT)
  if not named:
    _warn_of_classes(splits, report['refused'], builder)
  return builder, report['content']


def splits_of(files: Listing) -> dict[str, Listing]:
  """Return the listing of each split of a folder, as `layouts.parts` says."""
  parts = layouts.parts(files)
  return {split: files.below(name) for split, name in parts.items()} or {'train': files}


def _prepared(
  splits: Mapping[str, Listing],
  form: images.Form,
  config: str,
  data_dir: pathlib.Path,
  named: ClassOf | None,
) -> tfds.core.DatasetBuilder:
  """Return the builder of the prepared set; look for the readable classes if it is new."""
  place = data_dir / Folder.name / config / str(Folder.VERSION)
  if place.is_dir():
    with prepared.quiet():
      return tfds.builder_from_directory(place)
  known = {
    split: files for split, files in splits.items() if split == 'train' or _first(files, form)
  }
  if named:
    classes = tuple(named(split, path) for split, one in known.items() for path in one.images)
  else:
    classes = _classes(splits['train'], form)
  make = partial(Folder, splits=known, classes=classes, form=form, config=config)
  return prepared.prepare(lambda: make(data_dir=data_dir, class_of=named or first_folder))


def _classes(files: Listing, form: images.Form) -> tuple[str, ...]:
  """Return the classes that have an image that can be read; nothing if there are fewer than two."""
  members: dict[str, list[str]] = {name: [] for name in files.classes}
  for path in files.images if members else ():
    members[path.split('/')[0]].append(path)
  readable = [
    name
    for name, paths in members.items()
    if _first(dataclasses.replace(files, images=tuple(paths)), form)
  ]
  return tuple(readable) if len(readable) > 1 else ()


def _first(files: Listing, form: images.Form) -> bool:
  """Return whether an image can be read."""
  return any(not isinstance(image, ValueError) for _, image in _loaded(files, form))


def skipped(builder: tfds.core.DatasetBuilder) -> Skipped:
  """Return the report on the files of a prepared folder."""
  return json.loads((pathlib.Path(builder.data_dir) / REPORT).read_text())


def _say(files: Listing, parts: Mapping[str, str], builder: tfds.core.DatasetBuilder) -> None:
  """Log which subfolders are splits, and how many images they have."""
  if not parts:
    return
  there = {name: split.num_examples for name, split in builder.info.splits.items()}
  held = f', the {there["test"]} of {parts["test"]} are held out' if 'test' in there else ''
  if 'test' in parts and not held:
    held = f', {parts["test"]} has no image that can be read'
  left = layouts.unread(files, parts)
  log.warning(
    '%s: trains on the %d images of %s%s%s', files.root, there['train'], parts['train'], held, left
  )


def _warn(files: Listing, report: Skipped, path: pathlib.Path) -> None:
  refused, total = report['refused'], report['images']
  if refused:
    share = f'{len(refused) / total:.1%} of {total} images'
    log.warning('%s: refused %d (%s), see %s', files.root, len(refused), share, path)
  if report['not_images']:
    log.warning('%s: %d files are not images', files.root, len(report['not_images']))


def _warn_of_classes(
  splits: Mapping[str, Listing], refused: Mapping[str, str], builder: tfds.core.DatasetBuilder
) -> None:
  """Log why there are no classes, and which folders are none."""
  files = splits['train']
  if files.inside and files.loose:
    log.warning('%s: no labels, %d images lie in no subfolder', files.root, files.loose)
  elif len(files.inside) == 1:
    log.warning(
      '%s: no labels, all images lie in the one subfolder %s', files.root, files.inside[0]
    )
  there = (path for path in files.images if _place(splits, files, path) not in refused)
  good = {path.split('/')[0] for path in there} if files.classes else set()
  for name in files.classes:
    if name not in good:
      log.warning('%s: %s is no class, none of its images can be read', files.root, printable(name))
  if len(good) == 1:
    log.warning('%s: no labels, the images of one subfolder can be read', files.root)
  _warn_of_new(splits, builder)


def _warn_of_new(splits: Mapping[str, Listing], builder: tfds.core.DatasetBuilder) -> None:
  """Log the held-out classes that are not trained on; with them, no held-out image has a label."""
  if 'label' not in builder.info.features or 'test' not in builder.info.splits:
    return
  known = set(builder.info.features['label'].names)
  new = [name for name in splits['test'].inside if printable(name) not in known]
  if new or splits['test'].loose:
    what = some(new) or f'{splits["test"].loose} images in no subfolder'
    log.warning('%s: no labels, train has no class for %s', splits['test'].root, what)
