"""Weights are read to the bit, and files that would run something run nothing."""

import os
import pickle
import struct
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save_file

from jaxgan.storage import foreign_weights
from jaxgan.storage.foreign_weights import Unreadable

ARRAYS = {
  'conv.weight': np.random.default_rng(0).normal(size=(4, 3, 2, 2)).astype(np.float32),
  'bn.count': np.array(7, np.int64),
  'half': np.arange(5).astype(np.float16),
}


class Evil:
  """Makes a file when it is unpickled."""

  def __init__(self, path):
    self.path = path

  def __reduce__(self):
    return os.system, (f'touch {self.path}',)


@pytest.fixture
def mark(tmp_path):
  return tmp_path / 'pwned'


KINDS = {'<f4': 'FloatStorage', '<i8': 'LongStorage', '<f2': 'HalfStorage'}


def pickled(arrays, spoil=None, claimed=None):
  """(the pickle of a state dict as PyTorch writes it, its storages)."""
  body, stored = b'\x80\x02}', {}
  for name, array in arrays.items():
    key = str(len(stored))
    stored[key] = array
    stride = tuple(s // array.itemsize for s in array.strides)
    body += text(name) + b'ctorch._utils\n_rebuild_tensor_v2\n('
    body += b'(' + text('storage') + f'ctorch\n{KINDS[array.dtype.str]}\n'.encode() + text(key)
    body += text('cpu') + number(claimed or array.size) + b'tQ'
    shape = spoil or (array.shape, stride)
    body += number(0) + numbers(shape[0]) + numbers(shape[1]) + b'I00\n}tRs'
  return body + b'.', stored


def text(value):
  return b'X' + struct.pack('<I', len(value)) + value.encode()


def number(value):
  return f'L{value}L\n'.encode()


def numbers(values):
  return b'(' + b''.join(map(number, values)) + b't'


def zipped(path, arrays, body=None, **options):
  made, stored = pickled(arrays, **options)
  with zipfile.ZipFile(path, 'w') as archive:
    archive.writestr('archive/data.pkl', body or made)
    archive.writestr('archive/byteorder', 'little')
    for key, array in stored.items():
      archive.writestr(f'archive/data/{key}', array.tobytes())
  return path


def legacy(path, arrays, body=None, **options):
  made, stored = pickled(arrays, **options)
  parts = [pickle.dumps(x, 2) for x in (0x1950A86A20F9469CFC6C, 1001, {'little_endian': True})]
  parts += [body or made, pickle.dumps(list(stored), 2)]
  parts += [struct.pack('<q', x.size) + x.tobytes() for x in stored.values()]
  path.write_bytes(b''.join(parts))
  return path


def npz(path, arrays):
  np.savez(path, **arrays)
  return path.with_suffix('.npz')


def safetensors(path, arrays):
  save_file(arrays, path)
  return path


WRITERS = {'zip': zipped, 'legacy': legacy, 'npz': npz, 'safetensors': safetensors}


@pytest.mark.parametrize('kind', WRITERS)
def test_reads_every_bit(kind, tmp_path):
  found = foreign_weights.read(WRITERS[kind](tmp_path / 'w.npz', ARRAYS))
  assert set(found) == set(ARRAYS)
  for name, array in ARRAYS.items():
    assert found[name].dtype == array.dtype
    np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize('old', [False, True])
def test_reads_what_torch_writes(old, tmp_path):
  torch = pytest.importorskip('torch')
  module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 2), torch.nn.BatchNorm2d(4))
  path = tmp_path / 'w.pth'
  torch.save(module.state_dict(), path, _use_new_zipfile_serialization=not old)
  found = foreign_weights.read(path)
  expected = {name: x.numpy() for name, x in module.state_dict().items()}
  assert set(found) == set(expected)
  for name in expected:
    np.testing.assert_array_equal(found[name], expected[name])


def evil_npz(path, evil):
  np.savez(path, a=np.array([evil], dtype=object))
  return path.with_suffix('.npz')


HOSTILE = {
  'a pickle': lambda path, evil: path.write_bytes(pickle.dumps(evil)) and path,
  'a zip': lambda path, evil: zipped(path, ARRAYS, body=pickle.dumps(evil)),
  'a legacy file': lambda path, evil: legacy(path, ARRAYS, body=pickle.dumps(evil)),
  'a legacy header': lambda path, evil: (
    path.write_bytes(pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(evil)) and path
  ),
  'an npz of objects': evil_npz,
  'a builtin': lambda path, evil: zipped(path, ARRAYS, body=b'cbuiltins\neval\n(X\x01\0\0\x001tR.'),
}


@pytest.mark.parametrize('case', HOSTILE)
def test_nothing_is_run(case, tmp_path, mark):
  path = HOSTILE[case](tmp_path / 'w.npz', Evil(mark))
  with pytest.raises(Unreadable):
    foreign_weights.read(path)
  assert not mark.exists()


def test_the_name_that_was_refused_is_told(tmp_path, mark):
  path = zipped(tmp_path / 'w.pth', ARRAYS, body=pickle.dumps(Evil(mark)))
  with pytest.raises(
    Unreadable, match=r'posix.system, which is not of a state dict: nothing was run'
  ):
    foreign_weights.read(path)


@pytest.mark.parametrize('writer', [zipped, legacy])
@pytest.mark.parametrize(
  'options',
  [
    {'spoil': ((10**6, 10**6), (0, 0))},
    {'spoil': ((4, 3), (3, 2))},
    {'spoil': ((48,), (-1,))},
    {'spoil': ((-1,), (1,))},
    {'spoil': ((4,), (1, 1))},
    {'claimed': 10**12},
    {'claimed': 7},
  ],
)
def test_tensors_beyond_their_storage_are_refused(writer, options, tmp_path):
  arrays = {'a': np.arange(8).astype(np.float32)}
  options = {k: ((10,), (1,)) if v == ((4, 3), (3, 2)) else v for k, v in options.items()}
  with pytest.raises(Unreadable):
    foreign_weights.read(writer(tmp_path / 'w.pth', arrays, **options))


@pytest.mark.parametrize('kind', WRITERS)
def test_a_file_cut_short_is_refused(kind, tmp_path):
  path = WRITERS[kind](tmp_path / 'w.npz', ARRAYS)
  path.write_bytes(path.read_bytes()[:-30])
  with pytest.raises(Unreadable):
    foreign_weights.read(path)


SAFETENSORS = {
  'huge header': struct.pack('<Q', 2**60) + b'{}',
  'not json': struct.pack('<Q', 4) + b'abcd',
  'offsets out of range': (lambda h: struct.pack('<Q', len(h)) + h)(
    b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,1600]}}'
  ),
  'nothing': b'',
  'a text': b'hello, these are weights',
}


@pytest.mark.parametrize('length', [0x80, 0x480, int.from_bytes(b'PK', 'little')])
def test_safetensors_are_told_whatever_the_length_of_their_header(length, tmp_path):
  """It stands first in the file, and may look like the start of a pickle or of a zip."""
  path, value = tmp_path / 'w.safetensors', np.arange(3, dtype=np.float32)
  bare = '{"":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}'
  save_file({'x' * (length - len(bare)): value}, path)
  assert path.read_bytes()[:8] == struct.pack('<Q', length)
  (found,) = foreign_weights.read(path).values()
  np.testing.assert_array_equal(found, value)


@pytest.mark.parametrize('case', SAFETENSORS)
def test_malformed_safetensors_are_refused(case, tmp_path):
  path = tmp_path / 'w.safetensors'
  path.write_bytes(SAFETENSORS[case])
  with pytest.raises(Unreadable):
    foreign_weights.read(path)


def test_too_large_is_refused(tmp_path, monkeypatch):
  monkeypatch.setattr(foreign_weights, 'LIMIT', 100)
  for kind in ('zip', 'npz', 'safetensors'):
    with pytest.raises(Unreadable, match='more than 100 bytes'):
      foreign_weights.read(WRITERS[kind](tmp_path / 'w.npz', ARRAYS))


def test_digest_of_a_file(tmp_path):
  (tmp_path / 'a').write_bytes(b'abc')
  assert foreign_weights.sha256(tmp_path / 'a').startswith('ba7816bf8f01cfea414140de5dae2223')


def test_a_missing_file_is_one(tmp_path):
  with pytest.raises(FileNotFoundError):
    foreign_weights.read(tmp_path / 'w.pth')
