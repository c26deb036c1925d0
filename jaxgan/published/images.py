"""Networks that make images of images: ESRGAN, SRResNet, CycleGAN, pix2pix and their critics."""

from collections.abc import Iterator
from itertools import pairwise

from jaxgan.core.typing import Spec
from jaxgan.published.layouts import (
  Found,
  Leaf,
  Unfit,
  Weights,
  batch_norm,
  conv,
  transposed,
)

# ESRGAN and Real-ESRGAN: three namings of one network.


def esrgan(w: Weights) -> Found:
  """Read RRDBNet, with the names of BasicSR, of the authors' repository, or their oldest."""
  return _rrdb(w, *_names_of(w))


def _names_of(w: Weights) -> tuple[str, str, list[str]]:
  """Return the pattern of a dense block's convolutions, the first layer, and those after blocks."""
  if 'RRDB_trunk.0.RDB1.conv1.weight' in w:
    ends = ['trunk_conv', *(f'upconv{i}' for i in (1, 2)), 'HRconv', 'conv_last']
    return 'RRDB_trunk.{}.RDB{}.conv{}', 'conv_first', [x for x in ends if f'{x}.weight' in w]
  if 'model.1.sub.0.RDB1.conv1.0.weight' in w:
    blocks = w.count('model.1.sub.{}.RDB1.conv1.0.weight')
    numbers = sorted(
      int(name.split('.')[1]) for name in w if name.endswith('weight') and name.count('.') == 2
    )
    ends = [f'model.1.sub.{blocks}', *(f'model.{i}' for i in numbers if i)]
    return 'model.1.sub.{}.RDB{}.conv{}.0', 'model.0', ends
  ends = ['conv_body', *(f'conv_up{i}' for i in (1, 2)), 'conv_hr', 'conv_last']
  return 'body.{}.rdb{}.conv{}', 'conv_first', [x for x in ends if f'{x}.weight' in w]


def _rrdb(w: Weights, inner: str, first: str, ends: list[str]) -> Found:
  width, channels = w.sizes(f'{first}.weight', 4)[:2]
  blocks = w.count(inner.replace('{}', '{{}}', 1).format(1, 1) + '.weight')
  growth = w.sizes(inner.format(0, 1, 1) + '.weight', 4)[0]
  joined = 2 if channels in (4, 12) else 1  # pixels a side that are channels of one pixel
  doublings = len(ends) - 3 - joined // 2

  def leaves() -> Iterator[Leaf]:
    yield from conv(w, 'Conv_0', first)
    for i in range(blocks):
      for j in range(3):
        for k in range(5):
          yield from conv(w, f'DenseBlock_{3 * i + j}/Conv_{k}', inner.format(i, j + 1, k + 1))
    body, *ups, hr, last = ends
    for i, name in enumerate((body, *ups, last, hr), 1):
      yield from conv(w, f'Conv_{i}', name)

  options = dict(
    width=width, blocks=blocks, growth=growth, scale=2**doublings, unit=True, unshuffle=joined
  )
  return _enlarger('esrgan', options, doublings, channels // joined**2, list(leaves()))


def _enlarger(
  variant: str, options: dict[str, object], doublings: int, channels: int, leaves: list[Leaf]
) -> Found:
  if doublings not in (1, 2):
    raise Unfit(f'it enlarges by {2**doublings}; only 2 and 4 are supported')
  return Found(variant, {**options, 'pretrain': 0}, Spec(128, channels), {'generator': leaves})


def srresnet(w: Weights) -> Found:
  """Read SRGAN's generator of github.com/Lornatang/SRGAN-PyTorch."""
  width, channels = w.sizes('conv_block1.0.weight', 4)[:2]
  blocks = w.count('trunk.{}.rcb.0.weight')
  doublings = w.count('upsampling.{}.upsample_block.0.weight')

  def prelu(i: int, theirs: str) -> Leaf:
    return Leaf(f'params/PReLU_{i}/negative_slope', f'{theirs}.weight')

  def leaves() -> Iterator[Leaf]:
    yield from conv(w, 'Conv_0', 'conv_block1.0')
    yield prelu(0, 'conv_block1.1')
    for i in range(blocks):
      for j, k in ((0, 0), (1, 3)):
        yield from conv(w, f'Conv_{1 + 2 * i + j}', f'trunk.{i}.rcb.{k}')
        yield from batch_norm(f'BatchNorm_{2 * i + j}', f'trunk.{i}.rcb.{k + 1}')
      yield prelu(1 + i, f'trunk.{i}.rcb.2')
    yield from conv(w, f'Conv_{1 + 2 * blocks}', 'conv_block2.0')
    yield from batch_norm(f'BatchNorm_{2 * blocks}', 'conv_block2.1')
    for i in range(doublings):
      yield from conv(w, f'Conv_{2 + 2 * blocks + i}', f'upsampling.{i}.upsample_block.0')
      yield prelu(1 + blocks + i, f'upsampling.{i}.upsample_block.2')
    yield from conv(w, f'Conv_{2 + 2 * blocks + doublings}', 'conv_block3')

  options = dict(width=width, blocks=blocks, scale=2**doublings, unit=True)
  return _enlarger('srgan', options, doublings, channels, list(leaves()))


def plain_resnet(w: Weights) -> Found:
  """Read MSRResNet of BasicSR."""
  width, channels = w.sizes('conv_first.weight', 4)[:2]
  blocks = w.count('body.{}.conv1.weight')
  ups = [name for name in ('upconv1', 'upconv2') if f'{name}.weight' in w]
  inner = [f'body.{i}.conv{j}' for i in range(blocks) for j in (1, 2)]

  def leaves() -> Iterator[Leaf]:
    names = ['conv_first', *_inside_out(inner), *ups, 'conv_hr', 'conv_last']
    for i, name in enumerate(names):
      yield from conv(w, f'Conv_{i}', name)

  options = dict(width=width, blocks=blocks, scale=2 ** len(ups), unit=True, plain=True)
  return _enlarger('srgan', options, len(ups), channels, list(leaves()))


def _inside_out(names: list[str]) -> list[str]:
  """Return the names in the order in which our layers are made: the outer one of two first."""
  pairs = list(zip(names[::2], names[1::2], strict=True))
  return [name for first, second in pairs for name in (second, first)]


# CycleGAN and pix2pix: github.com/junyanz/pytorch-CycleGAN-and-pix2pix.


def cyclegan(w: Weights) -> Found:
  """Read the residual generator."""
  width, channels = w.sizes('model.1.weight', 4)[:2]
  blocks = 0
  while f'model.{10 + blocks}.conv_block.1.weight' in w:
    blocks += 1
  second = 5 if 'model.10.conv_block.5.weight' in w else 6  # 6 where dropout is between

  def leaves() -> Iterator[Leaf]:
    for i, number in enumerate((1, 4, 7, 17 + blocks)):
      yield from conv(w, f'Conv_{i}', f'model.{number}')
    for i in range(blocks):
      for j, number in enumerate((1, second)):
        yield from conv(w, f'ResidualBlock_{i}/Conv_{j}', f'model.{10 + i}.conv_block.{number}')
    for i, number in enumerate((10 + blocks, 13 + blocks)):
      yield from conv(w, f'ConvTranspose_{i}', f'model.{number}', transposed)

  options = dict(width=width, blocks=blocks, idle_biases='model.4.bias' in w)
  return Found('cyclegan', options, Spec(256, channels), {'generator_ab': list(leaves())})


def pix2pix(w: Weights) -> Found:
  """Read the U-Net."""
  prefixes = ['model.model']
  while f'{prefixes[-1]}.{3 if len(prefixes) > 1 else 1}.model.1.weight' in w:
    prefixes.append(f'{prefixes[-1]}.{3 if len(prefixes) > 1 else 1}.model')
  downs, last = len(prefixes), len(prefixes) - 1
  if downs < 3:
    raise Unfit('its U-Net halves the image fewer than three times')
  width, channels = w.sizes('model.model.0.weight', 4)[:2]
  batch = f'{prefixes[1]}.2.running_mean' in w

  def leaves() -> Iterator[Leaf]:
    for i, prefix in enumerate(prefixes):
      yield from conv(w, f'Conv_{i}', f'{prefix}.{1 if i else 0}')
      if batch and 0 < i < last:
        yield from batch_norm(f'BatchNorm_{i - 1}', f'{prefix}.2')
    for k, i in enumerate(range(last, -1, -1)):
      up = 5 if 0 < i < last else 3
      yield from conv(w, f'ConvTranspose_{k}', f'{prefixes[i]}.{up}', transposed)
      if batch and i:
        yield from batch_norm(f'BatchNorm_{last - 1 + k}', f'{prefixes[i]}.{up + 1}')

  norm: dict[str, object] = dict(norm='batch')
  if not batch:
    norm = dict(norm='instance', biases='all' if f'{prefixes[1]}.1.bias' in w else 'last')
  options = dict(width=width, **norm)
  return Found('pix2pix', options, Spec(2**downs, channels), {'generator': list(leaves())})


def patch_critic(w: Weights) -> Found:
  """Read PatchGAN: of pairs with batch norm (pix2pix), or of images with instance norm."""
  batch = 'model.3.running_mean' in w
  width, inputs = w.sizes('model.0.weight', 4)[:2]
  numbers = [0]
  while f'model.{numbers[-1] + (3 if len(numbers) > 1 else 2)}.weight' in w:
    numbers.append(numbers[-1] + (3 if len(numbers) > 1 else 2))
  if len(numbers) < 3 or any(b <= a for a, b in pairwise(numbers)):
    raise Unfit('its critic has fewer than three convolutions')
  norms = range(1, len(numbers) - 1)

  def leaves() -> Iterator[Leaf]:
    for i, number in enumerate(numbers):
      yield from conv(w, f'Conv_{i}', f'model.{number}')
    for i in norms if batch else ():
      yield from batch_norm(f'BatchNorm_{i - 1}', f'model.{numbers[i] + 1}')

  options: dict[str, object] = dict(width=width, critic_layers=len(norms))
  if inputs in (2, 6):
    norm = dict(norm='batch') if batch else dict(norm='instance', biases='all')
    return Found('pix2pix', {**options, **norm}, Spec(256, inputs // 2), {'critic': list(leaves())})
  options['idle_biases'] = 'model.2.bias' in w
  return Found('cyclegan', options, Spec(256, inputs), {'critic_b': list(leaves())})
