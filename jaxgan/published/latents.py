"""DCGAN of the PyTorch examples, and Progressive GAN of pytorch_GAN_zoo."""

from collections.abc import Iterator

import numpy as np

from jaxgan.core.typing import Json, Spec
from jaxgan.published.layouts import (
  Change,
  Found,
  Leaf,
  Unfit,
  Weights,
  batch_norm,
  bias_of_map,
  conv,
  kernel,
  matrix,
  of_map,
  times,
  to_map,
  transposed,
)
from jaxgan.variants import dcgan


def _numbers(w: Weights) -> list[int]:
  """Return the numbers of the convolutions of `main`, ascending."""
  found = [int(k.split('.')[1]) for k, x in w.items() if k.endswith('.weight') and x.ndim == 4]
  return sorted(found)


AUTHORS: Json = {name: dcgan.PAPER[name] for name in ('bias', *dcgan.AS_PUBLISHED)}
"""What DCGAN's authors have where the laptop's defaults depart from them."""


def dcgan_generator(w: Weights) -> Found:
  """Read DCGAN's generator."""
  first, *rest = _numbers(w)
  latent = w.sizes(f'main.{first}.weight', 4)[0]
  width, channels = w.sizes(f'main.{rest[-1]}.weight', 4)[:2]

  def from_latent(x: np.ndarray) -> np.ndarray:
    return x.transpose(0, 2, 3, 1).reshape(len(x), -1)

  def leaves() -> Iterator[Leaf]:
    yield Leaf('params/Dense_0/weight/kernel', f'main.{first}.weight', from_latent)
    for i, number in enumerate(rest):
      yield from conv(w, f'ConvTranspose_{i}', f'main.{number}', transposed)
    for i, number in enumerate([first, *rest[:-1]]):
      yield from batch_norm(f'BatchNorm_{i}', f'main.{number + 1}')

  options = dict(width=width, latent_size=latent, **AUTHORS)
  spec = Spec(4 * 2 ** len(rest), channels)
  return Found('dcgan', options, spec, {'generator': list(leaves())})


def dcgan_critic(w: Weights) -> Found:
  """Read DCGAN's discriminator."""
  *rest, last = _numbers(w)
  width, channels = w.sizes(f'main.{rest[0]}.weight', 4)[:2]

  def leaves() -> Iterator[Leaf]:
    for i, number in enumerate(rest):
      yield from conv(w, f'Conv_{i}', f'main.{number}')
    for i, number in enumerate(rest[1:]):
      yield from batch_norm(f'BatchNorm_{i}', f'main.{number + 1}')
    change = lambda x: kernel(x).reshape(-1, 1)
    yield Leaf('params/Dense_0/weight/kernel', f'main.{last}.weight', change)

  options = dict(width=width, **AUTHORS)
  return Found('dcgan', options, Spec(4 * 2 ** len(rest), channels), {'critic': list(leaves())})


# Progressive GAN. A layer's bias is multiplied by sqrt(2 / fan_in) there, as its kernel is.


def _equalized(
  w: Weights,
  ours: str,
  theirs: str,
  change: Change = kernel,
  gain: float = 2**0.5,
  to_bias: Change = lambda b: b,
  bias: str = '',
) -> Iterator[Leaf]:
  theirs = f'{theirs}.module'
  fan_in = max(int(np.prod(w[f'{theirs}.weight'].shape[1:])), 1)
  kernels = times(2**0.5 / gain, change)
  yield Leaf(f'params/{ours}/weight/kernel', f'{theirs}.weight', kernels)
  name = bias or f'{ours}/bias'
  yield Leaf(f'params/{name}', f'{theirs}.bias', times((2 / fan_in) ** 0.5, to_bias))


def progan_generator(w: Weights) -> Found:
  """Read the generator; the images of smaller sizes are not used."""
  levels = w.count('scaleLayers.{}.0.module.weight')
  rows, latent = w.sizes('formatLayer.module.weight', 2)
  width = rows // 16
  widths = [width, *(w.sizes(f'scaleLayers.{i}.0.module.weight', 4)[0] for i in range(levels))]
  sizes = [4 * 2**i for i in range(levels + 1)]

  def leaves() -> Iterator[Leaf]:
    places = lambda b: bias_of_map(4)(b).reshape(4, 4, -1)
    yield from _equalized(w, 'dense', 'formatLayer', to_map(4), 2**0.5 / 4, places, 'bias')
    yield from _equalized(w, 'layer_4', 'groupScale0.0')
    for i, size in enumerate(sizes[1:]):
      for j in (0, 1):
        yield from _equalized(w, f'layer_{size}_{j}', f'scaleLayers.{i}.{j}')
    yield from _equalized(w, f'image_{sizes[-1]}', f'toRGBLayers.{levels}', gain=1.0)

  options = dict(latent_size=latent, zoo=True, **_channels(widths))
  channels = w.sizes(f'toRGBLayers.{levels}.module.weight', 4)[0]
  return Found('progan', options, Spec(sizes[-1], channels), {'generator': list(leaves())})


def progan_critic(w: Weights) -> Found:
  """Read the discriminator."""
  levels = w.count('scaleLayers.{}.0.module.weight')
  width = w.sizes('groupScaleZero.1.module.weight', 2)[0]
  sizes = [4 * 2**i for i in range(levels + 1)]
  widths = [width, *(w.sizes(f'scaleLayers.{i}.0.module.weight', 4)[0] for i in range(levels))]

  def leaves() -> Iterator[Leaf]:
    yield from _equalized(w, f'image_{sizes[-1]}', f'fromRGBLayers.{levels}')
    for i, size in enumerate(sizes[1:]):
      for j in (0, 1):
        yield from _equalized(w, f'layer_{size}_{j}', f'scaleLayers.{i}.{j}')
    yield from _equalized(w, 'layer_4', 'groupScaleZero.0')
    yield from _equalized(w, 'dense', 'groupScaleZero.1', of_map(4))
    yield from _equalized(w, 'logit', 'decisionLayer', matrix, gain=1.0)

  options = dict(zoo=True, **_channels(widths))
  channels = w.sizes(f'fromRGBLayers.{levels}.module.weight', 4)[1]
  return Found('progan', options, Spec(sizes[-1], channels), {'critic': list(leaves())})


def _channels(widths: list[int]) -> dict[str, int]:
  """Return the options that make min(base / 2^s, most) these channels, from s = 1 on."""
  most = widths[0]
  narrow = [(s, width) for s, width in enumerate(widths, 1) if width < most]
  base = narrow[0][1] * 2 ** narrow[0][0] if narrow else most * 2 ** len(widths)
  if any(min(base // 2**s, most) != width for s, width in enumerate(widths, 1)):
    raise Unfit(f'its maps have {widths} channels, which do not halve with every size')
  return dict(width=most, base=base)
