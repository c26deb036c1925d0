"""Every GAN there is, by name. A new one is a module and a line here, or a call of `register`.

A variant's module holds `Config`, its options; `PAPER`, those that the published setting changes;
and `build(config, spec) -> Recipe`, which raises ValueError for images that it cannot make.
"""

import dataclasses
import hashlib
import importlib.util
import inspect
import os
import pathlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import ParamSpec, Protocol, cast, overload

from jaxgan.core.typing import Spec
from jaxgan.recipes import checking, option_groups
from jaxgan.recipes.accumulation import parts_of
from jaxgan.recipes.config import Common, Config
from jaxgan.recipes.option_groups import Preset
from jaxgan.recipes.types import Recipe, accumulated, computed_in, frozen
from jaxgan.variants import (
  acgan,
  began,
  bigan,
  biggan,
  cgan,
  ctgan,
  cut,
  cyclegan,
  dcgan,
  ebgan,
  esrgan,
  gan,
  gan_cls,
  infogan,
  lsgan,
  pix2pix,
  progan,
  r3gan,
  sagan,
  sngan,
  spade,
  srgan,
  stargan,
  stylegan,
  stylegan2,
  unrolled,
  vaegan,
  wgan,
  wgan_gp,
)


class Variant(Protocol):
  """What a variant's module, or an object in its place, holds; `PAPER` may be missing."""

  @property
  def Config(self) -> type:
    """The class of its options."""

  @property
  def build(self) -> Callable[..., Recipe]:
    """The function `build(config, spec)`."""


VARIANTS: dict[str, Variant] = {
  'gan': gan,
  'dcgan': dcgan,
  'cgan': cgan,
  'gan_cls': gan_cls,
  'infogan': infogan,
  'acgan': acgan,
  'bigan': bigan,
  'vaegan': vaegan,
  'ebgan': ebgan,
  'began': began,
  'wgan': wgan,
  'wgan_gp': wgan_gp,
  'lsgan': lsgan,
  'sngan': sngan,
  'unrolled': unrolled,
  'sagan': sagan,
  'biggan': biggan,
  'progan': progan,
  'stylegan': stylegan,
  'stylegan2': stylegan2,
  'r3gan': r3gan,
  'cyclegan': cyclegan,
  'cut': cut,
  'stargan': stargan,
  'pix2pix': pix2pix,
  'spade': spade,
  'srgan': srgan,
  'esrgan': esrgan,
  'ctgan': ctgan,
}


_FROM_RUNS: dict[str, pathlib.Path] = {}
"""The files of variants that were imported because a run names them."""
_PLUGINS: dict[pathlib.Path, Variant] = {}
"""The modules that `load_plugin` made of files; that of `use_plugin` is also at `_GIVEN`."""
_GIVEN = pathlib.Path('--plugin')


def register(name: str, module: Variant) -> None:
  """Add a variant, so that every command and `configure` know it by its name.

  Args:
    name: what `--variant` calls it.
    module: a module or another object with `Config`, a dataclass that extends `jaxgan.Config`;
      `build(config, spec) -> Recipe`; and, if there is a published setting, `PAPER`.

  Raises:
    ValueError: `Config` or `build` is missing, or the name belongs to another variant.

  Example:
    >>> import jaxgan
    >>> from jaxgan.variants import lsgan
    >>> jaxgan.register('my_gan', lsgan)
    >>> jaxgan.configure('my_gan').variant
    'my_gan'
  """
  config = getattr(module, 'Config', None)
  if not {'variant', 'preset'} <= set(getattr(config, '__dataclass_fields__', ())):
    raise ValueError(f'variant {name!r} needs a class Config that extends jaxgan.Config')
  if not callable(getattr(module, 'build', None)):
    raise ValueError(f'variant {name!r} needs a function build(config, spec)')
  if name in VARIANTS and not _same(VARIANTS[name], module):
    raise ValueError(f'there is a variant {name!r} already: give yours another name')
  VARIANTS[name] = module


def _same(one: object, other: object) -> bool:
  """Return whether two variants are one, or come from one file, run as a script and imported."""
  return one is other or (_file(one) is not None and _file(one) == _file(other))


def load_plugin(path: str | pathlib.Path, name: str | None = None) -> None:
  """Run a Python file that holds a variant, and register it.

  The file may call `jaxgan.register` itself; if it does not, its `Config` and `build` are
  registered under `name`, or under the name of the file. This executes the file: give only one that
  you trust.

  Args:
    path: the file.
    name: the variant that is expected of it.

  Raises:
    ValueError: no such file, one that fails, or one that holds no variant.
  """
  file = pathlib.Path(os.path.realpath(pathlib.Path(path).expanduser()))
  if not file.is_file():
    raise ValueError(f'there is no file {path}: give the file of your variant as --plugin=FILE')
  before = set(VARIANTS)
  loaded = _PLUGINS.get(file) or _executed(file)
  whole = hasattr(loaded, 'Config') and hasattr(loaded, 'build')
  if whole and loaded not in VARIANTS.values():
    register(name or file.stem, loaded)
  if (name not in VARIANTS) if name else not (whole or file in _PLUGINS or set(VARIANTS) - before):
    raise ValueError(
      f'{path} holds no variant{f" {name!r}" if name else ""}: '
      'it needs Config and build, or a call of jaxgan.register'
    )
  _PLUGINS[file] = loaded


def use_plugin(path: str | pathlib.Path) -> None:
  """Load a plugin, and let it be the variant of the next run whose variant is not known by name.

  Raises:
    ValueError: as `load_plugin`.
  """
  load_plugin(path)
  _PLUGINS[_GIVEN] = _PLUGINS[pathlib.Path(path).expanduser().resolve()]


def _executed(file: pathlib.Path) -> ModuleType:
  """Import a file under a name of its own; its neighbors can be imported from it."""
  digest = hashlib.sha256(str(file).encode()).hexdigest()[:8]
  name = f'jaxgan_plugin_{file.stem}_{digest}'
  found = importlib.util.spec_from_file_location(name, file)
  if found is None or found.loader is None:
    raise ValueError(f'--plugin={file} is no Python file: its name must end in .py')
  module = sys.modules[name] = importlib.util.module_from_spec(found)
  if str(file.parent) not in sys.path:
    sys.path.append(str(file.parent))
  try:
    found.loader.exec_module(module)
  except (Exception, SystemExit) as error:
    del sys.modules[name]
    raise ValueError(f'{file} cannot be imported: {type(error).__name__}: {error}') from error
  return module


def file_of(variant: str) -> pathlib.Path | None:
  """Return the file of a variant that is not one of jaxgan's own, if it has one."""
  return _file(VARIANTS.get(variant))


def _file(module: object) -> pathlib.Path | None:
  home = getattr(module, '__name__', '')
  if home not in sys.modules or sys.modules[home] is not module:  # an object made in some module
    home = getattr(getattr(module, 'build', None), '__module__', '')
  path = getattr(sys.modules.get(home), '__file__', None)
  return None if not path or home.startswith(f'{__name__}.') else pathlib.Path(path).resolve()


def recall(variant: str, plugin: str | None, where: str) -> None:
  """Make sure that the variant of a run is there, importing its file if the run names one.

  Args:
    variant: its name.
    plugin: the file that the run was trained with; None for a variant of jaxgan.
    where: the run, for messages.

  Raises:
    ValueError: the file is missing or fails; or it is not the one that another run of this name
      brought in before; or the name is one of jaxgan's own, which came later.
  """
  path = pathlib.Path(plugin) if plugin else None
  if path and getattr(VARIANTS.get(variant), '__name__', '') == f'{__name__}.{variant}':
    raise ValueError(
      f'{where} is of a variant {variant!r} of your own, in {path}, and jaxgan has a variant of '
      'this name now: open the run with the version of jaxgan that trained it'
    )
  if variant in VARIANTS:
    if path and _FROM_RUNS.get(variant, path) != path:
      raise ValueError(
        f'{where} is of a variant {variant!r} in {path}, but the one in use is in '
        f'{_FROM_RUNS[variant]}: open them in two processes'
      )
  elif _GIVEN in _PLUGINS:
    register(variant, _PLUGINS[_GIVEN])
  elif path and not path.is_file():
    raise ValueError(
      f'{where} is of a variant of your own, whose file {path} is missing: give it as --plugin=FILE'
    )
  elif path:
    load_plugin(path, variant)
    _FROM_RUNS[variant] = path


def module(variant: str) -> Variant:
  """The variant of that name.

  Raises:
    ValueError: there is none, with those there are.
  """
  if variant not in VARIANTS:
    raise ValueError(
      f'there is no variant {variant!r}, only {", ".join(VARIANTS)}; '
      'one of your own needs --plugin=FILE, or jaxgan.register in Python'
    )
  return VARIANTS[variant]


def paper(variant: str) -> Preset:
  """Return what the published setting of a variant changes; nothing where it names none."""
  return getattr(module(variant), 'PAPER', {})


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
  kind, presets = module(variant).Config, {'laptop': {}, 'paper': paper(variant)}

  if preset not in presets:
    raise ValueError(f'there is no preset {preset!r}, only {", ".join(presets)}')
  known = [field.name for field in dataclasses.fields(kind)]
  if unknown := sorted(set(options) - set(known)):
    told = '; '.join(filter(None, (absent(variant, name) for name in unknown)))
    raise ValueError(told or f'{variant} has no options {unknown}, only {", ".join(known)}')
  given = checking.check(kind, options)
  config: Config = kind(**{'variant': variant, 'preset': preset, **presets[preset], **given})
  return config


def absent(variant: str, name: str) -> str:
  """Return the sentence that refuses an option of other variants; empty if none has it."""
  kinds = {other: module.Config for other, module in VARIANTS.items()}
  return option_groups.absent(variant, name, kinds)


def build(config: Common, spec: Spec) -> Recipe:
  """Return the recipe of a config, in its precision, with its frozen layers and parts of batches.

  Args:
    config: the options.
    spec: the images that it is for.

  Raises:
    ValueError: the variant cannot make such images, or has no such layers.
  """
  recipe: Recipe = module(config.variant).build(config, spec)
  recipe = frozen(config.freeze, computed_in(config.precision, recipe))
  return accumulated(parts_of(config), recipe)
