"""A file of decoded images: each image of a streamed set is decoded once."""

import dataclasses
import logging
import math
import os
import pathlib
import shutil
import weakref
import zlib
from collections.abc import Callable

import numpy as np

log = logging.getLogger('jaxgan')

Read = Callable[[np.ndarray], np.ndarray]
"""From indices, int `[n]`, to images, uint8 `[n, size, size, channels]`."""

SHARE = 0.25  # of the free disk that the file may take
SUM = 4  # bytes of a checksum


@dataclasses.dataclass(eq=False)
class Kept:
  """Images that are decoded at their first use, and then read from a file.

  Image i stands at i times the bytes of an image and its checksum, CRC-32. What has another
  checksum, such as a part that was never written, is decoded. So the file may be shared, damaged or
  deleted at any time, and its images need no memory. Any thread may call this.

  Args:
    decode: reads images where the file does not have them.
    file: the number of the open file, which is closed with this.
    row: the shape of an image.
  """

  decode: Read
  file: int
  row: tuple[int, ...]

  def __post_init__(self) -> None:
    weakref.finalize(self, os.close, self.file)

  def __call__(self, indices: np.ndarray) -> np.ndarray:
    """Return the images of these indices."""
    images = np.empty((len(indices), *self.row), np.uint8)
    absent = [i for i, index in enumerate(indices) if not self._read(images[i], int(index))]
    if absent:
      wanted = np.asarray(indices)[absent]
      images[absent] = fresh = self.decode(wanted)
      self._write(wanted, fresh)
    return images

  def _place(self, index: int) -> int:
    return index * (math.prod(self.row) + SUM)

  def _read(self, image: np.ndarray, index: int) -> bool:
    """Read an image, and return whether it is there and whole."""
    checksum = bytearray(SUM)
    try:
      os.preadv(self.file, [image.data, checksum], self._place(index))
    except OSError:  # such as a damaged disk
      return False
    return zlib.crc32(image.data) == int.from_bytes(checksum, 'little')

  def _write(self, indices: np.ndarray, images: np.ndarray) -> None:
    for index, image in zip(indices, np.ascontiguousarray(images), strict=True):
      checksum = zlib.crc32(image.data).to_bytes(SUM, 'little')
      try:
        os.pwritev(self.file, [image.data, checksum], self._place(int(index)))
      except OSError:  # such as a full disk: the image is decoded again
        return


def kept(decode: Read, path: pathlib.Path, count: int, row: tuple[int, ...]) -> Read:
  """Return what reads images and keeps them, decoded, in the file `path`.

  The file takes at most a quarter of the free disk; a set that needs more is decoded at each use.

  Args:
    decode: reads any images, uint8.
    path: the file; it is made if it is not there.
    count: the number of images.
    row: the shape of an image.
  """
  needed = count * (math.prod(row) + SUM)
  try:
    there = path.stat().st_blocks * 512 if path.exists() else 0
    if needed - there > SHARE * shutil.disk_usage(path.parent).free:
      log.info('%s has little room: images are decoded each time that they are used', path.parent)
      return decode
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
  except OSError as error:
    log.warning('decoded images are not kept in %s: %s', path.parent, error.strerror)
    return decode
  log.info('decoded images are kept in %s: up to %.1f GiB', path, needed / 2**30)
  return Kept(decode, file, row)
