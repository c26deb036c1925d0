"""Data sets that tensorflow-datasets prepared as array_record: read without TensorFlow."""

import contextlib
import dataclasses
import io
import logging
import pathlib
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
import tensorflow_datasets as tfds
from absl import logging as absl_logging
from filelock import FileLock
from tensorflow_datasets.core.decode.base import DeserializeMethod
from tensorflow_datasets.core.read_only_builder import builder_from_files

from jaxgan.core.typing import Spec
from jaxgan.data import decoded, images, memory
from jaxgan.data.pipeline import WORKERS, ordered
from jaxgan.data.source import Source, fingerprint, from_arrays, two_domains
from jaxgan.data.spilling import plain_files
from jaxgan.storage.files import atomic

log = logging.getLogger('jaxgan')

CHUNK = 64  # records that a thread reads at a time when a whole set is decoded

Examples = Iterator[tuple[int | bytes, Mapping[str, object]]]
"""What a builder generates: pairs of a key and an example."""


class Stored(Protocol):
  """Random access to serialized records."""

  def __len__(self) -> int: ...

  def __getitems__(self, indices: Sequence[int]) -> Sequence[bytes]: ...


_silence = threading.RLock()  # since all threads share the settings that `quiet` changes


@contextlib.contextmanager
def quiet() -> Iterator[None]:
  """Stop tensorflow-datasets from printing, for one thread at a time; then restore its settings."""
  with _silence, contextlib.redirect_stdout(io.StringIO()):
    verbosity, bars = absl_logging.get_verbosity(), tfds.core.utils.tqdm_utils._active
    absl_logging.set_verbosity(absl_logging.ERROR)
    tfds.disable_progress_bar()
    try:
      yield
    finally:
      absl_logging.set_verbosity(verbosity)
      tfds.display_progress_bar(bars)


@contextlib.contextmanager
def locked(path: pathlib.Path) -> Iterator[None]:
  """Wait until no other process or thread holds the lock file `path`; then hold it.

  Raises:
    ValueError: the folder of the file cannot be written.
  """
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    taken = FileLock(path).acquire()
  except OSError as error:
    raise ValueError(
      f'data folder {path.parent} cannot be written ({error.strerror}): choose another data_dir'
    ) from error
  with taken:  # a killed process frees it too
    yield


def prepare(
  make: Callable[[], tfds.core.DatasetBuilder], before: Callable[[], None] = lambda: None
) -> tfds.core.DatasetBuilder:
  """Return a builder whose set is prepared as array_record, now if it was not before.

  If several processes call this at once, one prepares the set and the others wait.

  Args:
    make: makes the builder.
    before: called before the set is prepared.
  """
  with quiet():
    builder = make()
    if not builder.is_prepared():
      root = pathlib.Path(builder.data_dir_root)
      with locked(root / f'.{builder.name}.lock'):
        builder = make()
        if not builder.is_prepared():
          log.info('preparing %s in %s', builder.info.full_name, root)
          before()
          config = tfds.download.DownloadConfig(try_download_gcs=False)
          with plain_files():
            builder.download_and_prepare(download_config=config)
    return tfds.builder_from_directory(builder.data_dir)


def named(
  name: str, data_dir: pathlib.Path, built_in: Iterable[str] = ()
) -> tfds.core.DatasetBuilder:
  """Return the builder of a set that is prepared in `data_dir`; never download.

  Args:
    name: 'set' or 'set/config', or one of these with ':version'.
    data_dir: the `data_dir` of tensorflow-datasets.
    built_in: other names, for the error.

  Raises:
    ValueError: the set is not there.
  """
  builder = None
  if re.fullmatch(r'[A-Za-z]\w*(/[\w.+-]+)?(:[\d.*]+)?', name) and '..' not in name:
    with quiet(), contextlib.suppress(tfds.core.DatasetNotFoundError):
      builder = builder_from_files(name, data_dir=data_dir)
  if builder is None:
    raise ValueError(
      f'data set {name!r} is neither one of {", ".join(built_in)} nor prepared in {data_dir}; '
      'to use one of tensorflow-datasets, prepare it once, where TensorFlow is installed, with '
      f'tfds.builder({name!r}, data_dir={str(data_dir)!r}, file_format="array_record")'
      '.download_and_prepare()'
    )
  return builder


@dataclasses.dataclass(frozen=True)
class Records:
  """One split of a prepared set, whose records can be read and decoded in any order."""

  builder: tfds.core.DatasetBuilder
  split: str
  image: str  # name of the feature that is the image
  label: str | None  # name of the feature that is the class
  form: images.Form
  raw: Stored

  def __len__(self) -> int:
    return len(self.raw)

  def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return images, uint8 `[n, size, size, channels]`, and labels, int32 `[n]` (else zeros)."""
    examples = self._examples(indices, [self.image, self.label])
    pictures = [self._picture(example[self.image]) for example in examples]
    return np.stack(pictures), self._classes(examples)

  def images(self, indices: np.ndarray) -> np.ndarray:
    """Return images, uint8 `[n, size, size, channels]`."""
    examples = self._examples(indices, [self.image])
    return np.stack([self._picture(example[self.image]) for example in examples])

  def labels(self, indices: np.ndarray) -> np.ndarray:
    """Return labels, int32 `[n]`, without decoding an image."""
    return self._classes(self._examples(indices, [self.label]))

  def _examples(
    self, indices: np.ndarray, keys: Sequence[str | None]
  ) -> list[Mapping[str, np.ndarray | bytes]]:
    wanted = {key: self.builder.info.features[key] for key in keys if key}
    features = tfds.features.FeaturesDict(wanted)
    stored = isinstance(wanted.get(self.image), tfds.features.Image)
    decoders = {self.image: tfds.decode.SkipDecoding()} if stored else None
    return [
      features.deserialize_example_np(record, decoders=decoders)
      for record in self.raw.__getitems__(np.asarray(indices).tolist())
    ]

  def _picture(self, value: np.ndarray | bytes) -> np.ndarray:
    shape = (self.form.size, self.form.size, self.form.channels)
    if isinstance(value, np.ndarray) and value.shape == shape:
      return value
    if isinstance(value, np.ndarray):
      image = images.from_array(value)
    else:
      image = images.decode(io.BytesIO(value), alpha=self.form.alpha)
    return self.form.array(image)

  def _classes(self, examples: Sequence[Mapping[str, np.ndarray | bytes]]) -> np.ndarray:
    return np.array([example[self.label] if self.label else 0 for example in examples], np.int32)


def records(
  builder: tfds.core.DatasetBuilder,
  split: str,
  size: int | None,
  channels: int | None,
  fit: images.Fit = 'crop',
) -> Records:
  """Return the records of a split, which are decoded to `size` and `channels`.

  Args:
    builder: the builder of a prepared set.
    split: in the syntax of tensorflow-datasets.
    size: side of the images in pixels; None: as stored.
    channels: 1, 3 or 4; None: as stored, without transparency.
    fit: what happens to images that are not square, as in `images.Form`.

  Raises:
    ValueError: the split, the array_record files or the image feature do not exist, the stored
      images differ in size and `size` is None, or 4 channels are asked of images that have fewer.
  """
  info = builder.info
  if 'array_record' not in {str(kind.value) for kind in info.available_file_formats()}:
    raise ValueError(
      f'{builder.data_dir} is stored as {info.file_format.value}, which only TensorFlow reads: '
      'prepare it with file_format="array_record" in another data_dir'
    )
  image, label = _image(info), _label(info)
  height, width, depth = info.features[image].shape
  size = size or (min(height, width) if height and width else None)
  if size is None:
    raise ValueError(f'the images of {info.full_name} vary in size: say which image_size to use')
  try:
    raw = builder.as_data_source(split=split, deserialize_method=DeserializeMethod.RAW_BYTES)
  except (ValueError, KeyError) as error:
    raise ValueError(
      f'{info.full_name} has no split {split!r}: it has {", ".join(info.splits)}'
    ) from error
  if channels == 4 and depth != 4:
    raise ValueError(
      f'the images of {info.full_name} have no transparency: use --channels=1 or --channels=3'
    )
  form = images.Form(size, channels or (1 if depth == 1 else 3), fit)
  return Records(builder, split, image, label, form, raw)


def _is_picture(feature: tfds.features.FeatureConnector) -> bool:
  stored = isinstance(feature, tfds.features.Image)
  plain = type(feature) is tfds.features.Tensor and len(feature.shape) == 3
  return (stored or plain) and feature.np_dtype == np.uint8 and feature.shape[-1] in (1, 3, 4)


def _image(info: tfds.core.DatasetInfo) -> str:
  found = [key for key, feature in info.features.items() if _is_picture(feature)]
  if 'image' in found:
    return 'image'
  if len(found) != 1:
    raise ValueError(
      f'{info.full_name} should have a feature "image" or one uint8 image [height, width, '
      f'channels], it has {", ".join(found) or "none"} among {", ".join(info.features)}'
    )
  return found[0]


def _label(info: tfds.core.DatasetInfo) -> str | None:
  found = [
    key
    for key, feature in info.features.items()
    if isinstance(feature, tfds.features.ClassLabel) and feature.num_classes
  ]
  return 'label' if 'label' in found else found[0] if len(found) == 1 else None


def split(
  builder: tfds.core.DatasetBuilder,
  name: str,
  *,
  size: int | None,
  channels: int | None,
  fit: images.Fit,
  content: object,
  limit: int,
) -> Source:
  """Return a split as a source of one domain, of two domains or of pairs.

  A set has two domains if its splits are named nameA and nameB. It has pairs if it has an image
  'target' beside the image 'image'. Arguments and errors are as in `records` and `source`; `limit`
  is for both domains together.
  """
  whole, bracket, part = name.partition('[')
  sides = [f'{whole}{side}' for side in 'AB']
  if set(sides) <= set(builder.info.splits):
    both = [records(builder, f'{side}{bracket}{part}', size, channels, fit) for side in sides]
    paired = False
  else:
    first = records(builder, name, size, channels, fit)
    features = builder.info.features
    paired = first.image == 'image' and 'target' in features and _is_picture(features['target'])
    both = [first, dataclasses.replace(first, image='target')] if paired else [first]
  if len(both) == 1:
    return source(both[0], content=content, in_memory_limit=limit)
  alone = [dataclasses.replace(side, label=None) for side in both]  # without classes
  made = [source(side, content=content, in_memory_limit=limit // 2) for side in alone]
  return two_domains(*made, paired=paired)


def source(chosen: Records, *, content: object = None, in_memory_limit: int) -> Source:
  """Return the images of `chosen` as a source, in memory or streamed.

  They are streamed if they need more than `in_memory_limit` bytes or more than the free memory.
  Decoded images are saved beside the records: all at once, so that the next start only loads them,
  or, if they are streamed, each when it is first used.

  Args:
    chosen: what `records` returns.
    content: a value that identifies the examples on any machine; None: use the sizes of the files.
    in_memory_limit: bytes.
  """
  identity = _identity(chosen, content)
  count, (size, channels, _) = len(chosen), chosen.form
  names: tuple[str, ...] = ()
  if chosen.label:
    names = tuple(chosen.builder.info.features[chosen.label].names)
  where = pathlib.Path(chosen.builder.data_dir) / f'jaxgan-{size}x{channels}-{identity}'
  if _held(chosen, in_memory_limit):
    try:
      pictures, stored = _cached(where, ('images', 'labels'), lambda: _decoded(chosen))
    except MemoryError:
      log.warning('%s: memory ran out, the images are streamed', chosen.builder.info.full_name)
    else:
      labels, names = _known(stored if names else None, names)
      return from_arrays(pictures, labels, names=names, identity=identity)
  classes = lambda: _cached(where, ('labels',), lambda: _labels(chosen))[0]
  labels, names = _known(classes() if names else None, names)
  spec = Spec(size, channels, len(names), names)
  read = decoded.kept(
    chosen.images, where.with_name(f'{where.name}-images.rows'), count, spec.shape
  )
  return Source(spec, count, read, labels, identity, streams=True)


def _held(chosen: Records, limit: int) -> bool:
  """Return whether the decoded images are within the limit and fit into memory."""
  needed = len(chosen) * chosen.form.size**2 * chosen.form.channels
  if needed > limit:
    return False
  if not memory.fits(needed):
    log.warning(
      '%s: %.1f GiB of images do not fit in the %.1f GiB of memory left, they are streamed',
      chosen.builder.info.full_name,
      needed / 2**30,
      memory.available() / 2**30,
    )
    return False
  return True


def _identity(chosen: Records, content: object) -> str:
  info = chosen.builder.info
  part = info.splits[chosen.split]
  stored = (str(info.full_name), part.num_bytes, part.num_examples, info.features.to_json())
  return fingerprint(
    content or stored,
    chosen.split,
    len(chosen),
    *chosen.form[:2],
    *((chosen.form.fit,) if chosen.form.fit != 'crop' else ()),
    *(('target',) if chosen.image == 'target' else ()),
    'v1',
  )


def _known(
  labels: np.ndarray | None, names: tuple[str, ...]
) -> tuple[np.ndarray | None, tuple[str, ...]]:
  """Drop all labels if some are unknown (-1), as in the test splits of some challenges."""
  return (None, ()) if labels is None or labels.min() < 0 else (labels, names)


def _chunks(count: int) -> Iterator[np.ndarray]:
  return (np.arange(i, min(i + CHUNK, count)) for i in range(0, count, CHUNK))


def _decoded(chosen: Records) -> tuple[np.ndarray, np.ndarray]:
  count, (size, channels, _) = len(chosen), chosen.form
  pictures = np.empty((count, size, size, channels), np.uint8)
  labels = np.empty(count, np.int32)
  with images.guarded():
    for i, (some, classes) in enumerate(ordered(chosen.read, _chunks(count), ahead=2 * WORKERS)):
      pictures[i * CHUNK : (i + 1) * CHUNK] = some
      labels[i * CHUNK : (i + 1) * CHUNK] = classes
  return pictures, labels


def _labels(chosen: Records) -> tuple[np.ndarray]:
  return (np.concatenate(list(ordered(chosen.labels, _chunks(len(chosen)), ahead=WORKERS))),)


def _cached(
  where: pathlib.Path, parts: Sequence[str], make: Callable[[], tuple[np.ndarray, ...]]
) -> tuple[np.ndarray, ...]:
  """Return the arrays of `make()`, one for each name in `parts`; cache them in files at `where`."""
  paths = [where.with_name(f'{where.name}-{part}.npy') for part in parts]
  try:
    return tuple(np.load(path, allow_pickle=False) for path in paths)
  except (OSError, ValueError, EOFError):
    pass  # missing or damaged
  arrays = make()
  try:
    for path, array in zip(paths, arrays, strict=True):
      _save(path, array)
  except OSError as error:
    log.warning('decoded images are not kept in %s: %s', where.parent, error.strerror)
  return arrays


def _save(path: pathlib.Path, array: np.ndarray) -> None:
  with atomic(path) as file:
    np.save(file, array, allow_pickle=False)
