"""Names of prepared sets, from the content of their files: changed images never pass unnoticed.

A hash of all bytes takes long, so it is kept with the stamps of the files: size, times, and number
of the inode. If these stay as they are, so did the bytes, since no program can set ctime. After a
copy or a move to another disk the stamps differ, the bytes are hashed again, and the prepared set
is found under the same name.
"""

import contextlib
import hashlib
import pathlib
import time
from collections.abc import Sequence

from jaxgan.data import images
from jaxgan.data.listing import Listing
from jaxgan.data.pipeline import WORKERS, ordered
from jaxgan.data.source import fingerprint
from jaxgan.storage.files import write_text

KEPT = '.jaxgan-stamps'
"""The folder of the kept hashes, in the folder of prepared sets."""
FRESH = 2 * 10**9
"""Nanoseconds: a file that changed later may change again within one tick of its clock."""
PART = 2**20
UNREAD = 'not read:'


def key(listings: Sequence[Listing], data_dir: pathlib.Path) -> str:
  """Return a fingerprint of the names and the bytes of all images; it does not depend on the root.

  Args:
    listings: the folders of images.
    data_dir: the folder of prepared sets.
  """
  stamps = [files.stamps for files in listings]
  kept = data_dir / KEPT / fingerprint(*stamps)
  with contextlib.suppress(OSError, ValueError):
    return kept.read_text(encoding='ascii').strip()
  begun = time.time_ns()
  hashed = [_hashed(files) for files in listings]
  found = fingerprint(*hashed)
  newest = max((files.newest for files in listings), default=0)
  unread = any(value.startswith(UNREAD) for one in hashed for _, value in one)
  if newest < begun - FRESH and not unread:
    with contextlib.suppress(OSError):  # `prepare` reports a folder that cannot be written
      write_text(kept, found)
  return found


def _hashed(files: Listing) -> list[tuple[str, str]]:
  """Return the name and the hash of each image."""
  hashes = ordered(
    lambda path: _hash(files.root / path, files.root),
    files.images,
    ahead=8 * WORKERS,
    workers=min(8, WORKERS),
  )
  return list(zip(files.images, hashes, strict=True))


def _hash(path: pathlib.Path, root: pathlib.Path) -> str:
  """Return a hash of a file; the reason where it cannot be read."""
  digest = hashlib.blake2b(digest_size=16)
  try:
    with open(images.real_file(path, root), 'rb') as file:
      while part := file.read(PART):
        digest.update(part)
  except OSError as error:  # perhaps another user may read it
    return f'{UNREAD} {error.strerror}'
  except ValueError as error:  # a link out of the folder, or no regular file
    return str(error)
  return digest.hexdigest()
