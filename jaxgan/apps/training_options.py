"""Options of `jaxgan train`: from the command line, a file, a folder of images and the variant."""

import dataclasses
import pathlib
import typing
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, cast

import tyro

from jaxgan import data, variants
from jaxgan.apps import arguments, choices, config_file
from jaxgan.core.typing import Json
from jaxgan.parallel.hosts import Hosts
from jaxgan.recipes.config import Config
from jaxgan.recipes.config import groups as groups_of
from jaxgan.recipes.texts import Texts

FOLDER = (
  'A folder of images, or a CSV file. Options for it are picked and printed; flags override them.'
)
WORKDIR = (
  'The folder for the run: config, metrics, checkpoints, samples. If not given, and FOLDER is: '
  'runs/FOLDER.'
)
CONFIG = 'A file of options, JSON or TOML, such as the config.json of a run; flags override it.'
START = (
  'Begin with what another run learnt: its work directory, or a file of published weights. What '
  'fits by name and shape is taken; the rest is named.'
)
OPTIMIZER = 'Take the state of its optimizers as well.'
PLUGIN = 'A Python file with your own variant; the file is executed.'


GROUP = 'group_'
OWN = {'workdir', 'config', 'plugin', 'start_from', 'start_optimizer', 'help'}
"""Options of the command itself."""


class Picked(NamedTuple):
  """The defaults of all options, the folder of images and the work directory, and the picks."""

  values: Json
  photos: pathlib.Path | None
  workdir: pathlib.Path | None
  picks: Sequence[choices.Pick]


class Given(NamedTuple):
  """All that a command line gives."""

  config: Config
  workdir: pathlib.Path
  hosts: Hosts
  start_from: pathlib.Path | None = None
  start_optimizer: bool = False


def about() -> str:
  """Return the first paragraphs of the help."""
  return (
    'Train a GAN. The same command continues a run that was stopped.\n\n'
    f'Variants: {", ".join(variants.VARIANTS)}. The options below are those of --variant.'
  )


def folder(argv: Sequence[str]) -> tuple[pathlib.Path | None, list[str]]:
  """Split a command line into the folder of images and the other words.

  The folder is the first word, or the last one if it cannot be the value of an option; else None.
  """
  words = list(argv)
  if words and not words[0].startswith('-'):
    return arguments.at_home(pathlib.Path(words[0])), words[1:]
  if len(words) > 1 and not words[-1].startswith('-') and '=' in words[-2]:
    return arguments.at_home(pathlib.Path(words[-1])), words[:-1]
  return None, words


def without(photos: pathlib.Path, argv: Sequence[str]) -> list[str]:
  """Return a command line without the word that names the folder of images."""
  words = list(argv)
  words.remove(next(w for w in words if arguments.at_home(pathlib.Path(w)) == photos))
  return words


def defaults(photos: pathlib.Path | None, argv: Sequence[str]) -> Picked:
  """Return the defaults of all options: of the variant, the folder of images, and --config.

  Args:
    photos: the folder of images, if one is given.
    argv: the other words of the command line.

  Raises:
    ValueError: if the variant or preset is unknown, the file has a mistake, or the folder has no
      images.
  """
  path = arguments.last(argv, 'config')
  file = pathlib.Path(path).expanduser() if path else pathlib.Path()
  read = _fitting(config_file.load(file) if path else {}, photos)
  chosen = lambda name: arguments.last(argv, name) or read.get(name)
  name, plugin = chosen('variant'), chosen('plugin')
  if plugin:
    variants.load_plugin(plugin, None if name in variants.VARIANTS else name)
  found = _found(photos, chosen('dataset'), name)
  first = [choices.variant(found)] if found and not name else []
  name = name or (str(first[0].value) if first else 'lsgan')
  kind, preset = variants.module(name).Config, chosen('preset') or 'laptop'
  set_in_file = config_file.options(file, read, kind, name)
  picked = first + (choices.picks(found, accepted(kind)) if found else _plain(photos))
  if preset not in ('laptop', 'paper'):
    raise ValueError(f'there is no preset {preset!r}, only laptop, paper')
  values = {f.name: _default(f) for f in dataclasses.fields(kind)}
  values |= {'variant': name, 'preset': preset}
  values |= variants.paper(name) if preset == 'paper' else {}
  values |= {pick.option: pick.value for pick in picked} | set_in_file
  workdir = pathlib.Path('runs') / _name(photos) if photos else None
  picked += [choices.Pick('workdir', workdir, 'the name of the folder')] if workdir else []
  unset = lambda pick: pick.option not in {*arguments.given(argv), *set_in_file}
  return Picked(values, photos, workdir, [pick for pick in picked if unset(pick)])


IMAGES = ('dataset', 'folder', 'target_folder', 'side_by_side', 'without_classes')
"""Options that say which images are read."""


def _fitting(read: Json, photos: pathlib.Path | None) -> Json:
  """Return the options of a file, without those of other images than the folder that is given."""
  name, folder = read.get('dataset'), read.get('folder')
  known = data.known(str(name)) if name else None
  elsewhere = folder is not None and arguments.at_home(pathlib.Path(str(folder))) != photos
  if photos is None or not (elsewhere or (name and not (known and known.folder))):
    return read
  return {option: value for option, value in read.items() if option not in IMAGES}


def _default(field: dataclasses.Field[object]) -> object:
  return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _found(
  photos: pathlib.Path | None, dataset: str | None, variant: str | None
) -> choices.Found | None:
  """Look at the folder; return None if it holds the files of a data set such as mnist.

  Captions are of no use to a given variant that does not draw by text.
  """
  if photos is None or dataset not in (None, 'folder', 'captions', *choices.TWO, 'table'):
    return None
  found = choices.look(photos)
  if dataset and found.kind != 'table':
    return found._replace(kind=dataset)
  useless = variant and not issubclass(variants.module(variant).Config, Texts)
  if found.kind == 'captions' and useless:
    return found._replace(kind='folder', layout=choices.PLAIN)
  return found


def _name(photos: pathlib.Path) -> str:
  return photos.stem if photos.is_file() else photos.resolve().name


def _plain(photos: pathlib.Path | None) -> list[choices.Pick]:
  """Pick the folder itself, for a data set with files of its own."""
  return [choices.Pick('folder', photos, 'the files of the data set')] if photos else []


def accepted(kind: type[Config]) -> dict[str, tuple[object, ...]]:
  """Return, for each option of a variant, its possible values if these are few, else ()."""
  hints = typing.get_type_hints(kind)
  literal = lambda hint: typing.get_origin(hint) is Literal  # type: ignore[comparison-overlap]
  return {name: typing.get_args(hint) if literal(hint) else () for name, hint in hints.items()}


def names(kind: type[Config]) -> set[str]:
  """Return the names of all options of `jaxgan train` for a variant."""
  fields = [*dataclasses.fields(kind), *dataclasses.fields(Hosts)]
  return {field.name for field in fields} | OWN


def choice(kind: type[Config], picked: Picked) -> type:
  """Return the dataclass of all options of `jaxgan train`, with those of the variant in groups."""
  path = pathlib.Path | None
  photos = cast(Any, tyro.conf.Positional)[path]
  fields: list[tuple[str, object, object]] = [
    ('photos', arguments.helped(photos, FOLDER, metavar='[FOLDER]'), picked.photos),
    ('workdir', arguments.helped(path, WORKDIR, metavar='PATH'), picked.workdir),
    ('config', arguments.helped(path, CONFIG, metavar='FILE'), None),
    ('plugin', arguments.helped(path, PLUGIN, metavar='FILE'), None),
    ('start_from', arguments.helped(path, START, metavar='RUN'), None),
    ('start_optimizer', arguments.helped(bool, OPTIMIZER), False),
  ]
  groups = arguments.grouped(kind, picked.values, picked.values['variant'])
  order = [title for title, _ in groups_of(kind)]
  by_order = lambda item: (
    order.index(item[1][1].rstrip('.')) if item[1][1].rstrip('.') in order else 0
  )
  for name, (group, title) in sorted(groups.items(), key=by_order):
    shown = arguments.helped(group, title, name=name.replace('_', ' '))
    fields.append((GROUP + name, shown, dataclasses.field(default_factory=group)))
  fields.append(('hosts', Hosts, Hosts()))
  return dataclasses.make_dataclass('Training', fields, kw_only=True)


def assembled(kind: type[Config], picked: Picked, parsed: Any) -> Given:
  """Return the config, the work directory and the command's own options; print what was picked.

  Raises:
    ValueError: if there is no work directory, or options do not fit together.
  """
  if parsed.workdir is None:
    raise ValueError('--workdir, the folder for the run, must be given; see jaxgan train --help')
  fields = [f.name for f in dataclasses.fields(parsed) if f.name.startswith(GROUP)]
  config = kind(**{k: v for name in fields for k, v in vars(getattr(parsed, name)).items()})
  if not parsed.hosts.process_id:
    for pick in picked.picks:
      print(f'jaxgan: {pick}')
  return Given(config, parsed.workdir, parsed.hosts, parsed.start_from, parsed.start_optimizer)
