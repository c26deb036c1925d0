"""Every GAN there is, by name. A new one is a module and a line here.

A variant's module holds `Config`, its options; `PAPER`, those that the published setting changes;
and `build(config, spec) -> Recipe`, which raises ValueError for images that it cannot make.
"""

import dataclasses
from types import ModuleType
from typing import Any

from jaxgan.core.typing import Spec
from jaxgan.recipes.config import Config
from jaxgan.recipes.types import Recipe, computed_in
from jaxgan.variants import (
  biggan,
  cgan,
  cyclegan,
  dcgan,
  esrgan,
  gan,
  lsgan,
  pix2pix,
  progan,
  r3gan,
  sngan,
  srgan,
  stylegan,
  stylegan2,
  unrolled,
  wgan,
  wgan_gp,
)

VARIANTS: dict[str, ModuleType] = {
  'gan': gan,
  'dcgan': dcgan,
  'cgan': cgan,
  'wgan': wgan,
  'wgan_gp': wgan_gp,
  'lsgan': lsgan,
  'sngan': sngan,
  'unrolled': unrolled,
  'biggan': biggan,
  'progan': progan,
  'stylegan': stylegan,
  'stylegan2': stylegan2,
  'r3gan': r3gan,
  'cyclegan': cyclegan,
  'pix2pix': pix2pix,
  'srgan': srgan,
  'esrgan': esrgan,
}


def module(variant: str) -> ModuleType:
  """The variant of that name.

  Raises:
    ValueError: there is none, with those there are.
  """
  if variant not in VARIANTS:
    raise ValueError(f'there is no variant {variant!r}, only {", ".join(VARIANTS)}')
  return VARIANTS[variant]


def configure(variant: str, preset: str = 'laptop', **options: Any) -> Any:
  """The config of a variant: its defaults, changed by the preset, changed by the options.

  Raises:
    ValueError: an unknown variant, preset or option, with those there are.
  """
  kind, presets = module(variant).Config, {'laptop': {}, 'paper': module(variant).PAPER}
  if preset not in presets:
    raise ValueError(f'there is no preset {preset!r}, only {", ".join(presets)}')
  known = [field.name for field in dataclasses.fields(kind)]
  if unknown := sorted(set(options) - set(known)):
    raise ValueError(f'{variant} has no options {unknown}, only {", ".join(known)}')
  return kind(**{'variant': variant, 'preset': preset, **presets[preset], **options})


def build(config: Config, spec: Spec) -> Recipe:
  """The recipe of a config, for images as `spec` says, computed in the config's precision."""
  return computed_in(config.precision, module(config.variant).build(config, spec))
