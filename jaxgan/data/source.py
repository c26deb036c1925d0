"""Sources: random access to the images and labels of a data set."""

import dataclasses
import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from jaxgan.core.typing import Spec

PART = 2**28  # bytes of images to read at a time
LISTED = 12  # the most classes in a line


class Captions(NamedTuple):
  """The captions of images, one or more each, as numbers of classes, whose names they are.

  Image i has the captions `ids[starts[i] : starts[i + 1]]`.
  """

  ids: np.ndarray
  starts: np.ndarray

  @property
  def first(self) -> np.ndarray:
    """Return the first caption of each image, int32 `[images]`."""
    first: np.ndarray = self.ids[self.starts[:-1]]
    return first

  def chosen(self, images: np.ndarray, seed: int, step: int) -> np.ndarray:
    """Return one caption of each image, int32; a function of image, seed and step alone."""
    starts, counts = self.starts[images], np.diff(self.starts)[images]
    # SplitMix64 of (seed, step, image): the same on every machine, and for any order of the hosts.
    base = np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)
    with np.errstate(over='ignore'):
      x = base + images.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
      x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
      x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
      x = x ^ (x >> np.uint64(31))
    picked: np.ndarray = self.ids[starts + (x % counts.astype(np.uint64)).astype(np.int64)]
    return picked

  def of(self, images: np.ndarray) -> 'Captions':
    """Return the captions of these images alone."""
    parts = [self.ids[self.starts[i] : self.starts[i + 1]] for i in images]
    return Captions(np.concatenate(parts), np.cumsum([0, *map(len, parts)]))


class Drawing(Protocol):
  """Draws the examples of a step, in place of all images in turn, each with its label."""

  def draw(self, seed: int, step: int, count: int) -> np.ndarray:
    """Return examples, int64 `[count]`, which `Source.images` takes as indices."""

  def labels(self, examples: np.ndarray) -> np.ndarray:
    """Return the label of each example, int32, shaped as `examples`."""


@dataclasses.dataclass(frozen=True, eq=False)  # a source is equal only to itself
class Source:
  """Random access to the images of one split.

  Attributes:
    spec: size, channels and classes of the images.
    count: number of images.
    images: function from indices, int `[n]`, to images, uint8 `[n, size, size, channels]`; rows of
      a table are float32. Any thread may call it.
    labels: int32 `[count]`, or None if spec.classes is 0.
    fingerprint: equal for equal content, wherever it is stored.
    streams: images are read from the disk at each call; else they are held in memory.
    target: the images of a second domain, of the same size.
    paired: image i of `target` is the partner of image i; else the two orders are independent.
    has_held_out: the data set also has a split 'test'.
    channels_of: the data set from which each channel is an image, or ''.
    captions: the captions of each image, of which `labels` holds the first; None: labels are
      classes.
    drawing: draws the examples of a step; None: all images in turn, in a new order each time.
  """

  spec: Spec
  count: int
  images: Callable[[np.ndarray], np.ndarray]
  labels: np.ndarray | None
  fingerprint: str
  streams: bool = False
  target: 'Source | None' = None
  paired: bool = False
  has_held_out: bool = False
  channels_of: str = ''
  captions: Captions | None = None
  drawing: Drawing | None = None

  def __len__(self) -> int:
    return self.count

  def all(self) -> np.ndarray:
    """Return all images, uint8 `[count, size, size, channels]`; they must fit in memory."""
    return self.images(np.arange(self.count))

  def class_counts(self) -> tuple[int, ...]:
    """Return the number of images of each class, or of each caption; empty without labels."""
    if self.labels is None:
      return ()
    labels = self.captions.ids if self.captions else self.labels
    return tuple(np.bincount(labels, minlength=self.spec.classes).tolist())

  def labels_at(self, images: np.ndarray, seed: int, step: int) -> np.ndarray:
    """Return a label of each image for a step; of several captions, one is drawn."""
    assert self.labels is not None
    if self.drawing:
      return self.drawing.labels(images)
    return self.captions.chosen(images, seed, step) if self.captions else self.labels[images]

  def class_table(self) -> str:
    """Return a line with the number, the name and the images of each class; short if many."""
    if self.spec.columns:
      return f'{self.count} rows, drawn by {self.spec.classes} categories'
    if self.captions:
      total = len(self.captions.ids)
      return (
        f'{self.count} images have {total} captions, of which {len(set(self.captions.ids))} differ'
      )
    each = []
    for number, (name, images) in enumerate(
      zip(self.spec.names, self.class_counts(), strict=False)
    ):
      each.append(f'{number} {name} ({images})' if name != str(number) else f'{name} ({images})')
    if len(each) > LISTED:
      each = [*each[: LISTED - 2], '...', each[-1]]
    return f'{self.spec.classes} classes, with their images: {", ".join(each)}'

  def parts(self, size: int | None = None) -> Iterator[np.ndarray]:
    """Yield all images in order, `size` at a time, without holding a streamed set in memory.

    Args:
      size: images of a part; None: about 256 MiB, a multiple of 512 from 512 to 4096.
    """
    size = size or min(max(PART // max(math.prod(self.spec.shape), 1) // 512, 1), 8) * 512
    for i in range(0, self.count, size):
      yield self.images(np.arange(i, min(i + size, self.count)))


def two_domains(source: Source, target: Source, *, paired: bool = False) -> Source:
  """Return two domains as one source.

  Args:
    source: the first domain.
    target: the second domain.
    paired: image i of one domain belongs to image i of the other.

  Raises:
    ValueError: the images have different sizes or channels, or the pairs different numbers.
  """
  if source.spec.shape != target.spec.shape:
    raise ValueError(
      f'both domains should have images of one shape, got {source.spec.shape} and '
      f'{target.spec.shape}'
    )
  if paired and len(source) != len(target):
    raise ValueError(f'pairs should be as many on both sides, got {len(source)} and {len(target)}')
  whole = fingerprint(source.fingerprint, target.fingerprint, paired)
  return dataclasses.replace(source, target=target, paired=paired, fingerprint=whole)


def turned(source: Source) -> Source:
  """Swap the two domains of a source.

  Raises:
    ValueError: the source has only one domain.
  """
  if source.target is None:
    raise ValueError('--direction=BtoA is for data of two domains, this set has one: remove it')
  return two_domains(
    source.target, dataclasses.replace(source, target=None, paired=False), paired=source.paired
  )


def fingerprint(*parts: object) -> str:
  """Return 32 hexadecimal digits that differ if `parts` (plain values) differ."""
  return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def from_arrays(
  images: np.ndarray,
  labels: np.ndarray | None = None,
  *,
  names: Sequence[str] = (),
  identity: str | None = None,
) -> Source:
  """Return a source of images that are already in memory.

  Args:
    images: uint8 `[n, size, size, channels]`.
    labels: integers `[n]` from 0 to classes - 1.
    names: names of the classes; without them, the classes are numbered.
    identity: the fingerprint; without it, a hash of the images and labels.

  Raises:
    ValueError: another type or shape, or labels that do not match the images or names.

  Example:
    >>> pets = from_arrays(np.zeros((4, 8, 8, 3), np.uint8), np.arange(4) % 2, names=('cat', 'dog'))
    >>> pets.spec.names
    ('cat', 'dog')
  """
  images = np.asarray(images)
  _check_images(images)
  if labels is not None:
    labels = _checked_labels(labels, len(images), names)
    names = tuple(names) or tuple(str(i) for i in range(int(labels.max()) + 1))
  classes = 0 if labels is None else len(names)
  return Source(
    spec=Spec(images.shape[1], images.shape[3], classes, tuple(names) if classes else ()),
    count=len(images),
    images=lambda indices: images.take(indices, axis=0),
    labels=labels,
    fingerprint=identity or _content(images, labels),
  )


def without(source: Source, classes: Sequence[int]) -> Source:
  """Return the source without the images of some classes; number the other classes from 0 on.

  Args:
    source: a source with labels.
    classes: numbers of the classes to remove.

  Raises:
    ValueError: the source has no labels, a class does not exist, or no image remains.
  """
  if source.spec.columns:
    raise ValueError('--without-classes is for images, and these are rows of a table: omit it')
  if source.captions:
    raise ValueError('--without-classes is for classes, and these images have captions: omit it')
  known = range(source.spec.classes)
  if source.labels is None or not set(classes) <= set(known):
    there = f'they are 0 to {len(known) - 1}' if known else 'the data set has no labels'
    raise ValueError(f'cannot remove the classes {list(classes)}: {there}')
  kept = np.array([c for c in known if c not in classes])
  chosen = np.flatnonzero(np.isin(source.labels, kept))
  if not len(chosen):
    raise ValueError(f'without classes {list(classes)} no image remains')
  names = tuple(source.spec.names[c] for c in kept)
  return dataclasses.replace(
    source,
    spec=source.spec._replace(classes=len(names), names=names),
    count=len(chosen),
    images=lambda indices: source.images(chosen[indices]),
    labels=np.searchsorted(kept, source.labels[chosen]).astype(np.int32),
    fingerprint=fingerprint(source.fingerprint, 'without', sorted(set(classes))),
  )


def renamed(source: Source, names: Sequence[str]) -> Source:
  """Number the classes of a source as in `names`, which may hold more classes than the source has.

  Raises:
    ValueError: the source has a class that `names` has not.
  """
  if source.labels is None or tuple(names) == source.spec.names:
    return source
  if new := set(source.spec.names) - set(names):
    raise ValueError(f'{sorted(new)[0]!r} is not one of the classes {", ".join(names)}')
  numbers = np.array([tuple(names).index(name) for name in source.spec.names], np.int32)
  spec = source.spec._replace(classes=len(names), names=tuple(names))
  of = source.captions
  captions = of and of._replace(ids=numbers[of.ids])
  return dataclasses.replace(source, spec=spec, labels=numbers[source.labels], captions=captions)


def _check_images(images: np.ndarray) -> None:
  shape = images.shape
  if images.dtype != np.uint8 or images.ndim != 4 or shape[1] != shape[2] or not len(images):
    raise ValueError(
      f'images should be uint8 [n, size, size, channels] with n > 0, got {images.dtype}{shape}'
    )


def _checked_labels(labels: np.ndarray, count: int, names: Sequence[str]) -> np.ndarray:
  labels = np.asarray(labels)
  if labels.shape != (count,) or not np.issubdtype(labels.dtype, np.integer):
    raise ValueError(f'labels should be integers [{count}], got {labels.dtype}{labels.shape}')
  if labels.min() < 0 or (names and labels.max() >= len(names)):
    raise ValueError(
      f'labels should lie from 0 to {len(names) - 1 if names else "classes - 1"}, '
      f'got {labels.min()} to {labels.max()}'
    )
  return labels.astype(np.int32)


def _content(images: np.ndarray, labels: np.ndarray | None) -> str:
  digest = hashlib.sha256(np.ascontiguousarray(images).data)
  digest.update(b'' if labels is None else labels.tobytes())
  return fingerprint(images.shape, digest.hexdigest())
