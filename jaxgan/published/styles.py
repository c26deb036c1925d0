"""StyleGAN2 of NVIDIA's stylegan2-ada-pytorch and stylegan3: names of its networks."""

import re
from collections.abc import Iterator

from jaxgan.core.typing import Spec
from jaxgan.published.layouts import (
  Change,
  Found,
  Leaf,
  Unfit,
  Weights,
  flipped,
  kernel,
  matrix,
  of_map,
  times,
)


def _sizes(w: Weights, pattern: str) -> list[int]:
  found = sorted({int(m[1]) for name in w if (m := re.match(pattern, name))})
  if not found or found != [4 * 2**i for i in range(len(found))]:
    raise Unfit(f'the sizes of its maps are {found}, not 4, 8, 16 and so on')
  return found


def _base(widths: dict[int, int], most: int) -> int:
  """Return the channels times the size, which is the same for all sizes below the most channels."""
  narrow = [size * width for size, width in widths.items() if width < most]
  return narrow[0] if narrow else most * max(widths)


def dense(ours: str, theirs: str, change: Change = matrix) -> Iterator[Leaf]:
  """A linear layer with an equalized learning rate."""
  yield Leaf(f'params/{ours}/weight/kernel', f'{theirs}.weight', change)
  yield Leaf(f'params/{ours}/bias', f'{theirs}.bias')


def mapping(w: Weights, prefix: str) -> Iterator[Leaf]:
  """The tower of dense layers, and the label's layer if there are classes."""
  for i in range(w.count(f'{prefix}fc{{}}.weight')):
    yield from dense(f'tower/layer_{i}', f'{prefix}fc{i}')
  if f'{prefix}embed.weight' in w:
    yield from dense('label', f'{prefix}embed')


def synthesis(w: Weights, sizes: list[int]) -> Iterator[Leaf]:
  """The constant, and for each size two convolutions with noise and one to the image."""
  yield Leaf('params/constant', 'synthesis.b4.const', lambda x: x.transpose(1, 2, 0))
  for i, size in enumerate(sizes):
    names = {'conv0': f'layer_{size}_0', 'conv1': f'layer_{size}_1'} if i else {'conv1': 'layer_4'}
    for j, (theirs, ours) in enumerate(names.items(), 2 * i - 1 if i else 0):
      theirs = f'synthesis.b{size}.{theirs}'
      fan_in = w.sizes(f'{theirs}.weight', 4)[1] * 9
      change = flipped if theirs.endswith('conv0') else kernel
      yield Leaf(f'params/{ours}/weight/kernel', f'{theirs}.weight', times(fan_in**0.5, change))
      yield Leaf(f'params/{ours}/bias', f'{theirs}.bias')
      yield Leaf(f'params/{ours}/noise', f'{theirs}.noise_strength')
      yield Leaf(f'noise/{j}', f'{theirs}.noise_const', lambda x: x[None, :, :, None])
      yield from dense(f'{ours}/style', f'{theirs}.affine')
    theirs = f'synthesis.b{size}.torgb'
    yield Leaf(f'params/image_{size}/weight/kernel', f'{theirs}.weight', kernel)
    yield Leaf(f'params/image_{size}/bias', f'{theirs}.bias')
    yield from dense(f'image_{size}/style', f'{theirs}.affine')


def generator(w: Weights) -> Found:
  """Read mapping and synthesis."""
  sizes = _sizes(w, r'synthesis\.b(\d+)\.torgb\.weight')
  widths = {size: w.sizes(f'synthesis.b{size}.conv1.weight', 4)[0] for size in sizes}
  styles, inputs = w.sizes('mapping.fc0.weight', 2)
  classes = w.sizes('mapping.embed.weight', 2)[1] if 'mapping.embed.weight' in w else 0
  options = dict(
    width=styles,
    base=_base(widths, styles),
    latent_size=inputs - (styles if classes else 0),
    mapping_layers=w.count('mapping.fc{}.weight'),
    conditional=bool(classes),
    kept_noise=True,
    **_numbers(w, clamp='synthesis.b4.conv1.conv_clamp'),
  )
  channels = w.sizes('synthesis.b4.torgb.weight', 4)[0]
  maps = [*mapping(w, 'mapping.'), Leaf('average/style', 'mapping.w_avg')]
  return Found(
    'stylegan2',
    options,
    Spec(sizes[-1], channels, classes),
    {'mapping': maps, 'synthesis': list(synthesis(w, sizes))},
  )


def critic(w: Weights) -> Found:
  """Read the discriminator, 'resnet' or 'orig'."""
  sizes = [4, *_sizes_from_8(w)]
  last = f'b{sizes[-1]}'
  width, channels = w.sizes(f'{last}.fromrgb.weight', 4)[:2]
  most = w.sizes('b4.fc.weight', 2)[0]
  widths = {sizes[-1]: width}
  for size in sizes[1:]:
    widths[size // 2] = w.sizes(f'b{size}.conv1.weight', 4)[0]
  classes = w.sizes('mapping.embed.weight', 2)[1] if 'mapping.embed.weight' in w else 0
  residual = f'{last}.skip.weight' in w
  options: dict[str, object] = dict(
    width=most, base=_base(widths, most), residual=residual, conditional=bool(classes)
  )
  options |= _numbers(w, clamp='b4.conv.conv_clamp', group='b4.mbstd.group_size')
  return Found(
    'stylegan2',
    options,
    Spec(sizes[-1], channels, classes),
    {'critic': list(_critic(w, sizes, residual))},
  )


def _numbers(w: Weights, **names: str) -> dict[str, float]:
  """Return options that pickles hold beside the arrays; state dicts do not have them."""
  found = {option: float(w[name]) for option, name in names.items() if name in w}
  return {option: int(x) if option == 'group' else x for option, x in found.items()}


def _sizes_from_8(w: Weights) -> list[int]:
  found = sorted({int(m[1]) for name in w if (m := re.match(r'b(\d+)\.conv1\.weight', name))})
  if not found or found != [8 * 2**i for i in range(len(found))]:
    raise Unfit(f'the sizes of its maps are {found}, not 8, 16 and so on')
  return found


def _critic(w: Weights, sizes: list[int], residual: bool) -> Iterator[Leaf]:
  yield from dense('entry', f'b{sizes[-1]}.fromrgb', kernel)
  for size in sizes[:0:-1]:
    yield from dense(f'layer_{size}_0', f'b{size}.conv0', kernel)
    yield from dense(f'layer_{size}_1', f'b{size}.conv1', kernel)
    if residual:
      yield Leaf(f'params/layer_{size}_skip/weight/kernel', f'b{size}.skip.weight', kernel)
  yield from dense('layer_4', 'b4.conv', kernel)
  yield from dense('dense', 'b4.fc', of_map(4))
  yield from dense('logit', 'b4.out')
  yield from mapping(w, 'mapping.')
