"""Read weights from published files without running any code in them.

A PyTorch file is a pickle, and unpickling runs the functions that the file names. The readers here
accept only the few harmless names that a state dict needs and refuse all others.
"""

import collections
import hashlib
import io
import math
import pathlib
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping
from typing import IO, Any, NamedTuple

import numpy as np

LIMIT = 2**32  # bytes of arrays in one file
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # first numbers of PyTorch's files before 1.6
_TYPES = {
  'FloatStorage': '<f4',
  'DoubleStorage': '<f8',
  'HalfStorage': '<f2',
  'LongStorage': '<i8',
  'IntStorage': '<i4',
  'ShortStorage': '<i2',
  'CharStorage': 'i1',
  'ByteStorage': 'u1',
  'BoolStorage': '?',
}


class Unreadable(ValueError):
  """The file is damaged, has another format, or names a function that is not allowed."""


def read(path: pathlib.Path) -> dict[str, np.ndarray]:
  """Return the arrays of a file by name.

  The format is .pth (before or since PyTorch 1.6), .safetensors or .npz. It is recognized by the
  content, not by the file's name.

  Raises:
    Unreadable: the file has another format, is damaged or too large, or needs more than arrays.
    FileNotFoundError: there is no such file.
  """
  with path.open('rb') as file:
    start = file.read(9)  # in .safetensors: 8 bytes for the header's length, then the header
    file.seek(0)
    kind = 'zip' if start[:2] == b'PK' else 'pickle' if start[:1] == b'\x80' else 'safetensors'
    kind = 'safetensors' if start[8:] == b'{' else kind
    try:
      arrays = _READERS[kind](file, path.stat().st_size)
    except Unreadable:
      raise
    except Exception as error:  # a damaged file may raise anything
      raise Unreadable(f'{path} cannot be read: {type(error).__name__}: {error}') from error
  if not arrays:
    raise Unreadable(f'{path} has no arrays')
  return arrays


def sha256(path: pathlib.Path) -> str:
  """Return the file's SHA-256 digest, in hexadecimal digits."""
  with path.open('rb') as file:
    return hashlib.file_digest(file, 'sha256').hexdigest()


class _Kind(NamedTuple):
  """A storage class of PyTorch, represented by the type of its numbers."""

  dtype: str


def _tensor(
  storage: np.ndarray, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object
) -> np.ndarray:
  """Return a copy of a view of a storage; refuse a view that is larger or reaches outside."""
  numbers = [offset, *size, *stride]
  if len(size) != len(stride) or not all(isinstance(n, int) and n >= 0 for n in numbers):
    raise Unreadable('a tensor of impossible shape')
  if math.prod(size) > storage.size:
    raise Unreadable('a tensor larger than its storage')
  item = storage.itemsize
  # Of NumPy's ways to make a view, this one checks that it stays inside the buffer.
  view = np.ndarray(
    size, storage.dtype, storage, offset * item, tuple(step * item for step in stride)
  )
  return view.copy()


_NAMES: Mapping[tuple[str, str], object] = {
  ('collections', 'OrderedDict'): collections.OrderedDict,
  ('torch._utils', '_rebuild_tensor_v2'): _tensor,
  ('torch._utils', '_rebuild_parameter'): lambda tensor, *_: tensor,
  **{('torch', name): _Kind(dtype) for name, dtype in _TYPES.items()},
}


class _Unpickler(pickle.Unpickler):
  """An unpickler of state dicts only; it gets storages from `storage(kind, key, numbers)`."""

  def __init__(self, file: IO[bytes], storage: Callable[[_Kind, str, int], np.ndarray]) -> None:
    super().__init__(file)
    self._storage = storage

  def find_class(self, module: str, name: str) -> object:
    """Return our replacement for an allowed name; refuse all others."""
    if (module, name) not in _NAMES:
      raise Unreadable(f'it names {module}.{name}, which is not of a state dict: nothing was run')
    return _NAMES[module, name]

  def persistent_load(self, pid: object) -> np.ndarray:
    """Return the storage for ('storage', kind, key, device, numbers)."""
    if not (isinstance(pid, tuple) and len(pid) >= 5 and pid[0] == 'storage'):
      raise Unreadable('it refers to something that is not a storage')
    if not isinstance(pid[1], _Kind) or not isinstance(pid[4], int):
      raise Unreadable('it refers to something that is not a storage')
    if len(pid) > 5 and pid[5] is not None:
      raise Unreadable('it has views of storages, as only very old files do')
    return self._storage(pid[1], str(pid[2]), pid[4])


def _no_storage(*_: object) -> np.ndarray:
  raise Unreadable('a storage where there should be none')


def _plain(file: IO[bytes]) -> Any:
  """Read a pickle of numbers, texts, lists and dicts."""
  return _Unpickler(file, _no_storage).load()


def _checked(value: object) -> dict[str, np.ndarray]:
  """Return the arrays by name of a state dict, or of one under the key 'state_dict'."""
  if isinstance(value, dict) and isinstance(value.get('state_dict'), dict):
    value = value['state_dict']
  if not isinstance(value, dict):
    raise Unreadable(f'it holds a {type(value).__name__}, not arrays by name')
  return {str(name): x for name, x in value.items() if isinstance(x, np.ndarray)}


def _zip(file: IO[bytes], size: int) -> dict[str, np.ndarray]:
  """Read a .pth since PyTorch 1.6, or an .npz."""
  with zipfile.ZipFile(file) as archive:
    if sum(info.file_size for info in archive.infolist()) > LIMIT:
      raise Unreadable(f'its arrays take more than {LIMIT} bytes')
    names = archive.namelist()
    pickled = [name for name in names if name.endswith('/data.pkl')]
    if pickled:
      return _torch_zip(archive, pickled[0].removesuffix('data.pkl'))
    if not all(name.endswith('.npy') for name in names):
      raise Unreadable('it is neither of PyTorch nor of NumPy')
  file.seek(0)
  with np.load(file, allow_pickle=False) as arrays:
    return {name: arrays[name] for name in arrays.files}


def _torch_zip(archive: zipfile.ZipFile, root: str) -> dict[str, np.ndarray]:
  if f'{root}byteorder' in archive.namelist() and archive.read(f'{root}byteorder') != b'little':
    raise Unreadable('its numbers are big-endian')
  kept: dict[str, np.ndarray] = {}

  def storage(kind: _Kind, key: str, numbers: int) -> np.ndarray:
    if key not in kept:
      kept[key] = np.frombuffer(archive.read(f'{root}data/{key}'), kind.dtype)
    if kept[key].size != numbers or kept[key].dtype != np.dtype(kind.dtype):
      raise Unreadable(f'storage {key} is not of the size that it should be')
    return kept[key]

  file = io.BytesIO(archive.read(f'{root}data.pkl'))
  return _checked(_Unpickler(file, storage).load())


def _legacy(file: IO[bytes], size: int) -> dict[str, np.ndarray]:
  """Read a .pth from before PyTorch 1.6: pickles one after another, then the storages.

  The file is read twice, since the tensors come before their numbers.
  """
  if _plain(file) != _MAGIC or _plain(file) != _PROTOCOL:
    raise Unreadable('it is a pickle, and not of PyTorch: save it as .npz or .safetensors')
  if not _plain(file).get('little_endian'):
    raise Unreadable('its numbers are big-endian')
  seen: dict[str, tuple[_Kind, int]] = {}

  def note(kind: _Kind, key: str, numbers: int) -> np.ndarray:
    if numbers < 0 or numbers * np.dtype(kind.dtype).itemsize > size:
      raise Unreadable(f'storage {key} is larger than the file')
    seen[key] = kind, numbers
    return np.zeros(numbers, kind.dtype)

  start = file.tell()
  _Unpickler(file, note).load()
  kept = {key: _numbers(file, *seen[key]) for key in _plain(file)}
  file.seek(start)
  return _checked(_Unpickler(file, lambda kind, key, numbers: kept[key]).load())


def _numbers(file: IO[bytes], kind: _Kind, numbers: int) -> np.ndarray:
  (stored,) = struct.unpack('<q', file.read(8))
  raw = file.read(numbers * np.dtype(kind.dtype).itemsize)
  if stored != numbers or len(raw) != numbers * np.dtype(kind.dtype).itemsize:
    raise Unreadable('it is cut short')
  return np.frombuffer(raw, kind.dtype)


def _safetensors(file: IO[bytes], size: int) -> dict[str, np.ndarray]:
  from safetensors.numpy import load

  if size > LIMIT:
    raise Unreadable(f'its arrays take more than {LIMIT} bytes')
  return load(file.read())


_READERS = {'zip': _zip, 'pickle': _legacy, 'safetensors': _safetensors}
