"""MNIST (LeCun, Bottou, Bengio and Haffner, 1998) from its four original files.

It has 60 000 training and 10 000 test images, gray, 28 x 28. The files on disk are those of the
tensorflow-datasets set. Two steps of its builder need TensorFlow and are replaced here.
"""

import gzip
import hashlib
import pathlib
import shutil
import socket
import threading
import urllib.parse
import urllib.request
from typing import IO

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from jaxgan.data import prepared
from jaxgan.storage import files

SIZE = 28
URL = 'https://storage.googleapis.com/cvdf-datasets/mnist/'
FILES = {  # name: SHA-256
  'train-images-idx3-ubyte.gz': '440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609',
  'train-labels-idx1-ubyte.gz': '3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c',
  't10k-images-idx3-ubyte.gz': '8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6',
  't10k-labels-idx1-ubyte.gz': 'f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6',
}

Stock = tfds.builder_cls('mnist')


class MNIST(Stock, skip_registration=True):  # type: ignore[misc, valid-type, call-arg]
  """The builder without TensorFlow; `tfds.data_source('mnist', data_dir=...)` reads the set."""

  name = 'mnist'
  VERSION = Stock.VERSION
  url_infos = Stock.url_infos  # tfds finds them by the module's path, so a subclass has none

  def _split_generators(
    self, dl_manager: tfds.download.DownloadManager
  ) -> dict[str, prepared.Examples]:
    paths = [dl_manager.download(URL + name) for name in FILES]
    return {
      'train': self._generate_examples(*paths[:2]),
      'test': self._generate_examples(*paths[2:]),
    }

  def _generate_examples(self, images: str, labels: str) -> prepared.Examples:
    pixels = _idx(images, offset=16).reshape(-1, 28, 28)
    for i, (image, label) in enumerate(zip(pixels, _idx(labels, offset=8), strict=True)):
      yield i, {'image': Image.fromarray(image), 'label': int(label)}


def _idx(path: str, offset: int) -> np.ndarray:
  with gzip.open(path) as file:
    return np.frombuffer(file.read(), np.uint8, offset=offset)


def prepare(
  data_dir: pathlib.Path, folder: pathlib.Path | None = None
) -> tuple[tfds.core.DatasetBuilder, str]:
  """Prepare the set; return its builder and a text that identifies its content.

  The four files are read from `data_dir`/downloads/manual. Files that are missing there are copied
  from `folder`, or downloaded without it.

  Raises:
    ValueError: a file is missing and cannot be downloaded, or is not the original.
  """
  builder = prepared.prepare(
    lambda: MNIST(data_dir=data_dir, file_format='array_record'),
    before=lambda: place(data_dir / 'downloads' / 'manual', folder),
  )
  return builder, ' '.join(FILES.values())


def place(manual: pathlib.Path, folder: pathlib.Path | None = None) -> None:
  """Put the four original files into the folder `manual`: copy them from `folder`, or download.

  Raises:
    ValueError: a file is missing and cannot be downloaded, or is not the original.
  """
  missing = [name for name in FILES if not (manual / name).is_file()]
  if folder is not None:
    absent = [name for name in missing if not (folder / name).is_file()]
    if absent:
      raise ValueError(f'{folder} lacks {", ".join(absent)} of the four files of MNIST')
  elif missing and not reachable(URL):
    raise ValueError(_unreachable(manual, 'no connection within 3 seconds'))
  manual.mkdir(parents=True, exist_ok=True)
  for name in missing:
    _fetch(manual, name, folder)
  for name in FILES:
    _check(manual / name, name, manual)


def reachable(url: str, timeout: float = 3.0) -> bool:
  """Return whether the host of `url`, or its proxy, accepts a connection within `timeout` s."""
  parts = urllib.parse.urlsplit(url)
  proxy = urllib.request.getproxies().get(parts.scheme)
  if proxy and not urllib.request.proxy_bypass(parts.hostname or ''):
    parts = urllib.parse.urlsplit(proxy if '//' in proxy else f'//{proxy}')
  answers: list[bool] = []

  def probe() -> None:  # in a thread, since the timeout does not include the name look-up
    try:
      port = parts.port or (443 if parts.scheme == 'https' else 80)
      socket.create_connection((parts.hostname, port), timeout).close()
      answers.append(True)
    except OSError:
      pass

  thread = threading.Thread(target=probe, daemon=True)
  thread.start()
  thread.join(timeout)
  return bool(answers)


def _fetch(manual: pathlib.Path, name: str, folder: pathlib.Path | None) -> None:
  try:
    with files.atomic(manual / name) as file, _open(name, folder) as original:
      shutil.copyfileobj(original, file)
      file.flush()
      _check(file.name, name, folder or URL)
  except OSError as error:
    raise ValueError(_unreachable(manual, f'{name}: {error}')) from error


def _open(name: str, folder: pathlib.Path | None) -> IO[bytes]:
  return open(folder / name, 'rb') if folder else urllib.request.urlopen(URL + name, timeout=10)


def _check(path: str | pathlib.Path, name: str, origin: str | pathlib.Path) -> None:
  with open(path, 'rb') as file:
    found = hashlib.file_digest(file, 'sha256').hexdigest()
  if found != FILES[name]:
    raise ValueError(
      f'{name} from {origin} is not the original: its SHA-256 is {found}, '
      f'it should be {FILES[name]}; replace it'
    )


def _unreachable(manual: pathlib.Path, reason: str) -> str:
  lines = [f'{name}  sha256 {digest}' for name, digest in FILES.items()]
  return '\n  '.join(
    [
      f'mnist is not in place and cannot be fetched from {URL} ({reason}); '
      f'put these four files into {manual}, or into any folder that you name with folder=:',
      *lines,
    ]
  )
