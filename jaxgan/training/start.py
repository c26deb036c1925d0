"""Runs that start from another run: what they start from, and when they may."""

import json
import pathlib
from collections.abc import Collection
from typing import NamedTuple

import jax
from jax.sharding import Sharding

from jaxgan.core import console
from jaxgan.core.state import named
from jaxgan.core.typing import Json
from jaxgan.parallel import devices
from jaxgan.recipes import transfer
from jaxgan.recipes.config import Common
from jaxgan.recipes.config_json import RUN, START, to_json
from jaxgan.recipes.transfer import Arrays, Begun
from jaxgan.recipes.types import Recipe
from jaxgan.storage import descriptions, files, workdir
from jaxgan.storage.checkpoint import Checkpoints, as_stored
from jaxgan.storage.workdir import CHECKPOINTS, CONFIG
from jaxgan.training import kept
from jaxgan.training.run import Run

Source = str | pathlib.Path | Run
"""The work directory of a run, or a run."""


class Start(NamedTuple):
  """What a run starts from: a run, its name, and whether its optimizers are taken too."""

  source: pathlib.Path | Run
  name: str
  optimizer: bool = False


def asked(source: Source | None, optimizer: bool = False) -> Start | None:
  """Return what a run is to start from; None where it starts from nothing.

  Raises:
    ValueError: the optimizer of no run, or a path that is not a folder.
  """
  if source is None:
    if optimizer:
      raise ValueError('--start-optimizer has no effect without --start-from=RUN')
    return None
  if isinstance(source, Run):
    place = source.folder.resolve() if source.folder else f'a run of {source.config.variant}'
    return Start(source, str(place), optimizer)
  path = pathlib.Path(source).expanduser()
  if path.is_file():
    raise ValueError(
      f'{path} is a file: give the work directory of a run, or in Python '
      'start_from=jaxgan.from_published(FILE)'
    )
  return Start(path, str(path.resolve()), optimizer)


def agree(start: Start | None, folder: pathlib.Path, freeze: int) -> None:
  """Check a start against what the work directory says of an earlier one.

  A run that has saved a step is never started again, so what it started from need not exist any
  more, and may have changed.

  Raises:
    ValueError: the run there started from something else, or from nothing, or has not yet started;
      or layers are frozen that were never trained.
  """
  values = files.read_config(folder / CONFIG) if (folder / CONFIG).exists() else {}
  recorded = values.get(START)
  there = descriptions.steps(folder / CHECKPOINTS)
  if start is None:
    if recorded and not there:
      raise ValueError(
        f'{folder} is to start from {recorded["from"]} and has saved no step yet: '
        f'give --start-from={recorded["from"]} again, or another --workdir'
      )
    if freeze and not there:
      raise ValueError(
        f'--freeze={freeze} keeps layers that were trained before: give --start-from=RUN, '
        'or leave it out'
      )
    return
  if folder.resolve() == pathlib.Path(start.name):
    raise ValueError(f'--start-from={start.name} is the --workdir itself: give another --workdir')
  if there and not recorded:
    raise ValueError(
      f'{folder} holds a run that began without --start-from, at step {there[-1]} now: '
      'leave it out to continue that run, or give another --workdir'
    )
  before = (recorded or {}).get('from'), (recorded or {}).get('optimizer')
  if there and before != (start.name, start.optimizer):
    raise ValueError(
      f'{folder} holds a run that started from {before[0]}'
      + (', with' if before[1] else ', without')
      + ' --start-optimizer: leave --start-from out to continue it, or give another --workdir'
    )


def begin(
  start: Start, config: Common, recipe: Recipe, mesh: jax.sharding.Mesh
) -> tuple[Begun, Json]:
  """Return the first state of a run, and what config.json keeps about its start.

  Raises:
    ValueError: there is nothing to start from, or nothing of it fits.
  """
  placed = devices.replicated(mesh)
  arrays, about = _read(start, placed)
  try:
    begun = transfer.begin(
      recipe,
      arrays,
      jax.random.key(config.seed),
      placed,
      optimizer=start.optimizer,
      freeze=config.freeze,
    )
  except ValueError as error:
    raise ValueError(f'--start-from={start.name}: {error}{_differences(about, config)}') from None
  record: Json = {'from': start.name, 'variant': about.get('variant'), 'step': int(arrays['step'])}
  record |= {'sha256': transfer.digest(arrays), 'arrays': begun.taken, 'optimizer': start.optimizer}
  return begun, record


def _read(start: Start, placed: Sharding) -> tuple[Arrays, Json]:
  """Return the arrays of the source by name, and its options."""
  if isinstance(start.source, Run):
    run = start.source
    return _of(named(run.state), run.held), to_json(run.config)
  folder = start.source
  if not (folder / CONFIG).exists():
    raise ValueError(f'--start-from={folder} holds no run: {CONFIG} is missing there')
  kept_there = Checkpoints(folder / CHECKPOINTS, run=kept.mark(folder))
  warn = lambda text: console.say(f'jaxgan: {folder}: {text}', error=True)
  restored = kept_there.restore(as_stored(kept_there.folder, placed), log=warn)
  if restored is None:
    raise ValueError(f'--start-from={folder} has no checkpoint yet: let that run save a step')
  config = files.read_config(folder / CONFIG)
  imported = (folder / kept.ORIGIN).exists() and RUN not in config  # and not trained since
  held = files.read_config(folder / kept.ORIGIN).get('networks', ()) if imported else ()
  return _of(restored[1], held), config


def _of(arrays: Arrays, held: Collection[str]) -> Arrays:
  """Return the arrays without networks that begin as in training: those that no file held.

  Args:
    arrays: of a state, by name.
    held: the networks that files of published weights held; empty: the run was trained.
  """
  learnt = lambda name: '/' not in name or (name.split('/')[1] in held and name[:4] != 'opt/')
  return {name: x for name, x in arrays.items() if not held or learnt(name)}


OF_NETWORKS = ('width', 'latent', 'layers', 'blocks', 'norm', 'base', 'size', 'variant', 'channels')
"""Words in the names of options that decide which networks there are."""


def _differences(about: Json, config: Common) -> str:
  """Return which options of the two runs decide about networks and differ; '' if none does."""
  new = to_json(config)
  chosen = [k for k in new if k in about and any(word in k for word in OF_NETWORKS)]
  lines = workdir.diff(*({k: values[k] for k in chosen} for values in (about, new)))
  return ' (there -> here: ' + '; '.join(lines[:6]) + ')' if lines else ''


def command(start: Start | None) -> str:
  """Return what must be equal in all processes of a run."""
  return json.dumps([start.name, start.optimizer] if start else None)


def words(start: Start, begun: Begun) -> list[str]:
  """Return the lines that say what a run starts from, and what it took."""
  first = int(begun.state.step)
  place = f', at step {first}' if first else ''
  return [f'starts from {start.name}{place}', *(f'  {line}' for line in begun.lines)]
