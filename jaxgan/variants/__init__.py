"""Every GAN there is, by name. A new one is a module and a line here.

A variant's module holds `Config`, its options; `PAPER`, those that the published setting changes;
and `build(config, spec) -> Recipe`, which raises ValueError for images that it cannot make.
"""

import dataclasses
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import ParamSpec, Protocol, cast, overload

from jaxgan.core.typing import Spec
from jaxgan.recipes import checking
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


def register(name: str, module: ModuleType) -> None:
  """Make a variant of one's own known by a name, to `configure` and to every command.

  Args:
    name: how it is called, such as 'my_gan'.
    module: holds `Config`, `build` and, where there is a published setting, `PAPER`; in its own
      file it is `sys.modules[__name__]`.

  Raises:
    ValueError: a name that another variant has, or a module without `Config` or `build`.

  Example:
    >>> import jaxgan
    >>> from jaxgan.variants import lsgan
    >>> jaxgan.register('my_gan', lsgan)
    >>> jaxgan.configure('my_gan').variant
    'my_gan'
  """
  if missing := [part for part in ('Config', 'build') if not hasattr(module, part)]:
    raise ValueError(f'{module.__name__} needs {", ".join(missing)} to be a variant')
  if VARIANTS.get(name, module) is not module:
    raise ValueError(f'there is a variant {name!r} already: give yours another name')
  VARIANTS[name] = module


P = ParamSpec('P')


class Configure(Protocol[P]):
  """What an editor knows of `configure`.

  It completes the options that all variants share, with their types, from the fields of `Config`.
  The options of a single variant are taken as well: no type says that they depend on a name.
  """

  @overload
  def __call__(self, *args: P.args, **options: P.kwargs) -> Config: ...

  @overload
  def __call__(self, variant: str, preset: str = 'laptop', **options: object) -> Config: ...


def _typed(kind: Callable[P, Config]) -> Callable[[Callable[..., Config]], Configure[P]]:
  """Take the options of a config's class for those of a function, for editors and `help`."""

  def typed(function: Callable[..., Config]) -> Configure[P]:
    shared = inspect.signature(kind).parameters.values()
    named = [p.replace(kind=p.KEYWORD_ONLY) for p in shared if p.name not in ('variant', 'preset')]
    own = list(inspect.signature(function).parameters.values())
    function.__signature__ = inspect.Signature([*own[:2], *named, *own[2:]])  # type: ignore[attr-defined]
    return cast(Configure[P], function)

  return typed


@_typed(Config)
def configure(variant: str, preset: str = 'laptop', **options: object) -> Config:
  """Return the config of a variant: its defaults, changed by the preset, changed by the options.

  Args:
    variant: one of `VARIANTS`.
    preset: 'laptop' for a CPU and small images, 'paper' for the published setting.
    options: any field of the variant's `Config`; `jaxgan train --variant=NAME --help` says what
      each one does. Whole numbers may stand for floats, text for a path, a list for a tuple.

  Returns:
    An instance of the variant's own `Config`, which is frozen and knows every option.

  Raises:
    ValueError: an unknown variant, preset or option, with those there are; a value of another type,
      none of the choices, out of range, or that does not fit the others.

  Example:
    >>> import jaxgan
    >>> jaxgan.configure('lsgan', steps=500, generator_lr=1e-3).steps
    500
    >>> jaxgan.configure('lsgan', optimizer='adamw')
    Traceback (most recent call last):
    ValueError: optimizer must be 'adam', 'rmsprop' or 'sgd', it is 'adamw'
  """
  kind, paper = module(variant).Config, getattr(module(variant), 'PAPER', {})
  presets = {'laptop': {}, 'paper': paper}
  if preset not in presets:
    raise ValueError(f'there is no preset {preset!r}, only {", ".join(presets)}')
  known = [field.name for field in dataclasses.fields(kind)]
  if unknown := sorted(set(options) - set(known)):
    raise ValueError(f'{variant} has no options {unknown}, only {", ".join(known)}')
  given = checking.check(kind, options)
  config: Config = kind(**{'variant': variant, 'preset': preset, **presets[preset], **given})
  return config


def build(config: Config, spec: Spec) -> Recipe:
  """The recipe of a config, for images as `spec` says, computed in the config's precision."""
  recipe: Recipe = module(config.variant).build(config, spec)
  return computed_in(config.precision, recipe)
