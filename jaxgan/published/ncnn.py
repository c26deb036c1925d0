"""ESRGAN in ncnn's form, whose layers have numbers in place of names."""

from collections.abc import Iterator

import numpy as np

from jaxgan.published.layouts import Unfit, Weights
from jaxgan.storage.ncnn import Layer

LEAKY, PLAIN = 'convolution and leaky ReLU of 0.2', 'convolution'
SCALED, SUM, LARGER = '0.2 a + b', 'sum', 'nearest neighbors, 2 times'
_AROUND = 6  # convolutions beside those of blocks: first, body, two ups, hr, last


def named(layers: list[Layer], arrays: dict[str, np.ndarray]) -> Weights:
  """Return the arrays under the names of BasicSR, after a check of every layer.

  Raises:
    Unfit: the layers are not those of RRDBNet; the message has the first that differs.
  """
  kept = [layer for layer in layers if layer.kind not in ('Input', 'Split')]
  convolutions = [layer.name for layer in kept if layer.kind == 'Convolution']
  blocks, rest = divmod(len(convolutions) - _AROUND, 15)
  if blocks < 1 or rest:
    raise Unfit(f'it has {len(convolutions)} convolutions; those of RRDBNet are 15 n + {_AROUND}')
  wanted = list(_rrdb(blocks))
  for i, (layer, want) in enumerate(zip(kept, wanted, strict=False)):
    if _what(layer) != want:
      raise Unfit(f'layer {i} ({layer.name}) is {_what(layer)}; in RRDBNet it is {want}')
  if len(kept) != len(wanted):
    raise Unfit(f'it has {len(kept)} layers; RRDBNet of {blocks} blocks has {len(wanted)}')
  found = Weights()
  for ours, theirs in zip(_names(blocks), convolutions, strict=True):
    for part in ('weight', 'bias'):
      if f'{theirs}.{part}' in arrays:
        found[f'{ours}.{part}'] = arrays[f'{theirs}.{part}']
  return found


def _what(layer: Layer) -> str:
  """Return what a layer does."""
  option = layer.option
  if layer.kind == 'Convolution':
    plain = option(3, 1) == 1 and option(2, 1) == 1 and option(4) == (option(1) - 1) / 2
    slope = layer.options.get(10, ())
    if plain and option(9) == 0:
      return PLAIN
    if plain and option(9) == 2 and len(slope) == 1 and abs(slope[0] - 0.2) < 1e-6:
      return LEAKY
  if layer.kind == 'Concat' and option(0) == 0:
    return f'{len(layer.inputs)} maps joined'
  if layer.kind == 'Eltwise' and option(0) == 1 and len(layer.inputs) == 2:
    factors = layer.options.get(1, ())
    return SCALED if np.allclose(factors, (0.2, 1.0)) else f'a sum with the factors {factors}'
  if layer.kind == 'BinaryOp' and option(0) == 0 and len(layer.inputs) == 2:
    return SUM
  if layer.kind == 'Interp' and option(0) == 1 and (option(1), option(2)) == (2, 2):
    return LARGER
  return f'{layer.kind} of another kind'


def _rrdb(blocks: int) -> Iterator[str]:
  """Yield what the layers of RRDBNet do, in their order."""
  yield PLAIN
  for _ in range(blocks):
    for _ in range(3):
      for i in range(4):
        yield LEAKY
        yield f'{i + 2} maps joined'
      yield PLAIN
      yield SCALED
    yield SCALED
  yield from (PLAIN, SUM, LARGER, LEAKY, LARGER, LEAKY, LEAKY, PLAIN)


def _names(blocks: int) -> Iterator[str]:
  """Yield the names of the convolutions of RRDBNet in BasicSR, in their order."""
  yield 'conv_first'
  for i in range(blocks):
    yield from (f'body.{i}.rdb{j}.conv{k}' for j in (1, 2, 3) for k in range(1, 6))
  yield from ('conv_body', 'conv_up1', 'conv_up2', 'conv_hr', 'conv_last')
