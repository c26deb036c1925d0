"""The doctor: reads the files of a run, looks at its samples, and names what is wrong with it."""

import pathlib
from collections.abc import Mapping
from typing import NamedTuple

import jax
import numpy as np

from jaxgan import data as data_sets
from jaxgan.core.game import Game
from jaxgan.core.typing import Spec, Tree
from jaxgan.data import Source
from jaxgan.diagnosis import rules
from jaxgan.diagnosis.look import Look, look
from jaxgan.diagnosis.rules import Case
from jaxgan.diagnosis.verdicts import Diagnosis
from jaxgan.ops.images import to_unit
from jaxgan.recipes.config import Common
from jaxgan.recipes.types import Sampler, Translator
from jaxgan.storage.checkpoint import CheckpointError
from jaxgan.storage.workdir import CONFIG, DATA, METRICS
from jaxgan.training import kept, metrics_log
from jaxgan.training.run import Run, load
from jaxgan.training.session import ARRAYS, open_data

SAMPLES, REAL = 256, 1024
"""How many samples and real images the doctor looks at."""
_PIXELS = 2**24
"""Values of the samples, at most: fewer samples of large images."""


class _Read(NamedTuple):
  """What the files of a run hold."""

  config: Common
  spec: Spec
  history: dict[str, np.ndarray]
  run: Run | None
  notes: list[str]


def diagnose(run: Run | str | pathlib.Path, *, data: Source | None = None) -> Diagnosis:
  """Say what is wrong with a run, from its files alone.

  The doctor reads the signals in `metrics.jsonl`, draws samples from the newest checkpoint, and
  compares them with the images of the data set where these are at hand. Losses alone say little: a
  run may end beside the optimum of its loss with samples of noise.

  Args:
    run: a run, or its work directory.
    data: the training images; without them the data set of the config is opened, if it is there.

  Returns:
    The diagnosis: verdicts with numbers, and remedies as options of the run's variant. A run that
    does not show enough gets the verdict 'I cannot tell'.

  Raises:
    ValueError: the folder holds no run, or files that are not of a run.

  Example:
    >>> import jaxgan
    >>> run = jaxgan.train(
    ...   jaxgan.configure('gan', steps=2, log_every=1, widths=(8,)), 'runs/tiny', quiet=True
    ... )
    >>> [verdict.name for verdict in jaxgan.diagnose(run).verdicts]
    ['I cannot tell']
  """
  found = _of_run(run) if isinstance(run, Run) else _of_folder(pathlib.Path(run).expanduser())
  real = _real(found, data)
  samples = _samples(found, real)
  seen: Look | None = None if samples is None else look(*samples)
  step = found.run.step if found.run else int(max(found.history['step'], default=0))
  many = sizes(found.run.stage.game, found.run.state.params) if found.run else {}
  case = Case(found.config, found.history, step, seen, many)
  folder = run.folder if isinstance(run, Run) else run
  return Diagnosis(
    rules.verdicts_of(case),
    str(folder or ''),
    found.config.variant,
    step,
    tuple(found.notes),
  )


def sizes(played: Game, params: Mapping[str, Tree]) -> dict[str, int]:
  """Return how many parameters each player of a game has.

  Args:
    played: the game.
    params: the parameters of each network, or their shapes.
  """
  each = {name: sum(x.size for x in jax.tree.leaves(tree)) for name, tree in params.items()}
  return {
    player: sum(each.get(name, 0) for name in about.networks)
    for player, about in played.players.items()
  }


def _of_run(run: Run) -> _Read:
  history = {'step': np.zeros(0, np.int64)}
  if run.folder is not None:
    history = metrics_log.history(run.folder / METRICS)
  return _Read(run.config, run.spec, history, run, [])


def _of_folder(folder: pathlib.Path) -> _Read:
  """Read a work directory, as much of it as is there."""
  try:
    config, spec = kept.read(folder)
  except (KeyError, TypeError, AttributeError) as error:
    raise ValueError(f'{folder} holds a damaged {CONFIG} or {DATA}: {error!r}') from None
  notes: list[str] = []
  run = None
  try:
    run = load(folder)
  except (ValueError, CheckpointError, OSError) as error:
    notes.append(f'no samples were drawn: {error}')
  try:
    history = metrics_log.history(folder / METRICS)
  except (OSError, ValueError) as error:
    notes.append(f'{METRICS} was not read: {error}')
    history = {'step': np.zeros(0, np.int64)}
  return _Read(config, spec, history, run, notes)


def _real(found: _Read, data: Source | None) -> Source | None:
  """Return the training images, if they are at hand."""
  if data is None and found.config.dataset == ARRAYS:
    found.notes.append('the training images are not stored with the run, so samples are seen alone')
    return None
  try:
    return open_data(found.config) if data is None else data
  except (OSError, ValueError) as error:
    found.notes.append(f'the data set is not at hand, so samples are seen alone: {error}')
    return None


def _samples(found: _Read, source: Source | None) -> tuple[np.ndarray, np.ndarray | None] | None:
  """Return samples in [-1, 1], and real images beside which they are seen; None for no samples."""
  run, each = found.run, found.spec.size**2 * found.spec.channels
  if run is None:
    return None
  if found.spec.columns:
    found.notes.append(
      'rows of a table are not looked at as images are: this is from the log alone'
    )
    return None
  number, many = (max(min(n, _PIXELS // each), 16) for n in (SAMPLES, REAL))
  real = None if source is None else _images(source, many)
  try:
    if isinstance(run.recipe.interface, Sampler):
      return run.sample(0, number), real
    return None if source is None else _translated(run, run.recipe.interface, source, 32)
  except (ValueError, KeyError) as error:
    found.notes.append(f'no samples were drawn: {error}')
    return None


def _translated(
  run: Run, interface: Translator, source: Source, number: int
) -> tuple[np.ndarray, np.ndarray | None] | None:
  """Return translated images, and images of the domain to which they were translated."""
  name, way = next(iter(interface.ways.items()))
  images = _images(source, number)
  if interface.needs == 'classes':  # to each domain, or to the first, an equal share of the images
    names = [*interface.ways][:4]
    parts = zip(names, np.array_split(images, len(names)), strict=True)
    made = [run.translate(part, to) for to, part in parts if len(part)]
    return np.concatenate(made), _images(source, REAL)
  if way.scale > 1 or source.target is None:  # enlarged: the originals are what it should make
    return None
  return run.translate(images, name), _images(source.target, REAL)


def _images(source: Source, number: int) -> np.ndarray:
  chosen = data_sets.pipeline.permutation(len(source), 0, 0)[:number]
  images = source.images(np.sort(chosen))
  return to_unit(images)
