"""Residual networks that draw by class: R3GAN, BigGAN and BigGAN-deep, SN-GAN of mimicry."""

import re
from collections.abc import Iterator
from functools import partial

import numpy as np

from jaxgan.core.typing import Spec
from jaxgan.networks import biggan
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
  normalized,
  normalized_table,
  statistics,
  to_map,
)

# R3GAN: github.com/brownvc/R3GAN.


def _block(w: Weights, ours: str, theirs: str) -> Iterator[Leaf]:
  for i in (1, 2, 3):
    yield Leaf(
      f'params/{ours}/Conv_{i - 1}/weight/kernel', f'{theirs}.LinearLayer{i}.Layer.weight', kernel
    )
  for i in (1, 2):
    yield Leaf(f'params/{ours}/Conv_{i - 1}/bias', f'{theirs}.NonLinearity{i}.Bias')


def _r3gan(w: Weights, first: int, inputs: int) -> tuple[int, int, dict[str, object]]:
  """Return stages, blocks of a stage, and options; blocks of a stage begin at number `first`."""
  stages = w.count(f'Model.MainLayers.{{}}.Layers.{first}.LinearLayer1.Layer.weight')
  depth = 0
  while f'Model.MainLayers.0.Layers.{first + depth}.LinearLayer1.Layer.weight' in w:
    depth += 1
  width, group = (
    inputs,
    w.sizes(f'Model.MainLayers.0.Layers.{first}.LinearLayer2.Layer.weight', 4)[1],
  )
  options: dict[str, object] = dict(width=width, depth=depth, cardinality=2 * width // group)
  if 2 * width % group:
    raise Unfit(f'groups of {group} channels do not divide {2 * width}')
  return stages, depth, options


def r3gan_generator(w: Weights) -> Found:
  """Read R3GAN's generator."""
  start = 'Model.MainLayers.0.Layers.0'
  width, inputs = w.sizes(f'{start}.LinearLayer.weight', 2)
  stages, depth, options = _r3gan(w, 1, width)
  table = 'Model.EmbeddingLayer.weight'
  embedding, classes = w.sizes(table, 2) if table in w else (0, 0)
  channels = w.sizes('Model.AggregationLayer.Layer.weight', 4)[0]

  def leaves() -> Iterator[Leaf]:
    yield Leaf('params/basis', f'{start}.Basis', lambda x: x.transpose(1, 2, 0))
    yield Leaf('params/Dense_0/weight/kernel', f'{start}.LinearLayer.weight', matrix)
    matched = 0
    for i in range(stages):
      layers = f'Model.MainLayers.{i}.Layers'
      if f'{layers}.0.LinearLayer.Layer.weight' in w:
        yield from conv(w, f'Conv_{matched}', f'{layers}.0.LinearLayer.Layer')
        matched += 1
      for j in range(depth):
        yield from _block(w, f'Block_{i * depth + j}', f'{layers}.{1 + j}')
    yield from conv(w, f'Conv_{matched}', 'Model.AggregationLayer.Layer')
    if classes:
      yield Leaf('params/Embed_0/weight/kernel', table, matrix)

  options |= dict(latent_size=inputs - embedding, conditional=bool(classes))
  spec = Spec(4 * 2 ** (stages - 1), channels, classes)
  return Found('r3gan', options, spec, {'generator': list(leaves())})


def r3gan_critic(w: Weights) -> Found:
  """Read R3GAN's discriminator."""
  stages = w.count('Model.MainLayers.{}.Layers.0.LinearLayer1.Layer.weight')
  last = f'Model.MainLayers.{stages - 1}.Layers'
  depth = w.count(f'{last}.{{}}.LinearLayer1.Layer.weight')
  width = w.sizes(f'{last}.{depth}.Basis.weight', 4)[0]
  options = _r3gan(w, 0, width)[2]
  table = 'Model.EmbeddingLayer.weight'
  classes = w.sizes(table, 2)[1] if table in w else 0
  channels = w.sizes('Model.ExtractionLayer.Layer.weight', 4)[1]

  def leaves() -> Iterator[Leaf]:
    yield from conv(w, 'Conv_0', 'Model.ExtractionLayer.Layer')
    matched = 1
    for i in range(stages):
      layers = f'Model.MainLayers.{i}.Layers'
      for j in range(depth):
        yield from _block(w, f'Block_{i * depth + j}', f'{layers}.{j}')
      if f'{layers}.{depth}.LinearLayer.Layer.weight' in w:
        yield from conv(w, f'Conv_{matched}', f'{layers}.{depth}.LinearLayer.Layer')
        matched += 1
    yield Leaf('params/weights', f'{last}.{depth}.Basis.weight', kernel)
    yield Leaf('params/Dense_0/weight/kernel', f'{last}.{depth}.LinearLayer.weight', matrix)
    if classes:
      yield Leaf('params/Embed_0/weight/kernel', table, matrix)

  options |= dict(conditional=bool(classes))
  spec = Spec(4 * 2 ** (stages - 1), channels, classes)
  return Found('r3gan', options, spec, {'critic': list(leaves())})


# BigGAN: github.com/ajbrock/BigGAN-PyTorch.

STORED = ('stored_mean', 'stored_var')
u0 = partial(normalized, form='u0')


def _attention(w: Weights, theirs: str) -> Iterator[Leaf]:
  names = {'query': 'theta', 'key': 'phi', 'value': 'g', 'output': 'o'}
  for ours, name in names.items():
    yield from u0(w, f'SelfAttention_0/{ours}', f'{theirs}.{name}')
  yield Leaf('params/SelfAttention_0/gamma', f'{theirs}.gamma')


def _levels(w: Weights) -> tuple[int, int]:
  """Return the number of blocks, and of the block that attention follows (-1: of none)."""
  places = [int(m[1]) for name in w if (m := re.fullmatch(r'blocks\.(\d+)\.1\.gamma', name))]
  return w.count('blocks.{}.0.conv1.weight'), places[0] if places else -1


def biggan_generator(w: Weights) -> Found:
  """Read BigGAN's generator; without `shared.weight` each batch norm has tables by class."""
  blocks, place = _levels(w)
  size, shared = 4 * 2**blocks, 'shared.weight' in w
  rows, chunk = w.sizes('linear.weight', 2)
  unit = _unit(rows // 16, size)
  table = w.sizes('shared.weight' if shared else 'blocks.0.0.bn1.gain.weight', 2)
  channels = w.sizes('output_layer.2.weight', 4)[0]

  def norm(ours: str, theirs: str) -> Iterator[Leaf]:
    yield from statistics(ours, theirs, STORED)
    for part in ('gain', 'bias'):
      if shared:
        yield from u0(w, f'{ours}/{part}', f'{theirs}.{part}', _chunk_first(table[1]))
      else:
        yield Leaf(f'params/{ours}/{part}/weight/kernel', f'{theirs}.{part}.weight')

  def leaves() -> Iterator[Leaf]:
    kind = 'VectorBatchNorm' if shared else 'ClassBatchNorm'
    yield from u0(w, 'Dense_0', 'linear', to_map(4), outputs=bias_of_map(4))
    if shared:
      yield Leaf('params/shared/weight/kernel', 'shared.weight')
    for i in range(blocks):
      ours, theirs = f'UpBlock_{i}', f'blocks.{i}.0'
      for j, name in enumerate(('conv1', 'conv2', 'conv_sc')):
        yield from u0(w, f'{ours}/Conv_{j}', f'{theirs}.{name}')
      for j in (0, 1):
        yield from norm(f'{ours}/{kind}_{j}', f'{theirs}.bn{j + 1}')
    if place >= 0:
      yield from _attention(w, f'blocks.{place}.1')
    yield Leaf('params/BatchNorm_0/scale', 'output_layer.0.gain')
    yield Leaf('params/BatchNorm_0/bias', 'output_layer.0.bias')
    yield from statistics('BatchNorm_0', 'output_layer.0', STORED)
    yield from u0(w, 'Conv_0', 'output_layer.2')

  options = dict(
    generator_width=unit,
    conditional=True,
    latent_size=chunk * (blocks + 1) if shared else chunk,
    shared_size=table[1] if shared else 0,
    attention=8 * 2**place if place >= 0 else 0,
    idle_biases='blocks.0.0.conv1.bias' in w,
    epsilon=1e-5,
  )
  return Found('biggan', options, Spec(size, channels, table[0]), {'generator': list(leaves())})


def _unit(channels: int, size: int) -> int:
  """Return the unit of the generator's channels, from those of its first map."""
  try:
    multiple = biggan.rising(size)[0]
  except ValueError as error:
    raise Unfit(str(error)) from None
  if channels < multiple or channels % multiple:
    raise Unfit(f'its first map has {channels} channels, which is no multiple of {multiple}')
  return channels // multiple


def _chunk_first(shared: int) -> Change:
  """Matrix of a conditional norm, whose inputs are [embedding, chunk] there and reversed here."""
  return lambda m: matrix(np.concatenate([m[:, shared:], m[:, :shared]], 1))


def biggan_critic(w: Weights) -> Found:
  """Read BigGAN's discriminator."""
  blocks, place = _levels(w)
  size = 32 if blocks == 4 else 4 * 2 ** (blocks - 1)
  width, channels = w.sizes('blocks.0.0.conv1.weight', 4)[:2]
  multiple = 2 if size < 64 else 1

  def leaves() -> Iterator[Leaf]:
    for i in range(blocks):
      for j, name in enumerate(('conv1', 'conv2', 'conv_sc')):
        if f'blocks.{i}.0.{name}.weight' in w:
          yield from u0(w, f'DownBlock_{i}/Conv_{j}', f'blocks.{i}.0.{name}')
    if place >= 0:
      yield from _attention(w, f'blocks.{place}.1')
    yield from u0(w, 'Dense_0', 'linear', matrix)
    yield from normalized_table(w, 'Embed_0', 'embed', 'u0')

  options = dict(
    critic_width=max(width // multiple, 1),
    conditional=True,
    attention=size // 2 ** (place + 1) if place >= 0 else 0,
  )
  spec = Spec(size, channels, w.sizes('embed.weight', 2)[0])
  return Found('biggan', options, spec, {'critic': list(leaves())})


# BigGAN-deep: the registry's package pytorch-pretrained-biggan.


def biggan_deep(w: Weights, truncation: float = 1.0) -> Found:
  """Read BigGAN-deep's generator, with the batch statistics of a truncation in (0, 1]."""
  w = Weights({**w.below('generator.'), 'embeddings.weight': w['embeddings.weight']})
  layers = [i for i in range(len(w)) if f'layers.{i}.conv_0.weight_orig' in w]
  gammas = [int(m[1]) for name in w if (m := re.fullmatch(r'layers\.(\d+)\.gamma', name))]
  size = 4 * 2 ** (len(layers) // 2)
  rows, inputs = w.sizes('gen_z.weight_orig', 2)
  shared, classes = w.sizes('embeddings.weight', 2)

  def stats(ours: str, theirs: str) -> Iterator[Leaf]:
    for name, stat in (('mean', 'running_means'), ('var', 'running_vars')):
      yield Leaf(f'batch_stats/{ours}/statistics/{name}', f'{theirs}.{stat}', row)

  def row(table: np.ndarray) -> np.ndarray:
    part, lower = np.modf(truncation * (len(table) - 1))
    lower = int(lower)
    return table[lower] if not part else part * table[lower] + (1 - part) * table[lower + 1]

  def leaves() -> Iterator[Leaf]:
    yield from normalized(w, 'Dense_0', 'gen_z', matrix)
    yield Leaf('params/shared/weight/kernel', 'embeddings.weight', matrix)
    for k, i in enumerate(layers):
      for j in range(4):
        ours, theirs = f'DeepUpBlock_{k}', f'layers.{i}'
        yield from normalized(w, f'{ours}/Conv_{j}', f'{theirs}.conv_{j}')
        norm = f'{ours}/VectorBatchNorm_{j}'
        yield from stats(norm, f'{theirs}.bn_{j}')
        yield from normalized(w, f'{norm}/gain', f'{theirs}.bn_{j}.scale', matrix)
        yield from normalized(w, f'{norm}/bias', f'{theirs}.bn_{j}.offset', matrix)
    names = {'query': 'theta', 'key': 'phi', 'value': 'g', 'output': 'o_conv'}
    for ours, name in names.items() if gammas else ():
      theirs = f'layers.{gammas[0]}.snconv1x1_{name}'
      yield from normalized(w, f'SelfAttention_0/{ours}', theirs)
    if gammas:
      yield Leaf('params/SelfAttention_0/gamma', f'layers.{gammas[0]}.gamma')
    yield Leaf('params/BatchNorm_0/scale', 'bn.weight')
    yield Leaf('params/BatchNorm_0/bias', 'bn.bias')
    yield from stats('BatchNorm_0', 'bn')
    yield from normalized(w, 'Conv_0', 'conv_to_rgb')

  options = dict(
    deep=True,
    conditional=True,
    generator_width=_unit(rows // 16, size),
    latent_size=inputs - shared,
    shared_size=shared,
    attention=4 * 2 ** (sum(i < gammas[0] for i in layers) // 2) if gammas else 0,
    idle_biases=True,
    epsilon=1e-4,
    spare_outputs=True,
  )
  named = lambda name: name if name == 'embeddings.weight' else f'generator.{name}'
  made = [leaf._replace(theirs=named(leaf.theirs)) for leaf in leaves()]
  return Found('biggan', options, Spec(size, 3, classes), {'generator': made})


# SN-GAN: the registry's package torch-mimicry.


def sngan_generator(w: Weights) -> Found:
  """Read the generator of SN-GAN or of cGAN-PD."""
  numbers = [i for i in range(len(w)) if f'block{i}.c1.weight' in w]
  blocks, end = len(numbers), max(numbers) + 1 if numbers else 0
  rows, latent = w.sizes('l1.weight', 2)
  width = w.sizes(f'block{numbers[0]}.c1.weight' if numbers else 'block2.c1.weight', 4)[0]
  table = f'block{numbers[0]}.b1.embed.weight'
  classes = w.sizes(table, 2)[0] if table in w else 0
  half = lambda first: lambda t: t[:, : t.shape[1] // 2] if first else t[:, t.shape[1] // 2 :]

  def norm(ours: str, theirs: str) -> Iterator[Leaf]:
    if not classes:
      yield from batch_norm(ours.format('BatchNorm'), theirs)
      return
    ours = ours.format('ConditionalBatchNorm')
    yield from statistics(ours, f'{theirs}.bn')
    yield Leaf(f'params/{ours}/scale', f'{theirs}.embed.weight', half(True))
    yield Leaf(f'params/{ours}/bias', f'{theirs}.embed.weight', half(False))

  def leaves() -> Iterator[Leaf]:
    side = round((rows / width) ** 0.5)
    yield Leaf('params/Dense_0/weight/kernel', 'l1.weight', to_map(side))
    yield Leaf('params/Dense_0/bias', 'l1.bias', bias_of_map(side))
    for k, i in enumerate(numbers):
      for j, name in enumerate(('c1', 'c2', 'c_sc')):
        yield from conv(w, f'UpBlock_{k}/Conv_{j}', f'block{i}.{name}')
      for j in (0, 1):
        yield from norm(f'UpBlock_{k}/{{}}_{j}', f'block{i}.b{j + 1}')
    yield from batch_norm('BatchNorm_0', f'b{end}')
    yield from conv(w, 'Conv_0', f'c{end}')

  options = dict(
    generator_width=width,
    latent_size=latent,
    conditional=bool(classes),
    idle_biases=True,
    mimicry=True,
  )
  size = round((rows / width) ** 0.5) * 2**blocks
  spec = Spec(size, w.sizes(f'c{end}.weight', 4)[0], classes)
  return Found('sngan', options, spec, {'generator': list(leaves())})


def sngan_critic(w: Weights) -> Found:
  """Read the discriminator of SN-GAN or of cGAN-PD."""
  numbers = [i for i in range(len(w)) if f'block{i}.c1.weight_orig' in w]
  width, channels = w.sizes('block1.c1.weight_orig', 4)[:2]
  halving = sum(f'block{i}.c_sc.weight_orig' in w for i in numbers)
  classes = w.sizes('l_y.weight', 2)[0] if 'l_y.weight' in w else 0
  end = f'l{len(numbers) + 1}'

  def leaves() -> Iterator[Leaf]:
    for k, i in enumerate(numbers):
      for j, name in enumerate(('c1', 'c2', 'c_sc')):
        if f'block{i}.{name}.weight_orig' in w:
          yield from normalized(w, f'DownBlock_{k}/Conv_{j}', f'block{i}.{name}')
    form = 'sn_u' if f'{end}.sn_u' in w else 'torch'
    yield from normalized(w, 'Dense_0', end, matrix, form)
    if classes:
      yield from normalized_table(w, 'Embed_0', 'l_y', 'sn_u')

  options = dict(critic_width=width, conditional=bool(classes), mimicry=True)
  spec = Spec(8 * 2**halving, channels, classes)
  return Found('sngan', options, spec, {'critic': list(leaves())})
