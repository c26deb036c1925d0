"""Moments of the features of any number of images, in constant memory; a kill loses little."""

import hashlib
import pathlib
import time
from collections.abc import Callable, Mapping

import numpy as np

from jaxgan.core import console, progress
from jaxgan.evaluation.features import FeatureNetwork
from jaxgan.evaluation.metrics import moments
from jaxgan.evaluation.metrics.moments import Moments
from jaxgan.storage import files

EVERY = 30.0
"""Seconds from one writing of the file to the next."""


def moments_of(
  draw: Callable[[int], np.ndarray],
  parts: int,
  network: FeatureNetwork,
  path: pathlib.Path,
  mark: str,
) -> Moments:
  """Return the moments of the features of images that are drawn part by part.

  What is done is kept in a file. A call that finds the file goes on from there, and returns the
  same bits as one that never stopped.

  Args:
    draw: `draw(i)` returns the images of part i, uint8 `[n, H, W, C]`, always the same.
    parts: the number of parts.
    network: describes the images.
    path: the file, .npz.
    mark: says which images these are; a file with another mark is begun anew.

  Raises:
    OSError: the file cannot be written.
  """
  done, found = _kept(path, mark)
  saved = time.monotonic()
  for i in progress.over(range(done, parts), 'parts of images'):
    one = moments.of(network.apply(draw(i))[0])
    found = one if found is None else moments.merge(found, one)
    if time.monotonic() - saved >= EVERY or i == parts - 1:
      arrays = {name: np.asarray(x) for name, x in {'done': i + 1, **found._asdict()}.items()}
      files.save_npz(path, mark=mark, checksum=_checksum(mark, arrays), **arrays)
      saved = time.monotonic()
  assert found is not None, 'there is a part'
  return found


def _kept(path: pathlib.Path, mark: str) -> tuple[int, Moments | None]:
  """Return how many parts a file holds, and their moments; 0 and None if it does not serve."""
  if not path.exists():
    return 0, None
  try:
    stored = files.of_npz(path, dict)
    checksum, other = str(stored.pop('checksum')), str(stored.pop('mark'))
    whole = checksum == _checksum(other, stored)
  except (ValueError, KeyError):
    whole, other = False, ''
  if not whole or other != mark:
    why = 'is of other images or another state' if whole else 'is damaged'
    console.say(f'jaxgan: {path} {why}: the evaluation begins anew', error=True)
    return 0, None
  done = int(stored['done'])
  console.say(f'jaxgan: {path}: goes on after part {done}', error=True)
  return done, Moments(int(stored['n']), stored['mean'], stored['scatter'])


def _checksum(mark: str, arrays: Mapping[str, np.ndarray]) -> str:
  """Return a hash of the mark and of arrays by name."""
  found = hashlib.blake2b(mark.encode(), digest_size=16)
  for name in sorted(arrays):
    found.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
  return found.hexdigest()
