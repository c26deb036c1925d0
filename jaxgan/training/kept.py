"""The files that describe a run in its work directory: `config.json` and `data.json`."""

import importlib.metadata
import pathlib
import platform
import uuid

import jax

from jaxgan import variants
from jaxgan.core import columns
from jaxgan.core.typing import Json, Spec
from jaxgan.recipes import labels
from jaxgan.recipes.config import Common
from jaxgan.recipes.config_json import ABOUT, KERNELS, RUN, VERSIONS, from_json
from jaxgan.storage import descriptions, files
from jaxgan.storage.workdir import COLUMNS, CONFIG, DATA

ORIGIN = 'imported.json'
"""The files that an imported run was made from."""


def read(workdir: pathlib.Path) -> tuple[Common, Spec]:
  """Return a run's options and the description of its images.

  Raises:
    ValueError: the folder holds no run, or a damaged one.
  """
  try:
    values, about = (files.read_config(workdir / name) for name in (CONFIG, DATA))
    spec = _spec(about)
    variant = str(values.get('variant', ''))
  except FileNotFoundError as error:
    raise ValueError(
      f'{workdir} holds no run ({pathlib.Path(error.filename).name} is missing): '
      'give the --workdir of python -m jaxgan.main'
    ) from None
  except (KeyError, TypeError, ValueError) as error:
    raise ValueError(f'{workdir} holds a damaged {CONFIG} or {DATA}: {error}') from None
  variants.recall(variant, values.get('plugin'), str(workdir))
  return labels.of_run(options(values), spec), spec


def options(values: Json) -> Common:
  """Return the config in what a run's config.json holds.

  Raises:
    ValueError: an option that the variant does not have, or no longer.
  """
  # The versions stay: they tell a run of today from an older one, whose options are read otherwise.
  known = {k: v for k, v in values.items() if k not in ABOUT or k == VERSIONS}
  config: Common = from_json(variants.module(str(values.get('variant', ''))).Config, known)
  return config


def of_today(values: Json, workdir: pathlib.Path) -> Json:
  """Return the values of a run's config.json, with `conditional` as `labels.of_run` has it."""
  try:
    labelled = bool(files.read_config(workdir / DATA)['spec'][2])
  except (OSError, ValueError, LookupError, TypeError):  # of another kind, or no longer there
    return values
  older = values.get('conditional') is True and not labelled
  return {**values, 'conditional': None} if older else values


def mark(workdir: pathlib.Path) -> str:
  """Return the mark of a run; '' if it began before runs had marks."""
  return str(files.read_config(workdir / CONFIG).get(RUN, ''))


def kernels(workdir: pathlib.Path) -> list[str] | None:
  """Return the classes of convolutions that a run's native kernels compute; None for a new run."""
  if not (workdir / CONFIG).exists():
    return None
  found = files.read_config(workdir / CONFIG).get(KERNELS)
  return None if found is None else [str(name) for name in found]


def marked(workdir: pathlib.Path, *folders: str) -> str:
  """Return the mark of the run in a work directory, a new one if it has none.

  Args:
    workdir: the work directory; `config.json` should then be written with the mark as `RUN`.
    folders: the names of the folders of its checkpoints.

  Raises:
    Foreign: there are checkpoints of another run. Without `config.json`, all are.
  """
  new, places = uuid.uuid4().hex, [workdir / name for name in folders]
  if not any(map(descriptions.steps, places)):
    return new  # also where a config.json was copied to begin another run
  own = mark(workdir) if (workdir / CONFIG).exists() else new
  for place in places:
    descriptions.check_run(place, own)
  return own or descriptions.OLDER + new


def spec(workdir: pathlib.Path) -> Spec | None:
  """Return the description of the images of the run in a work directory; None if there is none.

  Raises:
    ValueError: the description is damaged.
  """
  if not (workdir / DATA).exists():
    return None
  try:
    return _spec(files.read_config(workdir / DATA))
  except (KeyError, TypeError, ValueError) as error:
    raise ValueError(f'{workdir} holds a damaged {DATA}: {error}') from None


def _spec(about: Json) -> Spec:
  size, channels, classes, names = about['spec']
  known = columns.from_json(about.get(COLUMNS, ()))
  return Spec(int(size), int(channels), int(classes), tuple(map(str, names)), known)


def described(spec: Spec) -> Json:
  """Return what data.json says of a run's images, or of its rows of a table."""
  known = {COLUMNS: columns.to_json(spec.columns)} if spec.columns else {}
  return {'spec': list(spec[:4]), **known}


def of_table(workdir: pathlib.Path) -> bool:
  """Return whether the run in a work directory, if there is one, is on a table."""
  try:
    return COLUMNS in files.read_config(workdir.expanduser() / DATA)
  except (OSError, ValueError):
    return False  # what is wrong is said where the run is loaded


def class_counts(workdir: pathlib.Path) -> tuple[int, ...]:
  """Return the number of training images of each class; empty if an older run did not record it."""
  counts = files.read_config(workdir / DATA).get('counts', [])
  if not isinstance(counts, list) or not all(isinstance(count, int) for count in counts):
    raise ValueError(f'{workdir} holds a damaged {DATA}: `counts` is {counts!r:.80}')
  return tuple(counts)


def versions() -> dict[str, str]:
  """Return the versions of jaxgan and JAX, as config.json records them."""
  return {name: importlib.metadata.version(name) for name in ('jaxgan', 'jax')}


def machine() -> dict[str, str]:
  """Return what the run is computed by: devices and Python, as config.json records them."""
  devices, python = jax.devices(), platform.python_version()
  kind = devices[0].device_kind
  return {'device': f'{len(devices)} x {kind}' if len(devices) > 1 else kind, 'python': python}
