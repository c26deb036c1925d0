"""Listings of the files in a folder of images: one rule for what is an image and what never is."""

import dataclasses
import functools
import logging
import os
import pathlib
from collections.abc import Iterable, Sequence

from jaxgan.data import images

NEVER = frozenset(
  {
    *('__macosx', 'icon\r', 'network trash folder', 'temporary items'),  # of macOS
    *('thumbs.db', 'ehthumbs.db', 'ehthumbs_vista.db', 'desktop.ini'),  # of Windows
    *('$recycle.bin', 'recycler', 'system volume information', 'lost+found'),
    *('@eadir', '@tmp', '@recycle', '@recently-snapshot', '#recycle', '#snapshot'),  # of storages
    *('__pycache__', 'node_modules'),  # of tools
  }
)
"""Names, in small letters, that systems and tools give to what they put into folders."""
SHOWN = 3
"""The most names in a message."""
log = logging.getLogger('jaxgan')


def never(name: str) -> bool:
  """Return whether a file or folder of this name is never data: hidden, of a system or a tool."""
  return name.startswith('.') or name.lower() in NEVER


def in_order(names: Iterable[str]) -> list[str]:
  """Sort names of classes: by value if all are whole numbers, else by their characters.

  Example:
    >>> in_order({'10', '9', '1'}), in_order({'10', '9', 'b'})
    (['1', '9', '10'], ['10', '9', 'b'])
  """
  names = sorted(names)
  numbers = all(name.isascii() and name.isdecimal() for name in names)
  return sorted(names, key=int) if numbers else names


@dataclasses.dataclass(frozen=True)
class Listing:
  """The files below a folder, as sorted paths relative to it."""

  root: pathlib.Path
  images: tuple[str, ...]  # recognized by their extension
  others: tuple[str, ...]
  refused: dict[str, str]  # folders that were skipped, and why
  skipped: tuple[str, ...] = ()  # files and folders that are never data

  @functools.cached_property
  def inside(self) -> tuple[str, ...]:
    """Return the first-level subfolders that have an image, in the order of classes."""
    return tuple(in_order({path.split('/')[0] for path in self.images if '/' in path}))

  @functools.cached_property
  def loose(self) -> int:
    """Return the number of images that lie in no subfolder."""
    return sum('/' not in path for path in self.images)

  @functools.cached_property
  def classes(self) -> tuple[str, ...]:
    """Return the first-level subfolders, if all images are in them and there are two or more."""
    return () if self.loose or len(self.inside) < 2 else self.inside

  @functools.cached_property
  def stamps(self) -> tuple[tuple[object, ...], ...]:
    """Return name, size, times and inode of each image; a changed image has another stamp."""
    return tuple(_stamp(self.root, path) for path in self.images)

  @functools.cached_property
  def newest(self) -> int:
    """Return when an image was changed last, its ctime in nanoseconds."""
    return max((int(str(stamp[3])) for stamp in self.stamps if len(stamp) > 3), default=0)

  def below(self, name: str) -> 'Listing':
    """Return the listing of a subfolder."""
    within = lambda paths: tuple(p[len(name) + 1 :] for p in paths if p.startswith(f'{name}/'))
    refused = {
      p[len(name) + 1 :]: why for p, why in self.refused.items() if p.startswith(f'{name}/')
    }
    files = within(self.images), within(self.others), refused, within(self.skipped)
    return Listing(self.root / name, *files)

  def tell(self) -> None:
    """Log one line with the files and folders that are never data, if there are any."""
    if self.skipped:
      names = f'{len(self.skipped)} in all: {some(self.skipped)}'
      log.warning('%s: skipped what is hidden or of systems and tools, %s', self.root, names)


def _stamp(root: pathlib.Path, path: str) -> tuple[object, ...]:
  try:
    status = os.stat(root / path)
  except OSError:
    return path, None
  # A program can set the time of change back, as rsync does, but not ctime.
  return path, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def listing(root: pathlib.Path) -> Listing:
  """List all files below `root`, also in nested folders; links to folders are not followed.

  All data sets and commands use this function to read folders of images, so none of them reads
  what is `never` data.
  """
  refused: dict[str, str] = {}
  found: list[str] = []
  skipped: list[str] = []

  def unreadable(error: OSError) -> None:
    refused[os.path.relpath(error.filename, root)] = f'cannot be read: {error.strerror}'

  for folder, subfolders, files in os.walk(root, onerror=unreadable):
    inside = pathlib.PurePath(os.path.relpath(folder, root))
    skipped += [(inside / name).as_posix() for name in (*subfolders, *files) if never(name)]
    subfolders[:] = [name for name in subfolders if not never(name)]
    found += [(inside / name).as_posix() for name in files if not never(name)]
    for name in subfolders:
      if os.path.islink(os.path.join(folder, name)):
        refused[(inside / name).as_posix()] = 'link to a folder, not followed'
  paths = sorted(found)
  pictures = [path for path in paths if path.lower().endswith(images.EXTENSIONS)]
  others = sorted(set(paths) - set(pictures))
  return Listing(root, tuple(pictures), tuple(others), refused, tuple(sorted(skipped)))


def check_images(files: Listing) -> None:
  """Raise ValueError if a folder has no image."""
  if not files.images:
    raise ValueError(
      f'{files.root} has no image: none of its {len(files.others)} files ends in '
      f'{" ".join(images.EXTENSIONS)}'
    )


def printable(name: str) -> str:
  """Return a name for a log or for a class; tfds stores classes as stripped lines of UTF-8."""
  return name if name.isprintable() and name == name.strip() else ascii(name)


def some(names: Sequence[str]) -> str:
  """Return the first names for a message, and the number of the others."""
  more = f' and {len(names) - SHOWN} more' if len(names) > SHOWN else ''
  return ', '.join(map(printable, names[:SHOWN])) + more
