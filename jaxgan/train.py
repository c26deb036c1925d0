"""Training: from a config and a work directory to a run, or from a run on to its end."""

import contextlib
import dataclasses
import json
import pathlib
import sys
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import data, devices, guard, hosts, pictures, stages, variants, workdir
from jaxgan.checkpoint import Checkpoints
from jaxgan.config import LENGTH, MAY_CHANGE, PLACE, Config, to_json
from jaxgan.data import Source
from jaxgan.game import Game, TrainState, played
from jaxgan.journal import Journal
from jaxgan.recipe import Recipe
from jaxgan.run import CHECKPOINTS, CONFIG, DATA, METRICS, Run
from jaxgan.signals import Asked, Stopped, heard
from jaxgan.typing import Batch

if TYPE_CHECKING:
  from jaxgan.best import Best

RETURNS = 3
"""How often a run that diverged starts again from one checkpoint."""

SHOWN = 4
"""Images in a picture of what is made of them."""


class Refused(ValueError):
  """Options, data or work directory do not fit together; nothing was changed."""


class Diverged(RuntimeError):
  """Steps are not finite, from whatever random numbers; the last checkpoint is as it was."""


@dataclasses.dataclass
class Session:
  """A run that is ready to be played: what it needs, and where it stands."""

  config: Config
  folder: pathlib.Path
  source: Source
  recipe: Recipe
  mesh: jax.sharding.Mesh
  checkpoints: Checkpoints
  quiet: bool = False
  best: 'Best | None' = None
  state: TrainState = dataclasses.field(init=False)

  @property
  def run(self) -> Run:
    """The run as it stands, on one device."""
    return Run(self.config, self.source.spec, self.recipe, devices.local(self.state))

  def restore(self) -> TrainState:
    """The state at the newest sound checkpoint, or at the start."""
    placed = devices.replicated(self.mesh)
    shapes = lambda step: stages.abstract(self.recipe, step, placed)
    if restored := self.checkpoints.restore(shapes, log=_warn):
      return restored[1]
    return stages.first_state(self.recipe.stages[0], jax.random.key(self.config.seed), placed)

  def say(self, text: str) -> None:
    """A line for whoever watches."""
    if not self.quiet and hosts.first():
      print(f'jaxgan: {text}', flush=True)


def train(config: Config, folder: str | pathlib.Path, *, quiet: bool = False) -> Run:
  """Train to the config's length, or carry on where the work directory stands; returns the run.

  The directory then holds `config.json`, `data.json`, `metrics.jsonl`, `checkpoints/`,
  `samples/<step>.png` and `curves.png`.

  Raises:
    Refused: options, data or a work directory that do not fit together; a ValueError.
    Stopped: on SIGINT or SIGTERM, with the step saved.
    Diverged: ten steps in a row were not finite, and again after each of three returns to the last
      checkpoint.
  """
  with prepared(config, folder, quiet=quiet) as session:
    return play(session)


@contextlib.contextmanager
def prepared(
  config: Config, folder: str | pathlib.Path, *, quiet: bool = False
) -> Iterator[Session]:
  """All that can be wrong with the input is found here, before the first step, as Refused."""
  with contextlib.ExitStack() as stack:
    try:
      session = _prepare(config, pathlib.Path(folder).expanduser(), stack)
    except ValueError as error:
      raise Refused(str(error)) from error
    session.quiet = quiet
    yield session


def _prepare(config: Config, folder: pathlib.Path, stack: contextlib.ExitStack) -> Session:
  """Every process does all of it; what one of them refuses, all do."""
  workdir.check(folder)
  if config.compilation_cache:
    devices.cache_programs()
  hosts.check_same('the command', _command(config))
  mesh = devices.mesh(config.batch_size)
  source = hosts.together(lambda: open_data(config))
  hosts.check_same('the data set', source.fingerprint)
  resolved: Any = dict(image_size=source.spec.size, channels=source.spec.channels)
  config = dataclasses.replace(config, **resolved)
  recipe = variants.build(config, source.spec)
  _check_needs(config, recipe, source)
  recipe = hosts.together(lambda: recipe.prepare(recipe, source))
  stages.abstract(recipe, 0, devices.replicated(mesh))  # finds what the networks cannot do
  hosts.together(lambda: _claim(config, source, folder, stack))
  checkpoints = stack.enter_context(Checkpoints(folder / CHECKPOINTS, keep_latest=config.keep))
  session = Session(config, folder, source, recipe, mesh, checkpoints)
  session.state = session.restore()
  if config.eval_every:
    session.best = stack.enter_context(contextlib.closing(_best(config, folder, source)))
  return session


def _best(config: Config, folder: pathlib.Path, source: Source) -> 'Best':
  from jaxgan import best  # its metrics take half of what it takes to start

  judge = best.judge(source, held_out(config)) if hosts.first() else None
  return best.Best(folder, config.eval_metric, judge)


def _check_needs(config: Config, recipe: Recipe, source: Source) -> None:
  if config.eval_every and recipe.sample is None:
    raise ValueError(f'--eval-every scores samples, and {config.variant} draws none: leave it out')
  has = {'', 'target' if source.target else '', 'pairs' if source.paired else ''}
  if recipe.needs not in has:
    what = {'target': 'images of two domains', 'pairs': 'pairs of images'}[recipe.needs]
    sets = '--dataset=pairs' + ' or --dataset=domains' * (recipe.needs == 'target')
    raise ValueError(
      f'{config.variant} needs {what}, which {config.dataset!r} has not: give {sets} and --folder'
    )


def _command(config: Config) -> str:
  """What all processes must be given alike."""
  return json.dumps({k: v for k, v in to_json(config).items() if k not in PLACE})


def _claim(
  config: Config, source: Source, folder: pathlib.Path, stack: contextlib.ExitStack
) -> None:
  """The first process takes the work directory for the run."""
  if hosts.first():
    stack.enter_context(contextlib.closing(workdir.lock(folder)))
    _agree(config, source, folder)


def held_out(config: Config) -> Source | None:
  """The test split of a config's data set; a folder has none."""
  return None if config.dataset == 'folder' else open_data(config, 'test')


def open_data(config: Config, split: str = 'train') -> Source:
  """The data set of a config.

  Raises:
    ValueError: as `data.load` and `data.without`.
  """
  source = data.load(
    config.dataset,
    split=split,
    image_size=config.image_size,
    channels=config.channels,
    data_dir=config.data_dir,
    folder=config.folder,
    target_folder=config.target_folder,
    direction=config.direction,
    in_memory_limit=int(config.in_memory_limit * 2**30),
  )
  return data.without(source, config.without_classes) if config.without_classes else source


def play(session: Session) -> Run:
  """Play from where the session stands to the end of its length."""
  config, step = session.config, int(session.state.step)
  if step >= config.length:
    session.say(f'{session.folder} is at step {step} of {config.length}: nothing left to do')
    return session.run
  session.say(
    f'{session.folder}: {config.variant} on {config.dataset}, step {step} of {config.length}'
  )
  journal = Journal(
    session.folder / METRICS if hosts.first() else None,
    step=step,
    length=config.length,
    images_per_step=config.images_per_step,
    quiet=session.quiet or not hosts.first(),
  )
  with contextlib.closing(journal), heard() as asked:
    if step == 0:
      _picture(session, 0)
    while step < config.length:
      step = _play_stage(session, journal, asked)
  return session.run


def _play_stage(session: Session, journal: Journal, asked: Asked) -> int:
  """Play to the end of the stage or the run, or to where it has to go back; the step reached."""
  config, step = session.config, int(session.state.step)
  number = stages.index(session.recipe, step)
  game = session.recipe.stages[number].game
  advance, watch = devices.compile_step(game, session.mesh), guard.Watch()
  with contextlib.closing(batches(session, game.microbatches, step)) as stream:
    while step < config.length and stages.index(session.recipe, step) == number:
      batch = devices.place(session.mesh, next(stream))
      with jax.transfer_guard('disallow'):
        session.state, logs = advance(session.state, batch)
      step += 1
      if stages.index(session.recipe, step) != number:
        session.state = _next_stage(session, number + 1)
      ending = asked() or step == config.length
      due = step % config.checkpoint_every == 0
      if watch.diverged(logs.pop(guard.IN_A_ROW), now=due or bool(ending)):
        return _roll_back(session, journal, step)
      _record(session, game, step, logs, journal)
      if ending or due:
        _save(session, step, ending, lasting=due and watch.sound)
  return step


def _record(session: Session, game: Game, step: int, logs: Any, journal: Journal) -> None:
  """Logs and pictures, where they are due after a step."""
  config, last = session.config, step == session.config.length
  journal.tick()
  judged = session.best is not None and (last or step % config.eval_every == 0)
  if step % config.log_every == 0 or last or judged:
    score = _judged(session, step) if judged else {}
    journal.write(step, {**played(game, step - 1, logs), **score})
  if step % config.sample_every == 0 or last:
    journal.flush()
    _picture(session, step)


def _judged(session: Session, step: int) -> dict[str, jax.Array]:
  """The score at a step, for the journal."""
  assert session.best is not None
  config, run = session.config, session.run
  draw = lambda: pictures.to_uint8(run.sample(session.best.seed, config.eval_num))
  value = session.best.consider(step, session.state, draw)
  return {f'evaluation/{config.eval_metric}': jax.numpy.float32(value)}


def _save(session: Session, step: int, ending: int, *, lasting: bool) -> None:
  """A checkpoint, which is waited for at the end or where a signal asked to stop."""
  session.checkpoints.save(step, session.state, lasting=lasting, wait=bool(ending))
  if step < session.config.length and ending:
    raise Stopped(ending, step)


def _roll_back(session: Session, journal: Journal, step: int) -> int:
  """Back to the newest lasting checkpoint, to go on by other random numbers; its step.

  These lie where they would had nothing ever stopped the run, and so it ends the same.
  """
  row = int(session.state.skipped[1])
  session.checkpoints.retract()
  session.state = guard.anew(session.restore(), session.state)
  start = int(session.state.step)
  said = f'{row} steps in a row up to step {step} were not finite'
  if guard.returns(session.state) > RETURNS:
    raise Diverged(
      f'{said}, as after {RETURNS} returns to step {start}: try lower learning rates or a stronger '
      'penalty in another --workdir'
    )
  journal.rewind(start, rolled_back_from=step)
  session.say(f'{said}: back to step {start}, with other random numbers')
  return start


def _next_stage(session: Session, number: int) -> TrainState:
  """The state at the start of a stage, all that fits carried over."""
  key = jax.random.fold_in(jax.random.key(session.config.seed), number)
  stage = session.recipe.stages[number]
  first = stages.first_state(stage, key, devices.replicated(session.mesh))
  return stages.passage(session.state, first, stage.fresh)


def batches(
  session: Session, microbatches: int, step: int
) -> Generator[dict[str, np.ndarray], None, None]:
  """This host's batches from a step on."""
  return data.batches(
    session.source,
    batch_size=session.config.batch_size,
    microbatches=microbatches,
    seed=session.config.seed,
    start_step=step,
    host=jax.process_index(),
    hosts=jax.process_count(),
  )


def _picture(session: Session, step: int) -> None:
  """Samples of the same latents, or images, each time, and the curves so far."""
  if not hosts.first():
    return
  key, columns = jax.random.key(session.config.seed + 1), 8
  if session.recipe.show:
    rows = session.run.show(_shown(session), key)
    samples, columns = rows.reshape(-1, *rows.shape[2:]), rows.shape[1]
  else:
    samples = session.run.grid(key)
  pictures.save_grid(session.folder / 'samples' / f'{step:06d}.png', samples, columns)
  if step:
    pictures.save_curves(session.folder / 'curves.png', session.folder / METRICS)


def _shown(session: Session) -> Batch:
  """Some images of the data set, the same each time."""
  options: Any = dict(batch_size=SHOWN, microbatches=1, seed=session.config.seed)
  with contextlib.closing(data.batches(session.source, **options)) as stream:
    return devices.scaled({name: jnp.asarray(x[0]) for name, x in next(stream).items()})


def _agree(config: Config, source: Source, folder: pathlib.Path) -> None:
  """Write what the run is set to, or check that it is what it was.

  Raises:
    ValueError: it is not, with the differences.
  """
  new = to_json(config)
  if (folder / CONFIG).exists():
    old = workdir.read_config(folder / CONFIG)
    fixed = lambda values: {k: v for k, v in values.items() if k not in MAY_CHANGE}
    workdir.same(folder, workdir.diff(fixed(old), fixed(new)))
    if reason := config.bound_to_length():
      length = lambda values: {k: values[k] for k in LENGTH}
      changed = workdir.diff(length(old), length(new))
      workdir.same(folder, [*changed, f'({reason})'] if changed else [])
  about = {'spec': list(source.spec), 'count': len(source), 'fingerprint': source.fingerprint}
  _same_data(config, folder, about)
  workdir.write_config(folder / CONFIG, new)
  workdir.write_config(folder / DATA, about)


def _same_data(config: Config, folder: pathlib.Path, about: dict[str, Any]) -> None:
  """Raises ValueError where a run would go on with other images than it began with."""
  if not (folder / DATA).exists():
    return
  if changed := workdir.diff(workdir.read_config(folder / DATA), about):
    images = config.folder or config.dataset
    raise ValueError(
      f'the images of {images} changed since {folder} began (then -> now):\n'
      + '\n'.join(f'  {line}' for line in changed[:6])
      + '\nput them back as they were, or give another --workdir'
    )


def _warn(text: str) -> None:
  if hosts.first():
    print(f'jaxgan: {text}', file=sys.stderr)
