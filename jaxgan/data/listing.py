"""Listings of the files in a folder of images."""

import dataclasses
import functools
import os
import pathlib

from jaxgan.data import images
from jaxgan.data.source import fingerprint


@dataclasses.dataclass(frozen=True)
class Listing:
  """The files below a folder, as sorted paths relative to it."""

  root: pathlib.Path
  images: tuple[str, ...]  # recognized by their extension
  others: tuple[str, ...]
  refused: dict[str, str]  # folders that were skipped, and why

  @functools.cached_property
  def classes(self) -> tuple[str, ...]:
    """Return the first-level subfolders, if all images are in them and there are two or more."""
    if not all('/' in path for path in self.images):
      return ()
    names = sorted({path.split('/')[0] for path in self.images})
    return tuple(names) if len(names) > 1 else ()

  def label(self, path: str) -> int:
    """Return the class of an image, or 0 if there are no classes."""
    return self.classes.index(path.split('/')[0]) if self.classes else 0

  @functools.cached_property
  def state(self) -> str:
    """Return a fingerprint of names, sizes and times of change; it does not depend on `root`."""
    return fingerprint(*(_stamp(self.root, path) for path in self.images))


def _stamp(root: pathlib.Path, path: str) -> tuple[object, ...]:
  try:
    status = os.stat(root / path)
  except OSError:
    return path, None
  return path, status.st_size, status.st_mtime_ns


def listing(root: pathlib.Path) -> Listing:
  """List all files below `root`, also in nested folders; links to folders are not followed.

  All data sets and commands use this function to read folders of images.
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
