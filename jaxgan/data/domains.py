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
from typing import NamedTuple, NoReturn

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from jaxgan.data import contents, images, layouts, prepared
from jaxgan.data.folder import NAMED, REPORT, RULES, first_refused, log, skipped
from jaxgan.data.listing import Listing, check_images, listing, printable, some
from jaxgan.data.pipeline import WORKERS, ordered
from jaxgan.data.source import fingerprint
from jaxgan.storage.files import write_text

SIZE = 64
WHOLE = 'all'  # the one entry of the report's content
WIDE = 'twice as wide as high'
NAMES = 'trainA and trainB, A and B, input and target, or source and target'


class Part(NamedTuple):
  """An image file below a folder, or the left or right half of one."""

  root: pathlib.Path
  path: str
  half: str = ''
  width: str = ''  # WIDE if only images of this width may be halved


Example = Mapping[str, Part]  # by name of the feature


class Layout(NamedTuple):
  """The examples of each split by name, the listings of their folders, and a text about them."""

  kind: str
  splits: Mapping[str, Mapping[str, Example]]
  listings: Sequence[Listing]
  about: str

  def state(self, data_dir: pathlib.Path) -> str:
    """Return a fingerprint of the files' names and bytes."""
    named = {split: list(examples) for split, examples in self.splits.items()}
    return fingerprint(self.kind, named, contents.key(self.listings, data_dir), RULES)


def prepare(
  kind: str,
  data_dir: pathlib.Path,
  folder: pathlib.Path | None,
  target_folder: pathlib.Path | None,
  form: images.Form,
  side_by_side: bool = False,
) -> tuple[tfds.core.DatasetBuilder, str]:
  """Prepare the set; return its builder and a text that identifies its content.

  Args:
    kind: 'domains' or 'pairs'.
    data_dir: the folder of prepared sets.
    folder: has the folders of two domains, as `layouts.sides` says. For pairs, it may have images
      of two halves side by side, nearly all of them twice as wide as high, directly or in splits as
      `layouts.parts` says. With `target_folder`, it is the first domain.
    target_folder: the second domain.
    form: the form of the arrays, with 3 or 4 channels.
    side_by_side: for pairs: each image has two halves, whatever its width.

  Raises:
    ValueError: a folder does not exist or has none of these layouts, a domain has no images, an
      image of a pair has no partner of the same name, or no image is readable.
  """
  if folder is None:
    raise ValueError(f'data set {kind} needs the directory of images: give --folder=PATH')
  for path in (folder, target_folder):
    if path is not None and not path.is_dir():
      unpacked = ': unpack archives first' if path.is_file() else ''
      raise ValueError(f'no folder of images at {path}{unpacked}')
  layout = _layout(kind, folder, target_folder, side_by_side)
  for files in layout.listings:
    files.tell()
  log.warning('%s', layout.about)
  name = f'{layout.kind}_{layout.state(data_dir)}_{form.text}'
  with images.guarded():
    builder = prepared.prepare(lambda: Domains(layout, form=form, name=name, data_dir=data_dir))
  report = skipped(builder)
  if report['refused']:
    path = pathlib.Path(builder.data_dir) / REPORT
    share = f'{len(report["refused"])} of {report["images"]}'
    log.warning('%s: refused %s %s, see %s', folder, share, kind, path)
  if report['not_images']:
    log.warning('%s: %d files are not images', folder, len(report['not_images']))
  return builder, report['content'][WHOLE]


# Find the folders and their images.


def _layout(
  kind: str, folder: pathlib.Path, target_folder: pathlib.Path | None, side_by_side: bool
) -> Layout:
  if target_folder is not None and side_by_side:
    raise ValueError('side_by_side is for pairs in one folder: leave it or target_folder out')
  if target_folder is not None:
    return _of_sides(kind, {'train': (folder, target_folder)}, folder)
  found = None if side_by_side else layouts.sides(folder)
  if found:
    return _of_sides(kind, found.splits, folder)
  return _side_by_side(folder, side_by_side) if kind == 'pairs' else _refuse(kind, folder)


def _of_sides(
  kind: str, sides: Mapping[str, tuple[pathlib.Path, pathlib.Path]], folder: pathlib.Path
) -> Layout:
  """Return the layout of one folder for each domain and split."""
  listings, splits, about = [], {}, []
  for split, roots in sides.items():
    a, b = (listing(root) for root in roots)
    listings += [a, b]
    for files in (a, b):
      check_images(files)
      layouts.check_deep(files)
    if kind == 'pairs':
      splits[split] = _by_name(a, b)
      counts = (
        f'{len(splits[split])} pairs of one name in {_name(a, folder)} and {_name(b, folder)}'
      )
    else:
      splits[f'{split}A'], splits[f'{split}B'] = _whole(a), _whole(b)
      counts = ' and '.join(f'{len(f.images)} images of {_name(f, folder)}' for f in (a, b))
    about.append(f'{"held out" if split == "test" else split}: {counts}')
  return Layout(kind, splits, listings, f'{folder}: {"; ".join(about)}{_unread(listings, folder)}')


def _name(files: Listing, folder: pathlib.Path) -> str:
  """Return the name of a domain's folder, below the whole folder where it lies there."""
  inside = files.root != folder and files.root.is_relative_to(folder)
  return files.root.relative_to(folder).as_posix() if inside else str(files.root)


def _unread(listings: Sequence[Listing], folder: pathlib.Path) -> str:
  """Return a text with the number of images below a folder that no domain has."""
  if any(not files.root.is_relative_to(folder) or files.root == folder for files in listings):
    return ''
  left = len(listing(folder).images) - sum(len(files.images) for files in listings)
  return f'; {left} other images are not read' if left > 0 else ''


def _side_by_side(folder: pathlib.Path, asked: bool) -> Layout:
  """Return the layout of images that are halved.

  Raises:
    ValueError: it was not asked for, and the images are not twice as wide as high.
  """
  files = listing(folder)
  check_images(files)
  parts = layouts.parts(files)
  each = {split: files.below(name) for split, name in parts.items()} or {'train': files}
  for one in each.values():
    layouts.check_deep(one)
    if not asked and (layouts.twins(one) or not layouts.halves(one)):
      _refuse('pairs', folder, one)
  half = '' if asked else WIDE
  both = lambda root, path: {
    'image': Part(root, path, 'left', half),
    'target': Part(root, path, 'right', half),
  }
  splits = {
    split: {path: both(one.root, path) for path in one.images} for split, one in each.items()
  }
  held = f', and of {len(splits["test"])} held-out ones' if 'test' in splits else ''
  why = 'as asked' if asked else f'nearly all {WIDE}'
  left = layouts.unread(files, parts) if parts else ''
  about = f'{folder}: pairs are the halves of {len(splits["train"])} images, {why}{held}{left}'
  return Layout('pairs', splits, list(each.values()), about)


def _refuse(kind: str, folder: pathlib.Path, files: Listing | None = None) -> NoReturn:
  """Raise ValueError that says what was found and what would do."""
  start = f'{folder} should hold the folders {NAMES}'
  found, do = _found(folder)
  if kind == 'domains' or files is None:
    raise ValueError(f'{start}. It has {found}: {do}')
  seen, same = layouts.halves(files), layouts.twins(files)
  other = f' ({seen.other} is not)' if seen.other else ''
  why = f'Of {seen.opened} images that could be opened, {seen.wide} are {WIDE}{other}'
  why = f'Images of {same[0]} and {same[1]} have the same names' if same else why
  raise ValueError(
    f'{start}, or images of two halves. It has {found}. {why}: {do}, or give --side-by-side if '
    'each image holds two halves'
  )


def _found(folder: pathlib.Path) -> tuple[str, str]:
  """Return what a folder has, and what to do so that it has two domains."""
  inside, loose = layouts.subfolders(folder), listing(folder).loose
  beside = [f'{loose} images'] if loose or not inside else []
  found = ' and '.join([*([f'the folders {some(inside)}'] if inside else []), *beside])
  two = [f'{folder / name}' for name in inside] if len(inside) == 2 else ['FIRST', 'SECOND']
  return found, f'rename them, or give --folder={two[0]} --target-folder={two[1]}'


def _whole(files: Listing) -> dict[str, Example]:
  return {path: {'image': Part(files.root, path)} for path in files.images}


def _by_name(a: Listing, b: Listing) -> dict[str, Example]:
  """Pair the images of the same name; extensions may differ."""
  sides = [_stems(files) for files in (a, b)]
  for side, other, files in zip(sides, sides[::-1], (a, b), strict=True):
    if alone := [side[stem] for stem in side if stem not in other]:
      raise ValueError(
        f'{len(alone)} images of {files.root} have no partner of their name in '
        f'{(b if files is a else a).root}: {some(alone)}'
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
      raise ValueError(f'{files.root} has two images of one name: {some([stems[stem], path])}')
    stems[stem] = path
  return stems


# Build the data set.


class Domains(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
  """The builder of a layout's examples; `refused` has the files that cannot be used."""

  name = 'domains'
  VERSION = tfds.core.Version('1.0.0')

  def __init__(
    self, layout: Layout, *, form: images.Form, name: str, data_dir: pathlib.Path
  ) -> None:
    self.layout, self.form, self.digest = layout, form, hashlib.sha256()
    self.refused = {
      f'{files.root.name}/{path}': reason
      for files in layout.listings
      for path, reason in files.refused.items()
    }
    config = tfds.core.BuilderConfig(name=name, version=self.VERSION)
    super().__init__(config=config, file_format='array_record', data_dir=data_dir)

  def _info(self) -> tfds.core.DatasetInfo:
    shape = (self.form.size, self.form.size, self.form.channels)
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
      opened = {name: _opened(part, self.form) for name, part in parts.items()}
    except ValueError as error:
      return error
    sizes = {image.size for image in opened.values()}
    if len(sizes) > 1:
      return ValueError('its partner is of another size: ' + _sizes(opened.values()))
    return {name: self.form.array(image) for name, image in opened.items()}

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
      'content': {WHOLE: self.digest.hexdigest()},
    }
    write_text(pathlib.Path(self.data_dir) / REPORT, json.dumps(report, indent=1))


def _opened(part: Part, form: images.Form) -> Image.Image:
  image = form.opened(part.root / part.path, part.root)
  if not part.half:
    return image
  width, height = image.size
  if part.width and not layouts.is_wide(width, height):
    raise ValueError(f'{width} x {height}, not {part.width}: two images do not lie side by side')
  if width % 2:
    raise ValueError(f'its width is odd, {width} x {height}: two images do not lie side by side')
  left = 0 if part.half == 'left' else width // 2
  return image.crop((left, 0, left + width // 2, height))


def _sizes(opened: Iterable[Image.Image]) -> str:
  return ' and '.join('{} x {}'.format(*image.size) for image in opened)
