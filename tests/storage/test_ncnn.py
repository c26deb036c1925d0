"""Numbers of ncnn's convolutions, to the bit."""

import struct

import numpy as np
import pytest

from jaxgan.storage import ncnn
from jaxgan.storage.foreign_weights import Unreadable

TEXT = """7767517
3 3
Input data 0 1 x
Convolution half 1 1 x y 0=1 1=3 4=1 5=1 6=9 9=2 -23310=1,2.0e-01
Convolution full 1 1 y z 0=2 1=1 5=0 6=2
"""
HALF, BIAS = np.arange(9).astype('<f2') / 8, np.array([0.7], '<f4')
FULL = np.array([1.5, -2.5], '<f4')


def written(folder, text=TEXT, tag=0x01306B47, more=b''):
  numbers = struct.pack('<I', tag) + HALF.tobytes() + bytes(2) + BIAS.tobytes()
  numbers += struct.pack('<I', 0) + FULL.tobytes() + more
  (folder / 'net.param').write_text(text)
  (folder / 'net.bin').write_bytes(numbers)
  return folder / 'net.bin'


def test_layers_and_numbers(tmp_path):
  layers, arrays = ncnn.read(written(tmp_path))
  assert [layer.kind for layer in layers] == ['Input', 'Convolution', 'Convolution']
  assert layers[1].inputs == ('x',) and layers[1].options[10] == (0.2,)
  np.testing.assert_array_equal(arrays['half.weight'].reshape(-1), np.arange(9) / 8)
  np.testing.assert_array_equal(arrays['half.bias'], BIAS)
  assert arrays['full.weight'].shape == (2, 1, 1, 1) and 'full.bias' not in arrays


@pytest.mark.parametrize(
  'given, said',
  [
    (dict(text='7767516\n1 1\n'), 'is not a .param file'),
    (dict(text=TEXT.replace('3 3', '4 3')), 'promise 4 layers, there are 3'),
    (dict(text=TEXT.replace('6=9 ', '6=8 ')), 'half has 8 weights'),
    (dict(text=TEXT.replace('0=1 ', '0=x ')), 'cannot be read'),
    (dict(tag=0x000D4B38), 'only float16 and float32'),
    (dict(more=b'abc'), 'has 3 bytes more'),
  ],
)
def test_damaged_files(given, said, tmp_path):
  with pytest.raises(Unreadable, match=said):
    ncnn.read(written(tmp_path, **given))
