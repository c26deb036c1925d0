"""Sets of more than a gigabyte are prepared without TensorFlow.

tensorflow-datasets sorts the records of a set before it writes them. Those that are more than a
gigabyte wait in temporary files, which it opens by TensorFlow. These here are plain files, fewer of
them, and begin earlier, so that preparing a large set needs little memory. The order of the records
is the same.
"""

import contextlib
import os
import pathlib
import struct
from collections.abc import Iterator
from typing import IO, Any
from unittest import mock

from tensorflow_datasets.core import shuffle

MEMORY = 256 * 2**20
"""Bytes of records that wait in memory."""
FILES = 128
"""Temporary files; many systems let a process open 1024. Each is sorted in memory."""
_HEAD = struct.Struct('<16sQ')
"""Before each record: its key, and its size in bytes."""


class Bucket:
  """Records in a file: pairs of a key, 0 to 2^128 - 1, and bytes.

  Args:
    path: the file, which is made with the first record.
  """

  def __init__(self, path: os.PathLike[str]) -> None:
    self._path = pathlib.Path(path)
    self._file: IO[bytes] | None = None
    self._length = 0
    self.size = 0

  def __len__(self) -> int:
    return self._length

  def add(self, key: int, data: bytes) -> None:
    """Write a record behind the others."""
    if self._file is None:
      self._path.parent.mkdir(parents=True, exist_ok=True)
      self._file = self._path.open('wb')
    self._file.write(_HEAD.pack(key.to_bytes(16, 'little'), len(data)) + data)
    self._length += 1
    self.size += len(data)

  def flush(self) -> None:
    """End the writing."""
    if self._file is not None:
      self._file.close()

  def read_values(self) -> Iterator[tuple[int, bytes]]:
    """Return the records one after another."""
    self.flush()
    if not self._length:
      return
    with self._path.open('rb') as file:
      while head := file.read(_HEAD.size):
        key, size = _HEAD.unpack(head)
        yield int.from_bytes(key, 'little'), file.read(size)

  def del_file(self) -> None:
    """Remove the file."""
    self._path.unlink(missing_ok=True)


@contextlib.contextmanager
def plain_files() -> Iterator[None]:
  """Let tensorflow-datasets keep records in plain files, for as long as the context lasts."""
  changes: dict[str, Any] = {
    '_Bucket': Bucket,
    'MAX_MEM_BUFFER_SIZE': MEMORY,
    'BUCKETS_NUMBER': FILES,
  }
  if not all(hasattr(shuffle, name) for name in changes):  # another version, with its own way
    yield
    return
  with mock.patch.multiple(shuffle, **changes):
    yield
