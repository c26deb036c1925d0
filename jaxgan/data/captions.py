"""Captions: a folder of images with texts that describe them, in a table or in a file for each.

The table is `captions.csv` or `captions.jsonl` (or `metadata.*`), in the folder of the images of
each split; without one, NAME.txt beside NAME.png has a caption in each line. An image may have
several captions. What has none is counted, named and not used.
"""

import contextlib
import csv
import dataclasses
import io
import itertools
import json
import logging
import os
import pathlib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from jaxgan.data import folder as folders
from jaxgan.data.images import Form
from jaxgan.data.listing import Listing, listing, printable, some
from jaxgan.data.source import Captions, Source, fingerprint
from jaxgan.data.text_files import text_of

TABLES = ('captions.csv', 'captions.jsonl', 'metadata.csv', 'metadata.jsonl')
"""Names of tables; `metadata` is the name of Hugging Face's image folders."""
IMAGE = ('file_name', 'image', 'file', 'filename', 'path')
"""Names of the column that names the image."""
TEXT = ('caption', 'captions', 'text')
"""Names of the columns that hold its captions."""
log = logging.getLogger('jaxgan')

Row = tuple[str, list[str]]
"""The name of an image and captions of it."""


class Told(NamedTuple):
  """What the captions of a folder say.

  Attributes:
    captions: the captions of each image that has any, by its path below the folder.
    missing: images that no row names, or that have no text file.
    empty: images whose captions have no character.
    unknown: names in the table for which there is no image.
    files: the files that the captions are from.
  """

  captions: dict[str, tuple[str, ...]]
  missing: tuple[str, ...]
  empty: tuple[str, ...]
  unknown: tuple[str, ...]
  files: tuple[str, ...]


def read(files: Listing) -> Told:
  """Read the captions of a folder of images.

  Args:
    files: the listing of the folder of one split.

  Raises:
    ValueError: there are no captions, two tables, a file that is not UTF-8, or a table without the
      columns it needs.
  """
  tables, texts = _sources(files)
  if len(tables) > 1:
    raise ValueError(f'{files.root} has the tables {some(tables)}: keep one')
  if tables:
    rows, used = _rows(files.root / tables[0]), tables
  else:
    used = list(texts)
    lines = lambda name: text_of(files.root / name).splitlines() or ['']
    rows = ((image, lines(name)) for name, image in texts.items())
  told = _told(files.images, rows, tuple(used))
  if not told.captions:
    raise ValueError(
      f'{files.root} has no caption for its {len(files.images)} images: give captions.csv or '
      f'captions.jsonl with file_name and caption, or NAME.txt beside NAME.png'
    )
  return told


def seen(files: Listing) -> str:
  """Return why a folder of one split seems to have captions; empty if it does not seem so.

  It does with `captions.csv` or `captions.jsonl`; with another table that names images and
  captions; or with text files that have letters beside half of the images or more.
  """
  tables, texts = _sources(files)
  if tables:
    return f'{tables[0]} has captions' if _is_of_captions(files, tables[0]) else ''
  total = len(files.images)
  with contextlib.suppress(ValueError):
    words = (text_of(files.root / name) for name in itertools.islice(texts, 16))
    if 2 * len(texts) >= total and any(any(map(str.isalpha, text)) for text in words):
      return f'{len(texts)} of {total} images have a text file beside them'
  return ''


def _is_of_captions(files: Listing, table: str) -> bool:
  if table.startswith('captions'):
    return True  # whatever is wrong with it is said when it is read
  try:
    return bool(_told(files.images, _rows(files.root / table), (table,)).captions)
  except ValueError:
    return False


def _sources(files: Listing) -> tuple[list[str], dict[str, str]]:
  """Return the tables of a folder, and its text files that lie beside an image, with the image."""
  beside = {os.path.splitext(path)[0]: path for path in files.images}
  named = {name: beside.get(os.path.splitext(name)[0]) for name in files.others}
  texts = {name: image for name, image in named.items() if image and name.lower()[-4:] == '.txt'}
  return [name for name in TABLES if name in files.others], texts


def _told(images: Sequence[str], rows: Iterable[Row], used: tuple[str, ...]) -> Told:
  found: dict[str, list[str]] = {}
  unknown, known = [], set(images)
  for name, captions in rows:
    name = pathlib.PurePosixPath(name.replace('\\', '/')).as_posix()
    if name not in known:
      unknown.append(name)
      continue
    found.setdefault(name, []).extend(map(tidy, captions))
  whole = {
    name: tuple(dict.fromkeys(filter(None, found[name]))) for name in images if name in found
  }
  return Told(
    captions={name: captions for name, captions in whole.items() if captions},
    missing=tuple(name for name in images if name not in found),
    empty=tuple(name for name, captions in whole.items() if not captions),
    unknown=tuple(dict.fromkeys(unknown)),
    files=used,
  )


def tidy(text: str) -> str:
  """Return a caption in Unicode's composed form, with single spaces.

  Example:
    >>> tidy('  a red \\n house ')
    'a red house'
  """
  return ' '.join(unicodedata.normalize('NFC', text).split())


def _rows(table: pathlib.Path) -> Iterator[Row]:
  """Yield the rows of a table, of either kind.

  Raises:
    ValueError: it has no columns of these names, or a line that is no row.
  """
  text = text_of(table)
  if table.suffix == '.csv':
    # A line of a cell may end in any way; csv needs it as it is in the file.
    lines = csv.DictReader(io.StringIO(text, newline=''), strict=True)
    try:
      records: list[Mapping[str, object]] = list(lines)
    except csv.Error as error:
      raise ValueError(f'{table}, line {lines.line_num}: {error}') from None
  else:
    records = [
      _record(table, i, line) for i, line in enumerate(text.splitlines(), 1) if line.strip()
    ]
  for record in records:
    yield _row(table, record)


def _record(table: pathlib.Path, number: int, line: str) -> Mapping[str, object]:
  try:
    record = json.loads(line)
  except json.JSONDecodeError as error:
    raise ValueError(f'{table}, line {number}: no JSON, {error}') from None
  if not isinstance(record, dict):
    raise ValueError(f'{table}, line {number}: an object was expected, got {line[:40]}')
  return record


def _row(table: pathlib.Path, record: Mapping[str, object]) -> Row:
  image = next((name for name in IMAGE if name in record), None)
  texts = [name for name in TEXT if name in record]
  if image is None or not texts:
    there = some([str(name) for name in record])
    raise ValueError(f'{table} should have file_name and caption, it has {there}: name them so')
  found: list[str] = []
  for value in (record[name] for name in texts):
    found += [str(x) for x in (value if isinstance(value, list) else [value]) if x is not None]
  return str(record[image] or ''), found or ['']


# The data set.


def prepare(
  data_dir: pathlib.Path, folder: pathlib.Path | None, form: Form
) -> tuple[tfds.core.DatasetBuilder, dict[str, str]]:
  """Prepare the images that have captions; arguments and errors are as in `folder.prepare`."""
  return folders.prepare(data_dir, folder, form, captioned, key_of)


def captioned(split: str, files: Listing) -> Listing:
  """Return the listing of the images that have captions, and say which have none."""
  told = read(files)
  total = sum(map(len, told.captions.values()))
  where = told.files[0] if len(told.files) == 1 else f'{len(told.files)} text files'
  log.warning('%s: %d captions of %d images, from %s', files.root, total, len(told.captions), where)
  for names, what in (
    (told.missing, 'images have no caption and are not used'),
    (told.empty, 'images have an empty caption and are not used'),
    (told.unknown, 'captions name no image'),
  ):
    if names:
      log.warning('%s: %d %s: %s', files.root, len(names), what, some(names))
  others = tuple(name for name in files.others if name not in told.files)
  return dataclasses.replace(files, images=tuple(told.captions), others=others)


def key_of(split: str, path: str) -> str:
  """Return the name by which the prepared set knows an image."""
  return printable(f'{split}/{path}')


def described(source: Source, folder: pathlib.Path) -> Source:
  """Return the images of a prepared set with their captions, which are numbered as classes are.

  The captions of all splits are numbered together, those of the training images first.

  Args:
    source: the prepared images, whose labels name the files.
    folder: the folder with the captions.
  """
  of_image: dict[str, tuple[str, ...]] = {}
  for split, files in folders.splits_of(listing(folder)).items():
    found = read(files).captions
    of_image |= {key_of(split, path): each for path, each in found.items()}
  numbers = {
    text: i for i, text in enumerate(dict.fromkeys(t for e in of_image.values() for t in e))
  }
  ids = [[numbers[text] for text in of_image[name]] for name in source.spec.names]
  assert source.labels is not None
  mine = [ids[i] for i in source.labels]
  captions = Captions(
    np.array([i for each in mine for i in each], np.int32),
    np.cumsum([0, *map(len, mine)]),
  )
  return dataclasses.replace(
    source,
    spec=source.spec._replace(classes=len(numbers), names=tuple(numbers)),
    labels=captions.first,
    captions=captions,
    fingerprint=fingerprint(
      source.fingerprint, *numbers, captions.ids.tobytes(), captions.starts.tobytes()
    ),
  )
