"""The published networks that jaxgan reads, in one table, and which of them a file holds."""

import re
from collections.abc import Callable
from typing import NamedTuple

from jaxgan.published import images, latents, residual, styles
from jaxgan.published.layouts import Found, Unfit, Weights


class Family(NamedTuple):
  """A published network: its name, names that only its files have, what reads it.

  `spare` is a pattern of names that have no effect on the network's output.
  """

  name: str
  signs: tuple[str, ...]
  read: Callable[[Weights], Found]
  spare: str = r'num_batches_tracked$'


_COUNTS = r'num_batches_tracked$'
_NORMS = rf'(\.weight_v|\.sv\d|\.sn_sigma)$|{_COUNTS}'
_FILTERS = r'(^|\.)(resample_filter|conv_clamp|group_size)$'

FAMILIES: tuple[Family, ...] = (
  Family('StyleGAN2 generator', ('synthesis.b4.const',), styles.generator, _FILTERS),
  Family('StyleGAN2 critic', ('b4.fc.weight', 'b4.out.weight'), styles.critic, _FILTERS),
  Family(
    'R3GAN generator',
    ('Model.AggregationLayer.Layer.weight',),
    residual.r3gan_generator,
    r'Resampler\.Kernel$',
  ),
  Family(
    'R3GAN critic',
    ('Model.ExtractionLayer.Layer.weight',),
    residual.r3gan_critic,
    r'Resampler\.Kernel$',
  ),
  Family('BigGAN-deep', ('generator.gen_z.weight_orig',), residual.biggan_deep, _NORMS),
  Family(
    'BigGAN generator',
    ('output_layer.2.weight', 'linear.weight'),
    residual.biggan_generator,
    _NORMS,
  ),
  Family('BigGAN critic', ('blocks.0.0.conv1.u0', 'embed.weight'), residual.biggan_critic, _NORMS),
  Family('ESRGAN', ('body.0.rdb1.conv1.weight',), images.esrgan),
  Family('ESRGAN', ('RRDB_trunk.0.RDB1.conv1.weight',), images.esrgan),
  Family('ESRGAN', ('model.1.sub.0.RDB1.conv1.0.weight',), images.esrgan),
  Family('SRResNet', ('conv_block1.0.weight', 'trunk.0.rcb.0.weight'), images.srresnet),
  Family('MSRResNet', ('body.0.conv1.weight', 'upconv1.weight'), images.plain_resnet),
  Family(
    'CycleGAN generator',
    ('model.1.weight', 'model.10.conv_block.1.weight'),
    images.cyclegan,
    rf'\.running_(mean|var)$|{_COUNTS}',
  ),
  Family('pix2pix generator', ('model.model.0.weight',), images.pix2pix),
  Family('PatchGAN critic', ('model.0.weight', 'model.2.weight'), images.patch_critic),
  Family('SN-GAN generator', ('l1.weight', 'block2.c1.weight'), residual.sngan_generator),
  Family('SN-GAN critic', ('block1.c1.weight_orig',), residual.sngan_critic, _NORMS),
  Family(
    'Progressive GAN generator',
    ('formatLayer.module.weight',),
    latents.progan_generator,
    r'^toRGBLayers\.',
  ),
  Family(
    'Progressive GAN critic',
    ('decisionLayer.module.weight',),
    latents.progan_critic,
    r'^fromRGBLayers\.',
  ),
  Family('DCGAN generator', ('main.0.weight', 'main.1.weight'), latents.dcgan_generator),
  Family('DCGAN critic', ('main.0.weight', 'main.2.weight'), latents.dcgan_critic),
)
"""Ordered: the first whose names are all in a file reads it."""


def family(weights: Weights) -> Family:
  """Return the family whose names the file has.

  Raises:
    Unfit: none has; the message lists them all.
  """
  for one in FAMILIES:
    if all(sign in weights for sign in one.signs):
      return one
  known = ', '.join(dict.fromkeys(one.name for one in FAMILIES))
  first = next(iter(weights), 'nothing')
  raise Unfit(f'its names, such as {first[:80]}, are of no network known here: {known}')


def unused(one: Family, weights: Weights, used: set[str]) -> list[str]:
  """Return the names of the file that the network did not use and that have an effect."""
  return [name for name in weights if name not in used and not re.search(one.spare, name)]
