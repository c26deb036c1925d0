"""Read networks of ncnn: a text of layers (.param) and the numbers of their convolutions (.bin)."""

import math
import pathlib
import struct
from typing import IO, NamedTuple

import numpy as np

from jaxgan.storage.foreign_weights import Unreadable

MAGIC = '7767517'
"""The first line of a .param file."""
_HALF = 0x01306B47
_LONGEST = 2**24  # bytes of a .param file
_MOST = 100_000  # layers


class Layer(NamedTuple):
  """A line of a .param file: the kind of layer, its name, its inputs and outputs, its numbers."""

  kind: str
  name: str
  inputs: tuple[str, ...]
  outputs: tuple[str, ...]
  options: dict[int, tuple[float, ...]]

  def option(self, key: int, default: float = 0.0) -> float:
    """Return an option that is one number."""
    return self.options.get(key, (default,))[0]


def read(path: pathlib.Path) -> tuple[list[Layer], dict[str, np.ndarray]]:
  """Return the layers, and weight and bias of each convolution: `NAME.weight`, [out, in, h, w].

  Args:
    path: the .param or the .bin file; the other one is beside it.

  Raises:
    Unreadable: one of them is damaged, or the two do not belong together.
    FileNotFoundError: one of them is missing.
  """
  text, numbers = path.with_suffix('.param'), path.with_suffix('.bin')
  if text.stat().st_size > _LONGEST:
    raise Unreadable(f'{text} is too long for a .param file')
  try:
    layers = parse(text.read_bytes().decode('ascii'))
    with numbers.open('rb') as file:
      arrays = _arrays(layers, file)
      rest = len(file.read())
  except Unreadable as error:
    raise Unreadable(f'{path}: {error}') from error
  except (ValueError, IndexError, OverflowError, MemoryError) as error:
    raise Unreadable(f'{path} cannot be read: {error}') from error
  if rest:
    raise Unreadable(f'{numbers} has {rest} bytes more than the layers of {text.name} need')
  return layers, arrays


def parse(text: str) -> list[Layer]:
  """Return the layers of a .param file.

  Raises:
    Unreadable: it is none.
  """
  first, _, rest = text.partition('\n')
  lines = [line.split() for line in rest.splitlines() if line.strip()]
  if first.strip() != MAGIC or not lines:
    raise Unreadable('it is not a .param file of ncnn')
  if len(lines) - 1 != int(lines[0][0]) or len(lines) > _MOST:
    raise Unreadable(f'its first lines promise {lines[0][0]} layers, there are {len(lines) - 1}')
  return [_layer(words) for words in lines[1:]]


def _layer(words: list[str]) -> Layer:
  kind, name, into, out = words[:4]
  inputs, end = 4 + int(into), 4 + int(into) + int(out)
  options = {}
  for word in words[end:]:
    key, _, value = word.partition('=')
    parts = tuple(float(x) for x in value.split(','))
    # A key below -23300 has an array, whose length comes first.
    options[-int(key) - 23300 if int(key) < -23300 else int(key)] = (
      parts[1:] if int(key) < -23300 else parts
    )
  return Layer(kind, name, tuple(words[4:inputs]), tuple(words[inputs:end]), options)


def _arrays(layers: list[Layer], file: IO[bytes]) -> dict[str, np.ndarray]:
  found = {}
  for layer in layers:
    if layer.kind != 'Convolution':
      continue
    out, side, count = (int(layer.option(key)) for key in (0, 1, 6))
    if min(out, side, count) < 1 or count % (out * side * side):
      raise Unreadable(f'{layer.name} has {count} weights, {out} outputs and kernels of {side}')
    (tag,) = struct.unpack('<I', _exactly(file, 4))
    if tag not in (0, _HALF):
      raise Unreadable(f'{layer.name} is stored as {tag:#x}: only float16 and float32 are read')
    kind = np.dtype('<f2' if tag else '<f4')
    raw = _exactly(file, math.ceil(count * kind.itemsize / 4) * 4)
    weight = np.frombuffer(raw, kind, count).astype(np.float32)
    found[f'{layer.name}.weight'] = weight.reshape(out, -1, side, side)
    if layer.option(5):
      found[f'{layer.name}.bias'] = np.frombuffer(_exactly(file, 4 * out), '<f4')
  return found


def _exactly(file: IO[bytes], size: int) -> bytes:
  raw = file.read(size)
  if len(raw) != size:
    raise Unreadable('the .bin file is cut short')
  return raw
