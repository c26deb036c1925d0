"""What lies in a folder of images."""

import dataclasses
import functools
import os
import pathlib

from jaxgan.data import images
from jaxgan.data.source import fingerprint


@dataclasses.dataclass(frozen=True)
class Listing:
  """The files below a folder, as paths relative to it, sorted."""

  root: pathlib.Path
  images: tuple[str, ...]  # by their extension
  others: tuple[str, ...]
  refused: dict[str, str]  # folders that are not entered, and why

  @functools.cached_property
  def classes(self) -> tuple[str, ...]:
    """First-level subfolders, if every image lies in one and there are two or more."""
    if not all('/' in path for path in self.images):
      return ()
    names = sorted({path.split('/')[0] for path in self.images})
    return tuple(names) if len(names) > 1 else ()

  def label(self, path: str) -> int:
    """The class of an image, 0 where there are no classes."""
    return self.classes.index(path.split('/')[0]) if self.classes else 0

  @functools.cached_property
  def state(self) -> str:
    """A fingerprint of names, sizes and times of change: cheap, and the same wherever root lies."""
    return fingerprint(*(_stamp(self.root, path) for path in self.images))


def _stamp(root: pathlib.Path, path: str) -> tuple[object, ...]:
  try:
    status = os.stat(root / path)
  except OSError:
    return path, None
  return path, status.st_size, status.st_mtime_ns


def listing(root: pathlib.Path) -> Listing:
  """List every file below `root`, nested folders included, links to folders not followed.

  The one way that folders of images are read: by data sets and by every command.
  """
  refused: dict[str, str] = {}
  found: list[str] = []

  def unreadable(error: OSError) -> None:
    refused[os.path.relpath(error.filename, root)] = f'cannot be read: {error.strerror}'

  for folder, subfolders, files in os.walk(root, onerror=unreadable):
    inside = pathlib.PurePath(os.path.relpath(folder, root))
    found += [(inside / name).as_posix() for name in files]
    for name in subfolders:
      if os.path.islink(os.path.join(folder, name)):
        refused[(inside / name).as_posix()] = 'link to a folder, not followed'
  paths = sorted(found)
  pictures = [path for path in paths if path.lower().endswith(images.EXTENSIONS)]
  others = sorted(set(paths) - set(pictures))
  return Listing(root, tuple(pictures), tuple(others), refused)
