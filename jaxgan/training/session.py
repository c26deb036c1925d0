"""Sessions: runs that are set up for training. Wrong input is found here, before training."""

import contextlib
import dataclasses
import json
import pathlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import jax
import numpy as np

from jaxgan import data, variants
from jaxgan.core import collecting, console
from jaxgan.core.seeds import check_seed
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Json, Spec
from jaxgan.data import Source
from jaxgan.data.layouts import no_classes
from jaxgan.parallel import devices, hosts
from jaxgan.recipes import labels, stages
from jaxgan.recipes.config import Common, Scores, part
from jaxgan.recipes.config_json import MACHINE, RUN, START, VERSIONS, to_json
from jaxgan.recipes.option_groups import LENGTH, MAY_CHANGE, PLACE
from jaxgan.recipes.tables import Tables
from jaxgan.recipes.types import Recipe, Translator
from jaxgan.storage import files, workdir
from jaxgan.storage.checkpoint import Checkpoints
from jaxgan.storage.descriptions import Foreign
from jaxgan.storage.workdir import BEST, CHECKPOINTS, CONFIG, DATA
from jaxgan.training import kept, kernels, sinks, steps
from jaxgan.training import start as starts
from jaxgan.training.kept import machine, versions
from jaxgan.training.programs import cache_programs
from jaxgan.training.run import Run
from jaxgan.training.showing import Showing
from jaxgan.training.sinks import Sinks
from jaxgan.training.start import Start
from jaxgan.training.steps import Steps

if TYPE_CHECKING:
  from jaxgan.training.best_checkpoint import Best

ARRAYS = 'arrays'
"""The name of the data set where the images were passed to `train`."""
IMPORTED = 'imported'
"""The name of the data set of a run of published weights whose images are not known."""
Data = Source | np.ndarray | tuple[np.ndarray, np.ndarray]
"""A user's images: a source, uint8 `[n, size, size, channels]`, or these with labels `[n]`."""
SHOWN = 4
"""How many input images a picture of translations shows."""


class Refused(ValueError):
  """Raised where options, data and work directory do not fit together; nothing was changed."""


@dataclasses.dataclass
class Session:
  """A run that is set up for training, and its current state."""

  config: Common
  folder: pathlib.Path
  source: Source
  recipe: Recipe
  mesh: jax.sharding.Mesh
  checkpoints: Checkpoints
  quiet: bool = False
  best: 'Best | None' = None
  began: float = dataclasses.field(default_factory=time.monotonic)
  state: TrainState = dataclasses.field(init=False)
  sinks: Sinks = dataclasses.field(default_factory=lambda: Sinks(pathlib.Path()), init=False)
  showing: Showing | None = dataclasses.field(default=None, init=False)
  told: list[str] = dataclasses.field(default_factory=list, init=False)

  def __post_init__(self) -> None:
    self.steps = Steps(self.recipe, self.mesh)

  @property
  def run(self) -> Run:
    """Return the run in its current state, on one device."""
    state, counts = devices.local(self.state), self.source.class_counts()
    return Run(self.config, self.source.spec, self.recipe, state, self.folder, counts)

  def compile_ahead(self, stage: int) -> None:
    """Begin to compile the step of a stage in a thread, before there is a state of that stage."""
    one = self.recipe.stages[stage]
    shapes = stages.shapes_of(one, devices.replicated(self.mesh))
    batch = steps.batch_shapes(one, self.config, self.mesh, self.source)
    self.steps.begin(stage, shapes, batch)

  def open_outputs(self, step: int) -> None:
    """Open what the first process writes for people: the sinks of the log, and the report."""
    logs = sinks.names(self.config.log) if hosts.first() else ()
    self.sinks = Sinks(self.folder, logs, step, to_json(self.config), _warn)
    self.showing = Showing(self.folder, _warn) if self.config.report and hosts.first() else None

  def restore(self) -> TrainState:
    """Return the state of the newest undamaged checkpoint, or the first state."""
    placed = devices.replicated(self.mesh)
    shapes = lambda step: stages.abstract(self.recipe, step, placed)
    if restored := self.checkpoints.restore(shapes, log=_warn):
      return restored[1]
    return stages.first_state(self.recipe.stages[0], jax.random.key(self.config.seed), placed)

  def say(self, text: str) -> None:
    """Print a line in the first process, unless quiet."""
    if not self.quiet and hosts.first():
      console.say(f'jaxgan: {text}')


@contextlib.contextmanager
def prepared(
  config: Common,
  folder: str | pathlib.Path,
  *,
  quiet: bool = False,
  data: Data | None = None,
  start: Start | tuple[starts.Source | None, bool] | None = None,
) -> Iterator[Session]:
  """Set up a session, and close it at the end of the `with` block; arguments as of `train`.

  `start` is what the run starts from: what `start.asked` takes, or returns.

  Raises:
    Refused: the input is wrong. All checks come before the first step.
  """
  began = time.monotonic()
  with collecting.seldom(), contextlib.ExitStack() as stack:
    try:
      config, given = (config, None) if data is None else _of_arrays(config, data)
      begin = start if isinstance(start, Start | None) else starts.asked(*start)
      session = _prepare(config, pathlib.Path(folder).expanduser(), stack, given, begin)
    except ValueError as error:
      raise Refused(str(error)) from error
    session.quiet, session.began = quiet, began
    for line in session.told:
      session.say(line)
    yield session


def _prepare(
  config: Common,
  folder: pathlib.Path,
  stack: contextlib.ExitStack,
  given: Source | None = None,
  start: Start | None = None,
) -> Session:
  """Set up a session in every process; if one process refuses the input, all do."""
  workdir.check(folder)
  check_seed(config.seed, '--seed')
  sinks.check(config.log)
  if config.compilation_cache:
    cache_programs()
  hosts.check_same('the command', _command(config) + starts.command(start))
  mesh = devices.mesh(config.batch_size)
  earlier = kept.spec(folder)
  source = hosts.together(lambda: open_data(config, numbered=earlier) if given is None else given)
  hosts.check_same('the data set', source.fingerprint)
  _check_rows(config, source)
  if not source.spec.columns:
    resolved: Json = dict(image_size=source.spec.size, channels=source.spec.channels)
    config = dataclasses.replace(config, **resolved)
  warnings = config.cautions(source.spec)
  config = labels.decided(config, source.spec)
  recipe = variants.build(config, source.spec)
  _check_needs(config, recipe, source)
  recipe = hosts.together(lambda: recipe.prepare(recipe, source))
  stages.abstract(recipe, 0, devices.replicated(mesh))  # finds what the networks cannot do
  steps.check_parts(config, recipe, mesh, source)
  run = hosts.together(lambda: _claim(config, source, folder, stack, start))
  for text in warnings:
    _warn(f'warning: {text}')
  checkpoints = stack.enter_context(
    Checkpoints(folder / CHECKPOINTS, keep_latest=config.keep, run=run)
  )
  session = Session(config, folder, source, recipe, mesh, checkpoints)
  session.told += kernels.choose(session.steps, config.native, kept.kernels(folder))
  begun = _begin(session, start)
  hosts.together(lambda: _record(session, run, begun))
  if begun:  # saved at once, so that no later start needs what it starts from
    checkpoints.save(int(session.state.step), session.state, wait=True)
  if part(config, Scores).eval_every:
    session.best = stack.enter_context(contextlib.closing(_best(config, folder, source, run)))
  return session


def _begin(session: Session, start: Start | None) -> Json | None:
  """Set the session's state; return what config.json keeps of a start from another run, if new."""
  first = hosts.share(json.dumps(session.checkpoints.steps()))[0]  # as `restore` reads them
  if start is None or json.loads(first):
    if not json.loads(first):
      session.compile_ahead(0)
    session.state = session.restore()
    return None
  begun, about = starts.begin(start, session.config, session.recipe, session.mesh)
  session.state, session.told = begun.state, session.told + starts.words(start, begun)
  return about


def _best(config: Common, folder: pathlib.Path, source: Source, run: str | None) -> 'Best':
  from jaxgan.training import best_checkpoint  # its metrics take half of what it takes to start

  make = lambda: (
    best_checkpoint.evaluator(source, held_out(config, source)) if hosts.first() else None
  )
  evaluator = hosts.together(make)
  return best_checkpoint.Best(folder, part(config, Scores).eval_metric, evaluator, run)


def _check_rows(config: Common, source: Source) -> None:
  if source.spec.columns and not isinstance(config, Tables):
    able = [n for n, each in variants.VARIANTS.items() if issubclass(each.Config, Tables)]
    flag = f'--variant={" or ".join(able)}'
    raise ValueError(f'{config.variant} draws images, and a table has none: give {flag}')


def _check_needs(config: Common, recipe: Recipe, source: Source) -> None:
  if part(config, Scores).eval_every and isinstance(recipe.interface, Translator):
    raise ValueError(f'--eval-every scores samples, and {config.variant} draws none: omit it')
  has = {'', 'classes', 'target' if source.target else '', 'pairs' if source.paired else ''}
  if recipe.needs not in has:
    what = {'target': 'images of two domains', 'pairs': 'pairs of images'}[recipe.needs]
    sets = '--dataset=pairs' + ' or --dataset=domains' * (recipe.needs == 'target')
    raise ValueError(
      f'{config.variant} needs {what}, which {config.dataset!r} has not: give {sets} and --folder'
    )


def _command(config: Common) -> str:
  """Return the options that must be equal in all processes."""
  return json.dumps({k: v for k, v in to_json(config).items() if k not in PLACE})


def _claim(
  config: Common,
  source: Source,
  folder: pathlib.Path,
  stack: contextlib.ExitStack,
  start: Start | None = None,
) -> str | None:
  """Lock the work directory for this run, in the first process; return the mark of the run there.

  Other processes write no marks, and get None.
  """
  if not hosts.first():
    return None
  stack.enter_context(contextlib.closing(workdir.lock(folder)))
  mark = _agree(config, source, folder)
  starts.agree(start, folder, config.freeze)
  return mark


def _record(session: Session, run: str | None, begun: Json | None = None) -> None:
  """Write the run's options and its images, in the first process.

  A run that is already at the given length or beyond keeps the options of that training.
  """
  config, folder, source = session.config, session.folder, session.source
  if not hosts.first():
    return
  files.write_config(folder / DATA, {**_about(source), 'counts': list(source.class_counts())})
  if int(session.state.step) >= config.length and (folder / CONFIG).exists():
    return
  plugin = variants.file_of(config.variant)
  about_run: Json = {VERSIONS: versions(), RUN: run, MACHINE: machine()}
  about_run |= {'plugin': str(plugin)} if plugin else {}
  if begun is None and (folder / CONFIG).exists():
    begun = files.read_config(folder / CONFIG).get(START)
  about_run |= {START: begun} if begun else {}
  about_run |= kernels.record(session.steps, config.native)
  files.write_config(folder / CONFIG, {**to_json(config), **about_run})


def _about(source: Source) -> Json:
  """Return what identifies a run's images."""
  return {
    **kept.described(source.spec),
    'count': len(source),
    'fingerprint': source.fingerprint,
  }


def _of_arrays(config: Common, given: Data) -> tuple[Common, Source]:
  """Return the config and the source of a run on a user's own images.

  Raises:
    ValueError: the config names other images, or the images do not fit it.
  """
  named = {'dataset': (_default(config), ARRAYS), 'folder': (None,), 'target_folder': (None,)}
  for name, free in named.items():
    if (value := getattr(config, name)) not in free:
      raise ValueError(
        f'data= gives the images, and {name}={value!r} others: leave one of them out'
      )
  source = given if isinstance(given, Source) else data.from_arrays(*_pair(given))
  size, channels = source.spec.size, source.spec.channels
  if config.image_size not in (None, size) or config.channels not in (None, channels):
    raise ValueError(
      f'the images of data= are {size} x {size} x {channels}, and the config asks for '
      f'image_size={config.image_size}, channels={config.channels}: leave these out'
    )
  if channels not in (1, 3, 4) and not source.spec.columns:
    raise ValueError(f'images have 1 channel, 3 (RGB) or 4 (RGBA); those of data= have {channels}')
  # The held-out images of a data set that Python loaded are not stored with the run.
  source = dataclasses.replace(source, has_held_out=False)
  return dataclasses.replace(config, dataset=ARRAYS), _without(config, source)


def _default(config: Common) -> str:
  """Return the default data set."""
  return next(str(f.default) for f in dataclasses.fields(config) if f.name == 'dataset')


def _pair(given: np.ndarray | tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
  """Return the images, and the labels if there are any."""
  parts = given if isinstance(given, tuple | list) else (given,)
  if len(parts) not in (1, 2):
    raise ValueError(f'data= takes images, or images and labels, not {len(parts)} arrays')
  return tuple(map(np.asarray, parts))


def held_out(config: Common, train: Source) -> Source | None:
  """Return the test split of a config's data set; None if it has none."""
  return open_data(config, data.HELD_OUT, train.spec) if train.has_held_out else None


def open_data(config: Common, split: str = 'train', numbered: Spec | None = None) -> Source:
  """Open the data set of a config.

  Args:
    config: the options.
    split: the split to open.
    numbered: the images of a run, whose classes keep their numbers: older versions sorted 10
      before 9. None for a new run.

  Raises:
    ValueError: the data set is 'arrays', whose images are not stored; and as `data.load` and
      `data.without`.
  """
  if config.dataset == ARRAYS:
    raise ValueError(
      'this run was trained on arrays, which are not stored with it: to carry on, call '
      'jaxgan.train(config, folder, data=...) in Python with the same arrays; to score it, give '
      'jaxgan.evaluate its images and yours, --fake=FILE.npz --real=FILE.npz'
    )
  if config.dataset == IMPORTED:
    raise ValueError(
      'this run was made of published weights, without images: give yours to jaxgan train as '
      '--dataset and --folder, or to jaxgan import'
    )
  source = data.load(
    config.dataset,
    split=split,
    image_size=config.image_size,
    channels=config.channels,
    fit=config.fit,
    data_dir=config.data_dir,
    folder=config.folder,
    target_folder=config.target_folder,
    side_by_side=config.side_by_side,
    direction=config.direction,
    in_memory_limit=int(config.in_memory_limit * 2**30),
    kinds=part(config, Tables).kinds,
  )
  return _without(config, source) if numbered is None else _numbered(config, source, numbered)


def _numbered(config: Common, source: Source, spec: Spec) -> Source:
  """Number the classes as a run does, where they are the same; else as the data set does."""
  names = source.spec.names
  if not spec.classes:
    unlabelled = source.spec._replace(classes=0, names=())
    return dataclasses.replace(source, spec=unlabelled, labels=None)
  for order in (names, sorted(names)):
    made = _without(config, data.renamed(source, order))
    if made.spec.names == spec.names:
      return made
  if not config.without_classes and set(names) <= set(spec.names):
    return data.renamed(source, spec.names)  # a class of the run has no image that can be read
  return _without(config, source)


def _without(config: Common, source: Source) -> Source:
  return data.without(source, config.without_classes) if config.without_classes else source


def _agree(config: Common, source: Source, folder: pathlib.Path) -> str:
  """Check the options and images against those of an earlier start; return the run's mark.

  Raises:
    ValueError: the options or the data changed (the message lists the changes), or there are
      checkpoints of another run.
  """
  new = to_json(config)
  if (folder / CONFIG).exists():
    old = to_json(labels.of_run(kept.options(files.read_config(folder / CONFIG)), source.spec))
    if old['dataset'] == IMPORTED:  # its first images
      old |= {name: new[name] for name in ('dataset', 'direction', 'without_classes')}
    fixed = lambda values: {k: v for k, v in values.items() if k not in MAY_CHANGE}
    other = f'go on with the new ones in another --workdir, with --start-from={folder}'
    workdir.same(folder, workdir.diff(fixed(old), fixed(new)), other)
    if reason := config.bound_to_length():
      length = lambda values: {k: values[k] for k in LENGTH}
      changed = workdir.diff(length(old), length(new))
      workdir.same(folder, [*changed, f'({reason})'] if changed else [])
  _same_data(config, folder, _about(source))
  try:
    return kept.marked(folder, CHECKPOINTS, BEST)
  except Foreign as error:
    raise Foreign(f'{error}, and to begin with what that run learnt, --start-from=RUN') from None


def _same_data(config: Common, folder: pathlib.Path, about: Json) -> None:
  """Raise ValueError if a run would continue with other images than before."""
  if not (folder / DATA).exists():
    return
  before = {k: v for k, v in files.read_config(folder / DATA).items() if k in about}
  if not before.get('fingerprint'):  # published weights, which come without images
    return
  if changed := workdir.diff(before, about):
    images = config.folder or ('data=' if config.dataset == ARRAYS else config.dataset)
    raise ValueError(
      f'the images of {images} changed since {folder} began (then -> now):\n'
      + '\n'.join(f'  {line}' for line in changed[:6])
      + _no_classes(before)
      + f'\nput them back as they were, or give another --workdir and --start-from={folder}'
    )


def _no_classes(before: Json) -> str:
  """Return a line about the classes of an earlier start that are none today; '' if all are."""
  none = no_classes(before['spec'][3])
  if not none:
    return ''
  return f'\n({", ".join(none)} are no classes any more, but splits or hidden: docs/formats.md)'


def _warn(text: str) -> None:
  if hosts.first():
    console.say(f'jaxgan: {text}', error=True)
