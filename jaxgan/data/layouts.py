"""Layouts of folders: which subfolders are splits, which are two domains, and which are halves.

The rule is the same for `jaxgan train FOLDER` and for the data sets folder, domains and pairs. What
fits no layout, or two of them, is refused: nothing is guessed.
"""

import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jaxgan.data import images
from jaxgan.data.listing import Listing, never, printable, some

TRAIN = ('train', 'training')
HELD = ('test', 'testing', 'val', 'valid', 'validation')
SIDES = (
  ('A', 'B'),
  ('input', 'target'),
  ('inputs', 'targets'),
  ('source', 'target'),
  ('sources', 'targets'),
  ('input', 'output'),
  ('inputs', 'outputs'),
)
"""Names of the folders of two domains, in small or capital letters."""
SAMPLED = 200
"""The most images that are opened to find out whether they are twice as wide as high."""
NEARLY_ALL = 0.9
"""The share of them that must be."""
TOLERANCE = 0.02
"""How far the width may be from twice the height, as a share of the width: scans are cut so."""


# Splits.


def parts(files: Listing) -> dict[str, str]:
  """Return the subfolder of each split, 'train' and 'test'; empty if the folder has no splits.

  A subfolder named test, testing, val, valid or validation is held out. Beside it there must be
  train (or training) and no other images. A folder train alone is the split train. A folder train
  beside other folders, without a held-out one, is a class like them.

  Raises:
    ValueError: there is a held-out folder without train, or beside other images.
  """
  train = [name for name in files.inside if name.lower() in TRAIN]
  held = [name for word in HELD for name in files.inside if name.lower() == word]
  if not held:
    alone = len(files.inside) == len(train) == 1 and not files.loose
    return {'train': train[0]} if alone else {}
  rest = [name for name in files.inside if name not in (*train, *held)]
  rest += [f'{files.loose} images in no subfolder'] if files.loose else []
  if len(train) == 1 and not rest:
    return {'train': train[0], 'test': held[0]}
  beside = f'beside {some([*train[1:], *rest])}' if train else 'without train'
  raise ValueError(
    f'{files.root} has {some(held)}, the name of held-out images, {beside}: put images to train '
    f'on in train, give one of the folders in place of {files.root.name}, or rename {held[0]}'
  )


def no_classes(names: Sequence[str]) -> list[str]:
  """Return the names of folders that are no classes: hidden, of a system, or splits."""
  no_more = {*HELD, *TRAIN} if any(name.lower() in HELD for name in names) else set()
  return [name for name in names if never(name) or name.lower() in no_more]


def check_deep(files: Listing) -> None:
  """Raise ValueError if a subfolder holds train and a held-out folder, which would be mixed."""
  folders = {path.rpartition('/')[0] for path in files.images}
  inside: dict[str, set[str]] = {}
  for folder in folders:
    names = folder.split('/')
    for depth in range(1, len(names)):
      inside.setdefault('/'.join(names[:depth]), set()).add(names[depth])
  for folder, within in sorted(inside.items()):
    held = sorted(name for name in within if name.lower() in HELD)
    if held and any(name.lower() in TRAIN for name in within):
      raise ValueError(
        f'{files.root / folder} has train and {some(held)}, which would be mixed: give {folder} as '
        'the folder of images, or move its held-out images away'
      )


def unread(files: Listing, used: Mapping[str, str]) -> str:
  """Return a text with the folders of images that are not used, such as a second held-out one."""
  left = [name for name in files.inside if name not in used.values()]
  counts = [f'{name} ({len(files.below(name).images)} images)' for name in left]
  return f'; not read: {some(counts)}' if left else ''


# Two domains.


class Sides(NamedTuple):
  """The folders of two domains, by split; a folder may be missing."""

  splits: Mapping[str, tuple[pathlib.Path, pathlib.Path]]

  @property
  def complete(self) -> bool:
    """Return whether both domains have images to train on."""
    return 'train' in self.splits and all(path.is_dir() for path in self.splits['train'])

  @property
  def used(self) -> tuple[pathlib.Path, ...]:
    """Return all the folders."""
    return tuple(path for pair in self.splits.values() for path in pair)


def sides(folder: pathlib.Path) -> Sides | None:
  """Return the folders of the two domains; None if there are none.

  For each pair of names in `SIDES`, such as A and B, these may be: trainA and trainB (or train_A);
  train/A and train/B; A/train and B/train; A and B. Held-out images lie likewise, such as in testA
  and testB.

  Raises:
    ValueError: one of two folders is missing, train is missing, or two layouts fit.
  """
  found = ways(folder)
  whole = [way for way in found if way.complete]
  if len(whole) > 1:
    fit = ' and '.join(f'{a.name} with {b.name}' for a, b in (way.splits['train'] for way in whole))
    raise ValueError(f'two layouts fit {folder}, {fit}: give --folder and --target-folder')
  for way in whole or found:
    if 'train' not in way.splits:
      here = some([path.relative_to(folder).as_posix() for path in way.used if path.is_dir()])
      raise ValueError(f'{folder} has {here}, the names of held-out images, without train')
    if missing := [path for path in way.used if not path.is_dir()]:
      there = next(path for path in way.used if path.is_dir())
      raise ValueError(f'there is {there}, but no folder {missing[0]}: both domains are needed')
  return whole[0] if whole else None


def ways(folder: pathlib.Path) -> list[Sides]:
  """Return each layout of two domains of which a folder is there."""
  inside = {'': subfolders(folder)}
  words = {*TRAIN, *HELD, *(side.lower() for pair in SIDES for side in pair)}
  inside |= {name: subfolders(folder / name) for name in inside[''] if name.lower() in words}
  return [way for pair in SIDES for way in _ways(folder, inside, pair)]


def _ways(
  folder: pathlib.Path, inside: Mapping[str, Sequence[str]], pair: tuple[str, str]
) -> list[Sides]:
  """Return the layouts in which the two domains have these names."""
  forms = [f'{{split}}{dash}{{side}}' for dash in ('', '_', '-')]
  forms += ['{split}/{side}', '{side}/{split}']
  found = [splits for form in forms if (splits := _splits(folder, inside, form, pair))]
  plain = {'train': (_path(folder, inside, pair[0]), _path(folder, inside, pair[1]))}
  deeper = any(
    path.parent in plain['train'] for way in found for two in way.values() for path in two
  )
  if not deeper and any(path.is_dir() for path in plain['train']):
    found.append(plain)
  return [Sides(splits) for splits in found]


def _splits(
  folder: pathlib.Path, inside: Mapping[str, Sequence[str]], form: str, pair: tuple[str, str]
) -> dict[str, tuple[pathlib.Path, pathlib.Path]]:
  """Return the folders of two domains that are named by a form, by split."""
  splits: dict[str, tuple[pathlib.Path, pathlib.Path]] = {}
  for split, names in (('train', TRAIN), ('test', HELD)):
    for name in names:
      a, b = (_path(folder, inside, form.format(split=name, side=side)) for side in pair)
      if split not in splits and (a.is_dir() or b.is_dir()):
        splits[split] = (a, b)
  return splits


def _path(folder: pathlib.Path, inside: Mapping[str, Sequence[str]], names: str) -> pathlib.Path:
  """Return a path below a folder; small and capital letters are the same, but not for A and B."""
  above = ''
  for name in names.split('/'):
    fits = lambda other, name=name: (
      other.lower() == name.lower() and (other[-1] == name[-1] or not name[-1].isupper())
    )
    same = [other for other in inside.get(above, ()) if fits(other)]
    above = name if name in same or not same else same[0]
    folder = folder / above
  return folder


def subfolders(folder: pathlib.Path) -> list[str]:
  """Return the names of the subfolders that may hold data."""
  if not folder.is_dir():
    return []
  with os.scandir(folder) as entries:
    return sorted(e.name for e in entries if e.is_dir() and not never(e.name))


# Halves.


class Halves(NamedTuple):
  """How many images were opened, and how many of them are twice as wide as high."""

  opened: int
  wide: int
  other: str = ''  # the name and size of one that is not

  def __bool__(self) -> bool:
    return self.opened > 0 and self.wide >= NEARLY_ALL * self.opened


def halves(files: Listing) -> Halves:
  """Open some images of a folder, and count those that are twice as wide as high."""
  wide = opened = 0
  other = ''
  with images.guarded():
    for name in spread(files.images, SAMPLED):
      try:
        size = images.upright_size(files.root / name, files.root)
      except ValueError:
        continue
      opened += 1
      wide += is_wide(*size)
      other = other or ('' if is_wide(*size) else f'{printable(name)}, {size[0]} x {size[1]}')
  return Halves(opened, wide, other)


def is_wide(width: int, height: int) -> bool:
  """Return whether an image is about twice as wide as high."""
  return abs(width - 2 * height) <= TOLERANCE * width


def spread(names: Sequence[str], most: int) -> list[str]:
  """Return at most `most` names, evenly spread over all."""
  if not names:
    return []
  return [names[i] for i in np.unique(np.linspace(0, len(names) - 1, most).astype(int))]


def twins(files: Listing) -> tuple[str, str] | None:
  """Return the two subfolders that hold all images and hold equal names; None if there are none."""
  if len(files.inside) != 2 or files.loose:
    return None
  a, b = files.inside
  stems = [{os.path.splitext(path)[0] for path in files.below(name).images} for name in (a, b)]
  return (a, b) if stems[0] == stems[1] else None
