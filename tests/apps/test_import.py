"""Files that are hostile, damaged or foreign: one line, exit code 2, and nothing is run."""

import os
import pickle
import struct
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save_file
from storage.test_foreign_weights import legacy, zipped

from jaxgan.main import jaxgan
from published_files import (
  MAGIC,
  PROTOCOL,
  FloatStorage,
  Reduced,
  dcgan,
  nvidia,
  standing_in,
  storage_file,
)

GENERATOR, CRITIC = dcgan()


def raw(data):
  return lambda path, mark: path.write_bytes(data)


def npz(**arrays):
  def write(path, mark):
    with path.open('wb') as file:
      np.savez(file, **arrays)

  return write


def evil(mark):
  return Reduced(os.system, f'touch {mark}')


def network(**changed):
  """A file of a generator with some arrays changed, or left out if they are None."""
  arrays = {k: x for k, x in (GENERATOR | changed).items() if x is not None}
  return npz(**arrays)


def nested(path, mark):
  """A storage inside the file that is a call."""
  calls = pickle.dumps(MAGIC, 2) + pickle.dumps(PROTOCOL, 2) + pickle.dumps(evil(mark), 2)

  def _load_from_bytes(data): ...

  with standing_in(torch__storage=[_load_from_bytes]):
    path.write_bytes(pickle.dumps({'a': Reduced(_load_from_bytes, calls)}))


def disguised(path, mark):
  """A name of an allowed module that leads elsewhere: it becomes a container that does nothing."""
  call = b'\x8c\x08torch.nn\x8c\x09os.system\x93' + b'\x8c' + bytes([len(f'touch {mark}')])
  path.write_bytes(b'\x80\x04}\x8c\x01a' + call + f'touch {mark}'.encode() + b'\x85Rs.')


def bomb(path, mark):
  with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
    archive.writestr('a/data.pkl', pickle.dumps({}, 2))
    archive.writestr('a/data/0', bytes(20 * 2**20))


def overlapping(path, mark):
  """Two entries of a zip that share their bytes."""
  zipped(path, {'a': np.arange(64, dtype=np.float32)})
  data = bytearray(path.read_bytes())
  entries = [i for i in range(len(data)) if data[i : i + 4] == b'PK\x01\x02']
  data[entries[0] + 42 : entries[0] + 46] = data[entries[-1] + 42 : entries[-1] + 46]
  path.write_bytes(bytes(data))


def doubling(path, mark):
  """Modules that hold the next one twice: 2^60 names from a few bytes."""

  class Module:
    pass

  inner = Module()
  with standing_in(torch__nn=[Module]):
    for _ in range(60):
      outer = Module()
      outer._modules = {'a': inner, 'b': inner}
      inner = outer
    path.write_bytes(pickle.dumps({'G': inner}))


def cyclic(path, mark):
  class Module:
    pass

  one = Module()
  with standing_in(torch__nn=[Module]):
    one._modules = {'a': one}
    path.write_bytes(pickle.dumps({'G': one}))


def overrun(path, mark):
  header = b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},'
  header += b'"b":{"dtype":"F32","shape":[4],"data_offsets":[8,24]}}'
  path.write_bytes(struct.pack('<Q', len(header)) + header + bytes(24))


def cut(path, mark):
  npz(**GENERATOR)(path, mark)
  path.write_bytes(path.read_bytes()[:-40])


def cut_pickle(path, mark):
  nvidia(path, G_ema=GENERATOR)
  path.write_bytes(path.read_bytes()[:-200])


def cut_storage(path, mark):
  """A storage inside the file that promises more numbers than it has."""

  def _load_from_bytes(data): ...

  with standing_in(torch=[FloatStorage], torch__storage=[_load_from_bytes]):
    data = storage_file(np.zeros(8, np.float32))[:-4]
    path.write_bytes(pickle.dumps({'a': Reduced(_load_from_bytes, data)}))


def tensorflow(path, mark):
  class Network:
    pass

  with standing_in(dnnlib__tflib__network=[Network]):
    path.write_bytes(pickle.dumps((Network(), Network())))


def param(layers, bytes_of_bin=b''):
  def write(path, mark):
    path.with_suffix('.param').write_text(layers)
    path.with_suffix('.bin').write_bytes(bytes_of_bin)

  return write


CONVOLUTION = 'Convolution a 1 1 x y 0={} 1=3 4=1 5=1 6={}\n'
HOSTILE = {
  'a call': (lambda p, m: p.write_bytes(pickle.dumps(evil(m))), 'system, which is not of a state'),
  'a call in a zip': (lambda p, m: zipped(p, {}, body=pickle.dumps(evil(m))), 'nothing was run'),
  'a call in an old file': (lambda p, m: legacy(p, {}, body=pickle.dumps(evil(m))), 'nothing was'),
  'a call in a storage': (nested, 'nothing was run'),
  'a call by another name': (disguised, 'no arrays'),
  'eval': (raw(b'\x80\x02cbuiltins\neval\n(X\x01\0\0\x001tR.'), 'builtins.eval'),
  'getattr': (raw(b'\x80\x02cbuiltins\ngetattr\n(X\x01\0\0\x001tR.'), 'builtins.getattr'),
  'source of a class': (
    lambda p, m: nvidia(p, f'open({str(m)!r}, "w")', G_ema={'a': np.zeros(3, np.float32)}),
    'of no network known here',
  ),
  'objects of numpy': (
    lambda p, m: npz(a=np.array([evil(m)], object))(p, m),
    'cannot be read',
  ),
  'memory for 2^31 objects': (raw(b'\x80\x02}r\xff\xff\xff\x7f.'), 'reserves memory'),
  'a number of 2^31 digits': (raw(b'\x80\x02\x8b\xff\xff\xff\x7f.'), 'cannot be read'),
  'a text of 2^60 letters': (raw(b'\x80\x04\x8d' + struct.pack('<Q', 2**60) + b'.'), 'cannot be'),
  'a zip bomb': (bomb, 'unpacks to'),
  'entries that overlap': (overlapping, 'cannot be read'),
  'modules that double': (doubling, 'more than 100000 modules'),
  'modules in a circle': (cyclic, 'more than 100000 modules'),
  'a tensor of 10^12 numbers': (
    lambda p, m: zipped(p, {'a': np.zeros(4, np.float32)}, spoil=((10**6, 10**6), (0, 0))),
    'larger than its storage',
  ),
  'a tensor before its storage': (
    lambda p, m: legacy(p, {'a': np.zeros(4, np.float32)}, spoil=((4,), (-1,))),
    'impossible shape',
  ),
  'a storage of 10^12 numbers': (
    lambda p, m: legacy(p, {'a': np.zeros(4, np.float32)}, claimed=10**12),
    'larger than the file',
  ),
  'a header of 2^60 bytes': (raw(struct.pack('<Q', 2**60) + b'{}'), 'cannot be read'),
  'arrays that overlap': (overrun, 'cannot be read'),
  'cut short': (cut, 'cannot be read'),
  'a pickle cut short': (cut_pickle, 'cannot be read'),
  'a storage cut short': (cut_storage, 'cut short'),
  'a text': (raw(b'these are weights'), 'cannot be read'),
  'nothing': (raw(b''), 'cannot be read'),
  'of TensorFlow': (tensorflow, 'TensorFlow version of StyleGAN'),
  'a list': (raw(pickle.dumps([1, 2])), 'not of PyTorch'),
  'another network': (npz(**{'fc.weight': np.zeros(3)}), 'such as fc.weight'),
  'a critic alone': (npz(**CRITIC), 'a critic alone'),
  'another shape': (
    network(**{'main.1.bias': np.zeros(5, np.float32)}),
    'main.1.bias is [5], which does not fit the others: it would become [5], and the network',
  ),
  'no kernel': (network(**{'main.3.weight': np.zeros((4, 3))}), 'DCGAN generator'),
  'no channels': (network(**{'main.3.weight': np.zeros((4, 0, 4, 4))}), 'main.3.weight is [4, 0'),
  'one missing': (network(**{'main.1.running_var': None}), 'there is no main.1.running_var'),
  'one more': (network(**{'main.7.bias': np.zeros(3)}), 'main.7.bias [3] has no place'),
  'not finite': (network(**{'main.1.bias': np.full(4, np.nan)}), 'main.1.bias has numbers that'),
  'no layers of ncnn': (param('7767517\n3 3\n'), 'promise 3 layers, there are 0'),
  'ncnn cut short': (param('7767517\n1 1\n' + CONVOLUTION.format(8, 216), b'G'), 'cut short'),
  'ncnn of 2^62 weights': (param('7767517\n1 1\n' + CONVOLUTION.format(2**59, 9 * 2**59)), 'cut'),
  'another graph of ncnn': (
    param('7767517\n1 1\n' + CONVOLUTION.format(1, 9), bytes(4 + 36 + 4)),
    '1 convolutions; those of RRDBNet are 15 n + 6',
  ),
}  # fmt: skip


@pytest.mark.parametrize('case', HOSTILE)
def test_hostile_files(case, tmp_path, capfd):
  write, reason = HOSTILE[case]
  path, mark = tmp_path / 'weights.bin', tmp_path / 'mark'
  write(path, mark)
  code = jaxgan(['import', str(path), f'--workdir={tmp_path / "run"}'])
  said = capfd.readouterr()
  assert code == 2 and not mark.exists() and not (tmp_path / 'run').exists()
  assert said.err.startswith(f'jaxgan: {path}') and said.err.count('\n') == 1, said.err
  assert reason in said.err and not said.out


@pytest.mark.parametrize(
  'words, said',
  [
    (['none.pth'], 'none.pth is not there: give a file'),
    (['.'], '. is a folder: give a file'),
    ([], 'give'),
    (['none.pth', '--truncation=0'], '--truncation must be in (0, 1], it is 0.0'),
  ],
)
def test_wrong_words(words, said, tmp_path, monkeypatch, capsys):
  monkeypatch.chdir(tmp_path)
  assert jaxgan(['import', *words, '--workdir=run']) == 2
  assert said in capsys.readouterr().err


def test_a_folder_that_is_no_place_for_a_run(tmp_path, capsys):
  save_file(GENERATOR, tmp_path / 'g.safetensors')
  assert jaxgan(['import', str(tmp_path / 'g.safetensors'), '--workdir=/usr/run']) == 2
  assert 'is not for a run' in capsys.readouterr().err
