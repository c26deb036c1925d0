"""Data: image data sets, and batches that are a pure function of (seed, step, host).

Example:
  >>> import numpy as np
  >>> from jaxgan import data
  >>> source = data.from_arrays(np.zeros((6, 8, 8, 3), np.uint8), np.arange(6) % 2)
  >>> len(source), source.spec.shape, source.spec.classes
  (6, (8, 8, 3), 2)
"""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from jaxgan.core.typing import Json, Spec
from jaxgan.data.csv_files import Kinds
from jaxgan.data.images import EXTENSIONS, Fit, Form
from jaxgan.data.pipeline import batches, blank, indices
from jaxgan.data.source import Source, from_arrays, renamed, turned, two_domains, without

if TYPE_CHECKING:
  from tensorflow_datasets.core import DatasetBuilder

__all__ = [
  'DATASETS',
  'EXTENSIONS',
  'Source',
  'Spec',
  'batches',
  'blank',
  'data_folder',
  'from_arrays',
  'indices',
  'known',
  'load',
  'renamed',
  'two_domains',
  'without',
]


# The functions below import tensorflow-datasets, so that programs without data do not load it.

Prepared = tuple['DatasetBuilder', str | dict[str, str], int]
"""The builder of a prepared data set, a text that identifies its content (or one for each split),
and the image size."""


def _digits(data_dir: pathlib.Path, folder: pathlib.Path | None, size: int | None) -> Prepared:
  from jaxgan.data import digits

  return *digits.prepare(data_dir), size or digits.SIZE


def _mnist(data_dir: pathlib.Path, folder: pathlib.Path | None, size: int | None) -> Prepared:
  from jaxgan.data import mnist

  return *mnist.prepare(data_dir, folder), size or mnist.SIZE


def _stacked_mnist(
  data_dir: pathlib.Path, folder: pathlib.Path | None, size: int | None
) -> Prepared:
  from jaxgan.data import stacked_mnist

  return *stacked_mnist.prepare(data_dir, folder), size or stacked_mnist.SIZE


def _folder(
  data_dir: pathlib.Path, folder: pathlib.Path | None, size: int | None, **form: Any
) -> Prepared:
  from jaxgan.data import folder as module

  size = size or module.SIZE
  return *module.prepare(data_dir, folder, Form(size, **form)), size


def _captions(
  data_dir: pathlib.Path, folder: pathlib.Path | None, size: int | None, **form: Any
) -> Prepared:
  from jaxgan.data import captions
  from jaxgan.data import folder as folders

  size = size or folders.SIZE
  return *captions.prepare(data_dir, folder, Form(size, **form)), size


def _described_by_captions(source: Source, folder: pathlib.Path) -> Source:
  from jaxgan.data import captions

  return captions.described(source, folder)


def _table(data_dir: pathlib.Path, folder: pathlib.Path | None, size: int | None) -> Prepared:
  raise ValueError('a table is not prepared, but read at each start')


def _of_two(
  kind: str,
  data_dir: pathlib.Path,
  folder: pathlib.Path | None,
  size: int | None,
  target_folder: pathlib.Path | None = None,
  side_by_side: bool = False,
  **form: Any,
) -> Prepared:
  from jaxgan.data import domains as module

  size = size or module.SIZE
  found = module.prepare(kind, data_dir, folder, target_folder, Form(size, **form), side_by_side)
  return *found, size


class Known(NamedTuple):
  """A built-in data set.

  Attributes:
    prepare: (data_dir, folder, size) -> `Prepared`; that of a set of the user's own files also
      takes fit= and channels=, as `Form`.
    folder: whether a directory of files may or must be given.
    two: whether it has two domains; the second may have its own directory.
    channels_of: the data set from which each channel is an image, or ''.
    rows: whether it has rows of a table in place of images.
    completed: (source, folder) -> the source with what the folder says beside the images.
  """

  prepare: Callable[..., Prepared]
  folder: Literal['', 'may', 'must'] = ''
  two: bool = False
  channels_of: str = ''
  rows: bool = False
  completed: Callable[[Source, pathlib.Path], Source] | None = None

  @property
  def own(self) -> bool:
    """Whether its images are any that the user has, of any shape."""
    return self.two or self.folder == 'must'


DATASETS: dict[str, Known] = {
  'digits': Known(_digits),
  'mnist': Known(_mnist, 'may'),
  'stacked_mnist': Known(_stacked_mnist, 'may', channels_of='mnist'),
  'folder': Known(_folder, 'must'),
  'captions': Known(_captions, 'must', completed=_described_by_captions),
  'domains': Known(functools.partial(_of_two, 'domains'), 'may', two=True),
  'pairs': Known(functools.partial(_of_two, 'pairs'), 'may', two=True),
  'table': Known(_table, 'may', rows=True),
}


def known(name: str) -> Known | None:
  """Return the built-in data set of that name; None for a name from tensorflow-datasets."""
  return DATASETS.get(name)


HELD_OUT = 'test'
"""The split that is never used for training."""


def data_folder() -> pathlib.Path:
  """Return the default folder of prepared sets: $TFDS_DATA_DIR, else ~/tensorflow_datasets."""
  return pathlib.Path(os.environ.get('TFDS_DATA_DIR') or '~/tensorflow_datasets').expanduser()


def load(
  name: str,
  *,
  split: str = 'train',
  image_size: int | None = None,
  channels: int | None = None,
  fit: Fit = 'crop',
  data_dir: str | os.PathLike[str] | None = None,
  folder: str | os.PathLike[str] | None = None,
  target_folder: str | os.PathLike[str] | None = None,
  side_by_side: bool = False,
  direction: str = 'AtoB',
  in_memory_limit: int = 2**31,
  kinds: Kinds | None = None,
) -> Source:
  """Return the images of a data set, which is prepared on first use and read without TensorFlow.

  Args:
    name: one of `DATASETS`, or a tensorflow-datasets set ('name' or 'name/config') that has been
      prepared as array_record in `data_dir`.
    split: in the syntax of tensorflow-datasets, such as 'train', 'test' or 'train[:1000]'.
    image_size: side of the images in pixels. None: 16 for digits, 28 for mnist and stacked_mnist,
      64 for folder, captions, domains and pairs, the stored size for others.
    channels: 1 (gray), 3 (RGB) or 4 (RGB and transparency); None: as stored, RGB for a folder.
    fit: what happens to images that are not square: 'crop' takes the center square, 'pad' puts
      white (with 4 channels: nothing) on two sides, 'squash' changes the proportions.
    data_dir: the folder of prepared sets; None: `data_folder()`.
    folder: the directory of images for 'folder', 'captions', 'domains' and 'pairs'; a directory
      with the four original files for 'mnist' and 'stacked_mnist'; the CSV file of 'table'.
    target_folder: a second directory for the second domain of 'domains' and 'pairs'.
    side_by_side: for 'pairs': each image holds both of a pair, whatever its width.
    direction: 'AtoB', or 'BtoA' to swap the two domains.
    in_memory_limit: bytes; if the decoded images need more, they are streamed.
    kinds: for 'table': which columns are categories, which numbers, and which are dropped.

  Raises:
    ValueError: unknown name; missing folder, file or split; or a size that is not possible.
  """
  _check_form(image_size, channels, fit)
  _check_folders(name, folder, target_folder, side_by_side)
  from jaxgan.data import prepared

  about = known(name)
  if about and about.rows:
    return _rows(folder, split, kinds, (image_size, channels, fit, direction))
  where = data_folder() if data_dir is None else pathlib.Path(data_dir).expanduser()
  content: str | dict[str, str] | None = None
  path = None if folder is None else pathlib.Path(folder).expanduser()
  if about:
    second = pathlib.Path(target_folder).expanduser() if target_folder else None
    of_two = dict(target_folder=second, side_by_side=side_by_side) if about.two else {}
    own: Json = dict(fit=fit, channels=4 if channels == 4 else 3) if about.own else {}
    builder, content, image_size = about.prepare(where, path, image_size, **of_two, **own)
  else:
    builder = prepared.named(name, where, DATASETS)
  form: Json = dict(size=image_size, channels=channels, fit=fit, limit=in_memory_limit)
  found = prepared.split(builder, split, content=_content(content, split), **form)
  found = about.completed(found, path) if about and about.completed and path else found
  found = _described(found, about, set(builder.info.splits), split)
  return found if direction == 'AtoB' else turned(found)


def _rows(
  path: str | os.PathLike[str] | None, split: str, kinds: Kinds | None, form: tuple[object, ...]
) -> Source:
  from jaxgan.data import tables

  usual: Json = dict(image_size=None, channels=None, fit='crop', direction='AtoB')
  asked = zip(usual.items(), form, strict=True)
  if given := [name for (name, value), other in asked if value != other]:
    flags = ' and '.join(f'--{name.replace("_", "-")}' for name in given)
    raise ValueError(f'{flags} has no effect on a table, which has no images: leave it out')
  return tables.load(None if path is None else pathlib.Path(path).expanduser(), split, kinds)


def _content(of: str | dict[str, str] | None, split: str) -> str | None:
  """Return a text that identifies the content of a split, or of all splits for a mix of them."""
  if not isinstance(of, dict):
    return of
  return repr(of) if '+' in split else of.get(split.partition('[')[0])


def _described(found: Source, about: Known | None, splits: set[str], split: str) -> Source:
  """Add what is known about the data set: whether it has a test split beside this split."""
  there = HELD_OUT in splits or {f'{HELD_OUT}A', f'{HELD_OUT}B'} <= splits
  has_held_out = there and HELD_OUT not in split
  channels_of = about.channels_of if about else ''
  return dataclasses.replace(found, has_held_out=has_held_out, channels_of=channels_of)


def _check_form(image_size: int | None, channels: int | None, fit: str) -> None:
  if (image_size is not None and image_size < 1) or channels not in (None, 1, 3, 4):
    raise ValueError(
      f'image_size should be positive and channels 1, 3 or 4, got {image_size} and {channels}'
    )
  if fit not in get_args(Fit):
    raise ValueError(f'fit should be one of {", ".join(get_args(Fit))}, got {fit!r}')


def _check_folders(name: str, folder: object, target_folder: object, side_by_side: bool) -> None:
  from jaxgan.data import mixtures

  if name in mixtures.MIXTURES:
    raise ValueError(f'{name} has points, not images: use jaxgan plane --dataset={name}')
  about = known(name)
  if folder is not None and not (about and about.folder):
    takers = ', '.join(name for name, each in DATASETS.items() if each.folder)
    raise ValueError(f'folder= is for the data sets {takers}, not for {name!r}')
  if target_folder is not None and not (about and about.two):
    takers = ' and '.join(name for name, each in DATASETS.items() if each.two)
    raise ValueError(f'target_folder= is for the data sets {takers}, not for {name!r}')
  if side_by_side and name != 'pairs':
    raise ValueError(f'side_by_side is for the data set pairs, not for {name!r}: leave it out')
