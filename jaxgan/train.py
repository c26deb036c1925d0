"""Training: from a config and a work directory to a run, or from a run on to its end."""

import contextlib
import dataclasses
import pathlib
import signal
import sys
from collections.abc import Generator, Iterator
from typing import Any

import jax
import numpy as np

from jaxgan import data, devices, pictures, stages, variants, workdir
from jaxgan.checkpoint import Checkpoints
from jaxgan.config import LENGTH, MAY_CHANGE, Config, to_json
from jaxgan.data import Source
from jaxgan.game import Game, TrainState, played
from jaxgan.journal import Journal
from jaxgan.recipe import Recipe
from jaxgan.run import CHECKPOINTS, CONFIG, DATA, METRICS, Run


class Refused(ValueError):
  """Options, data or work directory do not fit together; nothing was changed."""


class Stopped(Exception):
  """A signal asked the run to stop; the step it had reached is saved."""

  def __init__(self, signum: int, step: int):
    super().__init__(f'stopped by {signal.Signals(signum).name} at step {step}, which is saved')
    self.signum = signum


@dataclasses.dataclass
class Session:
  """A run that is ready to be played: what it needs, and where it stands."""

  config: Config
  folder: pathlib.Path
  source: Source
  recipe: Recipe
  mesh: jax.sharding.Mesh
  checkpoints: Checkpoints
  state: TrainState
  quiet: bool = False

  @property
  def run(self) -> Run:
    """The run as it stands."""
    return Run(self.config, self.source.spec, self.recipe, self.state)

  def say(self, text: str) -> None:
    """A line for whoever watches."""
    if not self.quiet:
      print(f'jaxgan: {text}', flush=True)


def train(config: Config, folder: str | pathlib.Path, *, quiet: bool = False) -> Run:
  """Train to the config's length, or carry on where the work directory stands; returns the run.

  The directory then holds `config.json`, `data.json`, `metrics.jsonl`, `checkpoints/`,
  `samples/<step>.png` and `curves.png`.

  Raises:
    Refused: options, data or a work directory that do not fit together; a ValueError.
    Stopped: on SIGINT or SIGTERM, with the step saved.
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
  if config.compilation_cache:
    devices.cache_programs()
  mesh = devices.mesh(config.batch_size)
  placed = devices.replicated(mesh)
  source = open_data(config)
  resolved: Any = dict(image_size=source.spec.size, channels=source.spec.channels)
  config = dataclasses.replace(config, **resolved)
  recipe = variants.build(config, source.spec)
  shapes = lambda step: stages.abstract(recipe, step, placed)
  shapes(0)  # finds what the networks cannot do
  stack.enter_context(contextlib.closing(workdir.lock(folder)))
  _agree(config, source, folder)
  checkpoints = stack.enter_context(Checkpoints(folder / CHECKPOINTS, keep_latest=config.keep))
  restored = checkpoints.restore(shapes, log=lambda text: print(f'jaxgan: {text}', file=sys.stderr))
  start = lambda: stages.first_state(recipe.stages[0], jax.random.key(config.seed), placed)
  state = restored[1] if restored else start()
  return Session(config, folder, source, recipe, mesh, checkpoints, state)


def open_data(config: Config, split: str = 'train') -> Source:
  """The data set of a config."""
  return data.load(
    config.dataset,
    split=split,
    image_size=config.image_size,
    channels=config.channels,
    data_dir=config.data_dir,
    folder=config.folder,
    in_memory_limit=int(config.in_memory_limit * 2**30),
  )


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
    session.folder / METRICS,
    step=step,
    length=config.length,
    images_per_step=config.images_per_step,
    quiet=session.quiet,
  )
  with contextlib.closing(journal), signals() as asked:
    if step == 0:
      _picture(session, 0)
    while step < config.length:
      step = _play_stage(session, journal, asked)
  return session.run


def _play_stage(session: Session, journal: Journal, asked: list[int]) -> int:
  """Play to the end of the stage or the run; the step reached."""
  config, step = session.config, int(session.state.step)
  number = stages.index(session.recipe, step)
  game = session.recipe.stages[number].game
  advance = devices.compile_step(game, session.mesh)
  with contextlib.closing(batches(session, game.microbatches, step)) as stream:
    while step < config.length and stages.index(session.recipe, step) == number:
      batch = devices.place(session.mesh, next(stream))
      with jax.transfer_guard('disallow'):
        session.state, logs = advance(session.state, batch)
      step += 1
      if stages.index(session.recipe, step) != number:
        session.state = _next_stage(session, number + 1)
      _record(session, game, step, logs, journal)
      _keep(session, step, asked)
  return step


def _record(session: Session, game: Game, step: int, logs: Any, journal: Journal) -> None:
  """Logs and pictures, where they are due after a step."""
  config, last = session.config, step == session.config.length
  journal.tick()
  if step % config.log_every == 0 or last:
    journal.write(step, played(game, step - 1, logs))
  if step % config.sample_every == 0 or last:
    journal.flush()
    _picture(session, step)


def _keep(session: Session, step: int, asked: list[int]) -> None:
  """A checkpoint, where one is due or a signal asked to stop."""
  last = step == session.config.length
  if step % session.config.checkpoint_every == 0 or last or asked:
    session.checkpoints.save(step, session.state, wait=last or bool(asked))
  if asked and not last:
    raise Stopped(asked[0], step)


def _next_stage(session: Session, number: int) -> TrainState:
  """The state at the start of a stage, all that fits carried over."""
  key = jax.random.fold_in(jax.random.key(session.config.seed), number)
  stage = session.recipe.stages[number]
  fresh = stages.first_state(stage, key, devices.replicated(session.mesh))
  return stages.passage(session.state, fresh)


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
  """Samples of the same latents each time, and the curves so far."""
  samples = session.run.grid(jax.random.key(session.config.seed + 1))
  pictures.save_grid(session.folder / 'samples' / f'{step:06d}.png', samples, columns=8)
  if step:
    pictures.save_curves(session.folder / 'curves.png', session.folder / METRICS)


def _agree(config: Config, source: Source, folder: pathlib.Path) -> None:
  """Write what the run is set to, or check that it is what it was.

  Raises:
    ValueError: it is not, with the differences.
  """
  new = to_json(config)
  if (folder / CONFIG).exists():
    old = workdir.read_config(folder / CONFIG)
    fixed = lambda values: {k: v for k, v in values.items() if k not in MAY_CHANGE}
    _same(folder, workdir.diff(fixed(old), fixed(new)))
    if config.schedule != 'constant':
      length = lambda values: {k: values[k] for k in LENGTH}
      reason = f'(the {config.schedule} schedule of the learning rates depends on the length)'
      changed = workdir.diff(length(old), length(new))
      _same(folder, [*changed, reason] if changed else [])
  workdir.write_config(folder / CONFIG, new)
  about = {'spec': list(source.spec), 'count': len(source), 'fingerprint': source.fingerprint}
  workdir.write_config(folder / DATA, about)


def _same(folder: pathlib.Path, differences: list[str]) -> None:
  if not differences:
    return
  shown = [f'  {line}' for line in differences[:6]]
  shown += [f'  and {len(differences) - 6} more'] * (len(differences) > 6)
  raise ValueError(
    f'{folder} holds a run of another config (there -> here):\n'
    + '\n'.join(shown)
    + '\ngive these as they were, or another --workdir'
  )


@contextlib.contextmanager
def signals() -> Iterator[list[int]]:
  """Collects SIGINT and SIGTERM while it lasts; a second signal acts as if nobody listened."""
  asked: list[int] = []
  before: dict[int, Any] = {}

  def restore() -> None:
    for kind, handler in before.items():
      signal.signal(kind, handler)

  def listen(signum: int, frame: Any) -> None:
    asked.append(signum)
    restore()

  with contextlib.suppress(ValueError):  # not the main thread: signals go elsewhere
    for kind in (signal.SIGINT, signal.SIGTERM):
      before[kind] = signal.signal(kind, listen)
  try:
    yield asked
  finally:
    restore()
