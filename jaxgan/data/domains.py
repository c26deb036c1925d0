"""Images of two domains: in `pairs` every image has a partner, in `domains` none has.

Each is prepared as one tensorflow-datasets set. `domains` has the splits trainA and trainB (and
testA and testB), like the set `cycle_gan`. `pairs` has the split train (and test) with the features
'image' and 'target'.
"""

import hashlib
import json
import os
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from jaxgan.data import images, prepared
from jaxgan.data.folder import NAMED, REPORT, first_refused, log, printable, skipped
from jaxgan.data.listing import Listing, listing
from jaxgan.data.pipeline import WORKERS, ordered
from jaxgan.data.source import fingerprint
from jaxgan.storage.files import write_text

SIZE = 64
SPLITS = {'train': ('train',), 'test': ('test', 'val')}  # and the names of their folders
SHOWN = 3  # the most names in an error


class Part(NamedTuple):
  """An image file below a folder, or the left or right half of one."""

  root: pathlib.Path
  path: str
  half: str = ''


Example = Mapping[str, Part]  # by name of the feature


class Layout(NamedTuple):
  """The examples of each split by name, and the listings of the folders they come from."""

  kind: str
  splits: Mapping[str, Mapping[str, Example]]
  listings: Sequence[Listing]

  @property
  def state(self) -> str:
    """Return a fingerprint of the files, from names, sizes and times of change."""
    named = {split: list(examples) for split, examples in self.splits.items()}
    return fingerprint(self.kind, named, *(files.state for files in self.listings))


def prepare(
  kind: str,
  data_dir: pathlib.Path,
  folder: pathlib.Path | None,
  target_folder: pathlib.Path | None,
  size: int,
) -> tuple[tfds.core.DatasetBuilder, str]:
  """Prepare the set; return its builder and a text that identifies its content.

  Args:
    kind: 'domains' or 'pairs'.
    data_dir: the folder of prepared sets.
    folder: has the folders trainA and trainB (and testA and testB), or A and B. For pairs, it may
      have images of two halves side by side, directly or in train and test (or val). With
      `target_folder`, it is the first domain.
    target_folder: the second domain.
    size: side of the images in pixels.

  Raises:
    ValueError: a folder does not exist or has none of these layouts, a domain has no images, an
      image of a pair has no partner of the same name, or no image is readable.
  """
  if folder is None:
    raise ValueError(f'data set {kind} needs the directory of images: give --folder=PATH')
  for path in (folder, target_folder):
    if path is not None and not path.is_dir():
      raise ValueError(f'no folder of images at {path}')
  layout = _layout(kind, folder, target_folder)
  with images.guarded():
    builder = prepared.prepare(lambda: Domains(layout=layout, size=size, data_dir=data_dir))
  report = skipped(builder)
  if report['refused']:
    path = pathlib.Path(builder.data_dir) / REPORT
    share = f'{len(report["refused"])} of {report["images"]}'
    log.warning('%s: refused %s %s, see %s', folder, share, kind, path)
  if report['not_images']:
    log.warning('%s: %d files are not images', folder, len(report['not_images']))
  return builder, report['content']


# Find the folders and their images.


def _layout(kind: str, folder: pathlib.Path, target_folder: pathlib.Path | None) -> Layout:
  sides = _sides(folder, target_folder)
  if not sides and kind == 'domains':
    raise ValueError(
      f'{folder} should hold the folders trainA and trainB, or A and B; it has {_inside(folder)}: '
      'or give one folder a domain by --folder and --target-folder'
    )
  if not sides:
    return _side_by_side(folder)
  listings, splits = [], {}
  for split, roots in sides.items():
    a, b = (listing(root) for root in roots)
    listings += [a, b]
    for files in (a, b):
      _check_images(files)
    if kind == 'pairs':
      splits[split] = _by_name(a, b)
    else:
      splits[f'{split}A'], splits[f'{split}B'] = _whole(a), _whole(b)
  return Layout(kind, splits, listings)


def _sides(
  folder: pathlib.Path, target_folder: pathlib.Path | None
) -> dict[str, tuple[pathlib.Path, pathlib.Path]]:
  """Return the folders of the two domains by split; empty if there are none.

  Raises:
    ValueError: one of two folders is missing.
  """
  if target_folder is not None:
    return {'train': (folder, target_folder)}
  found: dict[str, tuple[pathlib.Path, pathlib.Path]] = {}
  for split, names in SPLITS.items():
    for name in names:
      found |= _both(split, folder / f'{name}A', folder / f'{name}B') if split not in found else {}
  a, b = folder / 'A', folder / 'B'
  if found or not (a.is_dir() or b.is_dir()):
    return found
  for split, names in SPLITS.items():
    for name in names:
      found |= _both(split, a / name, b / name) if split not in found else {}
  return found or _both('train', a, b)


def _both(
  split: str, a: pathlib.Path, b: pathlib.Path
) -> dict[str, tuple[pathlib.Path, pathlib.Path]]:
  if a.is_dir() != b.is_dir():
    there, missing = (a, b) if a.is_dir() else (b, a)
    raise ValueError(f'there is {there}, but no folder {missing}: both domains are needed')
  return {split: (a, b)} if a.is_dir() else {}


def _side_by_side(folder: pathlib.Path) -> Layout:
  roots = {'train': folder}
  if (folder / 'train').is_dir():
    there = {split: [folder / n for n in names] for split, names in SPLITS.items()}
    found = {split: [path for path in paths if path.is_dir()] for split, paths in there.items()}
    roots = {split: paths[0] for split, paths in found.items() if paths}
  listings = {split: listing(root) for split, root in roots.items()}
  for files in listings.values():
    _check_images(files)
  halves = lambda root, path: {
    'image': Part(root, path, 'left'),
    'target': Part(root, path, 'right'),
  }
  splits = {
    split: {path: halves(files.root, path) for path in files.images}
    for split, files in listings.items()
  }
  return Layout('pairs', splits, list(listings.values()))


def _whole(files: Listing) -> dict[str, Example]:
  return {path: {'image': Part(files.root, path)} for path in files.images}


def _by_name(a: Listing, b: Listing) -> dict[str, Example]:
  """Pair the images of the same name; extensions may differ."""
  sides = [_stems(files) for files in (a, b)]
  for side, other, files in zip(sides, sides[::-1], (a, b), strict=True):
    if alone := [side[stem] for stem in side if stem not in other]:
      raise ValueError(
        f'{len(alone)} images of {files.root} have no partner of their name in '
        f'{(b if files is a else a).root}: {_some(alone)}'
      )
  left, right = sides
  return {
    stem: {'image': Part(a.root, path), 'target': Part(b.root, right[stem])}
    for stem, path in left.items()
  }


def _stems(files: Listing) -> dict[str, str]:
  stems: dict[str, str] = {}
  for path in files.images:
    stem = os.path.splitext(path)[0]
    if stem in stems:
      raise ValueError(f'{files.root} has two images of one name: {_some([stems[stem], path])}')
    stems[stem] = path
  return stems


def _check_images(files: Listing) -> None:
  if not files.images:
    raise ValueError(
      f'{files.root} has no image: none of its {len(files.others)} files ends in '
      f'{" ".join(images.EXTENSIONS)}'
    )


def _some(names: Sequence[str]) -> str:
  more = f' and {len(names) - SHOWN} more' if len(names) > SHOWN else ''
  return ', '.join(map(printable, names[:SHOWN])) + more


def _inside(folder: pathlib.Path) -> str:
  return _some(sorted(path.name for path in folder.iterdir())) or 'nothing'


# Build the data set.


class Domains(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
  """The builder of a layout's examples, RGB; `refused` has the files that cannot be used."""

  name = 'domains'
  VERSION = tfds.core.Version('1.0.0')

  def __init__(self, *, layout: Layout, size: int, data_dir: pathlib.Path) -> None:
    self.layout, self.size, self.digest = layout, size, hashlib.sha256()
    self.refused = {
      f'{files.root.name}/{path}': reason
      for files in layout.listings
      for path, reason in files.refused.items()
    }
    name = f'{layout.kind}_{layout.state}_{size}px'
    config = tfds.core.BuilderConfig(name=name, version=self.VERSION)
    super().__init__(config=config, file_format='array_record', data_dir=data_dir)

  def _info(self) -> tfds.core.DatasetInfo:
    shape = (self.size, self.size, 3)
    parts = ('image', 'target') if self.layout.kind == 'pairs' else ('image',)
    picture = lambda: tfds.features.Tensor(shape=shape, dtype=np.uint8, encoding='bytes')
    return tfds.core.DatasetInfo(
      builder=self,
      description='Two folders of images, or pairs of images.',
      features=tfds.features.FeaturesDict({part: picture() for part in parts}),
    )

  def _split_generators(
    self, dl_manager: tfds.download.DownloadManager
  ) -> dict[str, prepared.Examples]:
    return {split: self._generate_examples(split) for split in self.layout.splits}

  def _generate_examples(self, split: str) -> prepared.Examples:
    examples, kept = self.layout.splits[split], 0
    loaded = ordered(self._load, examples.values(), ahead=2 * WORKERS, workers=min(8, WORKERS))
    for (name, parts), arrays in zip(examples.items(), loaded, strict=True):
      if isinstance(arrays, ValueError):
        self._refuse(f'{split}/{next(iter(parts.values())).path}', str(arrays))
        continue
      kept += 1
      self.digest.update(os.fsencode(f'{split}/{name}') + b'\0')
      for array in arrays.values():
        self.digest.update(array.tobytes())
      yield os.fsencode(name), arrays
    if not kept:
      first = first_refused({k: v for k, v in self.refused.items() if k.startswith(f'{split}/')})
      raise ValueError(f'split {split} has nothing readable: {first}')
    self._report()

  def _load(self, parts: Mapping[str, Part]) -> dict[str, np.ndarray] | ValueError:
    try:
      opened = {name: _opened(part) for name, part in parts.items()}
    except ValueError as error:
      return error
    sizes = {image.size for image in opened.values()}
    if len(sizes) > 1:
      return ValueError('its partner is of another size: ' + _sizes(opened.values()))
    fitted = {name: images.fit(image, self.size) for name, image in opened.items()}
    return {name: images.to_array(image, 3) for name, image in fitted.items()}

  def _refuse(self, path: str, reason: str) -> None:
    self.refused[path] = reason
    if len(self.refused) <= NAMED:
      log.warning('refused %s: %s', printable(path), reason)

  def _report(self) -> None:
    """Write the report of all splits so far; each split overwrites it."""
    report = {
      'images': sum(map(len, self.layout.splits.values())),
      'refused': self.refused,
      'not_images': [name for files in self.layout.listings for name in files.others],
      'content': self.digest.hexdigest(),
    }
    write_text(pathlib.Path(self.data_dir) / REPORT, json.dumps(report, indent=1))


def _opened(part: Part) -> Image.Image:
  image = images.load_image(part.root / part.path, part.root)
  if not part.half:
    return image
  width, height = image.size
  if width % 2:
    raise ValueError(f'its width is odd, {width} x {height}: two images do not lie side by side')
  left = 0 if part.half == 'left' else width // 2
  return image.crop((left, 0, left + width // 2, height))


def _sizes(opened: Iterable[Image.Image]) -> str:
  return ' and '.join('{} x {}'.format(*image.size) for image in opened)
