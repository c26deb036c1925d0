"""Read weights from published files without running any code in them.

A PyTorch file is a pickle, and unpickling runs the functions that the file names. The readers here
accept only the few harmless names that a state dict needs and refuse all others. NVIDIA's files
hold whole objects with the source of their classes: each object becomes a plain container here, and
its source is dropped.
"""

import collections
import hashlib
import io
import itertools
import math
import pathlib
import pickle
import pickletools
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any, NamedTuple

import numpy as np

LIMIT = 2**32  # bytes of arrays in one file
RATIO = 100  # times that unpacked arrays may be larger than the file, and a megabyte besides
MOST = 100_000  # arrays and modules in one file
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
  'BFloat16Storage': 'bfloat16',
}
_WRAPPERS = ('params_ema', 'params', 'model_state_dict', 'state_dict')
"""Keys under which files keep the state dict; the first that is there is read."""
_NUMBERS = ('conv_clamp', 'group_size')
"""Numbers of modules, beside their arrays, that change what a network computes."""
_INERT = ('torch_utils.', 'dnnlib.', 'training.', 'R3GAN.', 'torch.nn.')
"""Where the classes come from whose objects become plain containers."""


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

  @property
  def size(self) -> int:
    """Return the bytes of one number."""
    return 2 if self.dtype == 'bfloat16' else np.dtype(self.dtype).itemsize

  def numbers(self, raw: bytes) -> np.ndarray:
    """Return the numbers in some bytes; bfloat16 becomes float32."""
    if self.dtype != 'bfloat16':
      return np.frombuffer(raw, self.dtype)
    return (np.frombuffer(raw, '<u2').astype(np.uint32) << 16).view(np.float32)


class _Object(dict[object, object]):
  """A plain container in place of an object of some class: no code of the class is run."""

  state: object = None

  def __init__(self, *_: object, **__: object) -> None:
    super().__init__()

  def __setstate__(self, state: object) -> None:
    self.state = state


def _persistent(meta: object) -> _Object:
  """Return the container of an object that NVIDIA's files hold with the source of its class."""
  made = _Object()
  made.state = meta.get('state') if isinstance(meta, dict) else None
  return made


def _nested(data: object) -> np.ndarray:
  """Return the storage in the bytes of a file inside the file."""
  if not isinstance(data, bytes):
    raise Unreadable('a storage that is no bytes')
  file = io.BytesIO(data)
  if _plain(file) != _MAGIC:
    raise Unreadable('a storage of unknown format')
  storage = _legacy_value(file, len(data))
  if not isinstance(storage, np.ndarray):
    raise Unreadable('a storage that is none')
  return storage


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
  ('torch.storage', '_load_from_bytes'): _nested,
  ('torch_utils.persistence', '_reconstruct_persistent_obj'): _persistent,
  ('copyreg', '_reconstructor'): lambda *_: _Object(),
  ('_codecs', 'encode'): lambda text, *_: str(text).encode('latin1'),
  **{('torch', name): _Object for name in ('device', 'Size', 'float32', 'float16', 'bfloat16')},
  **{(module, 'set'): _Object for module in ('builtins', '__builtin__')},
  **{('numpy', name): _Object for name in ('dtype', 'ndarray')},
  **{
    (f'numpy.{module}.multiarray', name): _Object
    for module in ('core', '_core')
    for name in ('scalar', '_reconstruct')
  },
  **{('torch', name): _Kind(dtype) for name, dtype in _TYPES.items()},
}


class _Unpickler(pickle.Unpickler):
  """An unpickler of state dicts only; it gets storages from `storage(kind, key, numbers)`."""

  def __init__(self, file: IO[bytes], storage: Callable[[_Kind, str, int], np.ndarray]) -> None:
    super().__init__(file)
    self._file, self._storage = file, storage

  def load(self) -> Any:
    """Read one pickle, after a check of its opcodes."""
    start = self._file.tell()
    _check(self._file)
    self._file.seek(start)
    return super().load()

  def find_class(self, module: str, name: str) -> object:
    """Return our replacement for an allowed name; refuse all others."""
    if module.startswith('dnnlib.tflib'):
      raise Unreadable(
        'it is of the TensorFlow version of StyleGAN: convert it first with legacy.py of stylegan3'
      )
    if (module, name) not in _NAMES and f'{module}.'.startswith(_INERT):
      return _Object
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


def _check(file: IO[bytes]) -> None:
  """Refuse a pickle that numbers more objects than it has, for which memory would be reserved."""
  for i, (opcode, value, _) in enumerate(pickletools.genops(file)):
    if opcode.name in ('PUT', 'BINPUT', 'LONG_BINPUT') and int(value or 0) > i:
      raise Unreadable('it reserves memory for objects that it does not have')


def _no_storage(*_: object) -> np.ndarray:
  raise Unreadable('a storage where there should be none')


def _plain(file: IO[bytes]) -> Any:
  """Read a pickle of numbers, texts, lists and dicts."""
  return _Unpickler(file, _no_storage).load()


def _checked(value: object) -> dict[str, np.ndarray]:
  """Return the arrays by name of a state dict, of one inside another dict, or of objects."""
  for key in _WRAPPERS:
    if isinstance(value, dict) and isinstance(value.get(key), dict):
      value = value[key]
      break
  if not isinstance(value, dict):
    raise Unreadable(f'it holds a {type(value).__name__}, not arrays by name')
  if isinstance(value, _Object):
    return dict(_arrays(value))
  found = {str(name): x for name, x in value.items() if isinstance(x, np.ndarray)}
  for name, x in value.items():
    if isinstance(x, _Object):
      found |= {f'{name}.{inner}': array for inner, array in _arrays(x)}
  return found


def _arrays(module: _Object) -> Iterator[tuple[str, np.ndarray]]:
  """Yield the names and arrays of a module of PyTorch and of the modules in it."""
  waiting: list[tuple[str, object]] = [('', module)]
  for seen in itertools.count(1):
    if not waiting:
      return
    prefix, one = waiting.pop()
    if isinstance(one, np.ndarray):
      yield prefix.removesuffix('.'), one
    if not isinstance(one, _Object) or not isinstance(one.state, dict):
      continue
    parts = [one.state.get(name) for name in ('_parameters', '_buffers', '_modules')]
    inner = [pair for part in parts if isinstance(part, dict) for pair in part.items()]
    for name in _NUMBERS:
      if isinstance(value := one.state.get(name), int | float):
        yield f'{prefix}{name}', np.array(value, np.float64)
    if seen + len(waiting) + len(inner) > MOST or len(prefix) > 1000:
      raise Unreadable(f'it has more than {MOST} modules and arrays')
    waiting += [(f'{prefix}{name}.', x) for name, x in reversed(inner)]


def _zip(file: IO[bytes], size: int) -> dict[str, np.ndarray]:
  """Read a .pth since PyTorch 1.6, or an .npz."""
  with zipfile.ZipFile(file) as archive:
    unpacked = sum(info.file_size for info in archive.infolist())
    if unpacked > LIMIT:
      raise Unreadable(f'its arrays take more than {LIMIT} bytes')
    if unpacked > RATIO * size + 2**20:
      raise Unreadable(f'it is a zip of {size} bytes that unpacks to {unpacked}')
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
  kinds: dict[str, _Kind] = {}

  def storage(kind: _Kind, key: str, numbers: int) -> np.ndarray:
    if key not in kept:
      kept[key], kinds[key] = kind.numbers(archive.read(f'{root}data/{key}')), kind
    if kept[key].size != numbers or kinds[key] != kind:
      raise Unreadable(f'storage {key} is not of the size that it should be')
    return kept[key]

  file = io.BytesIO(archive.read(f'{root}data.pkl'))
  return _checked(_Unpickler(file, storage).load())


def _legacy(file: IO[bytes], size: int) -> dict[str, np.ndarray]:
  """Read a .pth from before PyTorch 1.6, or a pickle of objects, such as NVIDIA's .pkl."""
  first = _plain(file)
  if isinstance(first, dict):
    return _checked(first)
  if first != _MAGIC:
    raise Unreadable('it is a pickle, and not of PyTorch: save it as .npz or .safetensors')
  return _checked(_legacy_value(file, size))


def _legacy_value(file: IO[bytes], size: int) -> object:
  """Read, after the first number: pickles one after another, then the storages.

  The file is read twice, since the tensors come before their numbers.
  """
  if _plain(file) != _PROTOCOL:
    raise Unreadable('it is a pickle, and not of PyTorch: save it as .npz or .safetensors')
  if not _plain(file).get('little_endian'):
    raise Unreadable('its numbers are big-endian')
  seen: dict[str, tuple[_Kind, int]] = {}

  def note(kind: _Kind, key: str, numbers: int) -> np.ndarray:
    if numbers < 0 or numbers * kind.size > size:
      raise Unreadable(f'storage {key} is larger than the file')
    seen[key] = kind, numbers
    return np.zeros(numbers, np.uint8)

  start = file.tell()
  _Unpickler(file, note).load()
  kept = {key: _numbers(file, *seen[key]) for key in _plain(file)}
  file.seek(start)
  return _Unpickler(file, lambda kind, key, numbers: kept[key]).load()


def _numbers(file: IO[bytes], kind: _Kind, numbers: int) -> np.ndarray:
  (stored,) = struct.unpack('<q', file.read(8))
  raw = file.read(numbers * kind.size)
  if stored != numbers or len(raw) != numbers * kind.size:
    raise Unreadable('it is cut short')
  return kind.numbers(raw)


def _safetensors(file: IO[bytes], size: int) -> dict[str, np.ndarray]:
  from safetensors.numpy import load

  if size > LIMIT:
    raise Unreadable(f'its arrays take more than {LIMIT} bytes')
  return load(file.read())


_READERS = {'zip': _zip, 'pickle': _legacy, 'safetensors': _safetensors}
