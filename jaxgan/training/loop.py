"""The training loop: trains a new run, or continues a run to its end."""

import contextlib
import dataclasses
import itertools
import pathlib
from collections.abc import Callable, Generator, Mapping
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import data
from jaxgan.core import console, guard
from jaxgan.core.game import Game, played
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Batch, Key, Logs
from jaxgan.data import tables
from jaxgan.diagnosis.alarms import Alarms
from jaxgan.ops.images import to_uint8
from jaxgan.parallel import devices, hosts
from jaxgan.recipes import stages
from jaxgan.recipes.config import Common, Mirrored, Scores
from jaxgan.recipes.option_groups import part
from jaxgan.recipes.types import Translator
from jaxgan.storage import curves, figures, histograms
from jaxgan.storage.workdir import CURVES, METRICS, SAMPLES
from jaxgan.training import divergence
from jaxgan.training.calls import Calls
from jaxgan.training.metrics_log import STOPPED, Journal
from jaxgan.training.run import Run
from jaxgan.training.session import SHOWN, Data, Refused, Session, prepared
from jaxgan.training.signals import HALT, TIME, Asked, Stopped, heard
from jaxgan.training.start import Source
from jaxgan.training.vitals import Vitals

ROWS = 1000
"""Rows of a table in a picture, of real and of generated ones each."""
RETURNS = 3
"""How often a diverged run starts again from the same checkpoint before it fails."""


class Diverged(RuntimeError):
  """Training diverged, also with other random numbers; the last checkpoint is unchanged."""


@dataclasses.dataclass(frozen=True)
class Progress:
  """The argument of the callback of `train`, one for each line of the log.

  Logs are read when the device has computed them, so that the device never waits. The callback is
  therefore called a few steps after the step that was logged.

  Args:
    step: the step that was logged.
    length: the step at which the run ends.
    metrics: the line of `metrics.jsonl`, by name, such as 'critic/loss'; NaN where the value was
      not finite.
    run: `run()` returns a copy of the run as it is now, a few steps after `step`: see
      `run().step`. You may keep the copy; it needs as much memory as the run's state.
  """

  step: int
  length: int
  metrics: Mapping[str, float]
  run: Callable[[], Run] = dataclasses.field(repr=False)


Callback = Callable[[Progress], None]


class Stop(Protocol):
  """An object that can ask a run to stop from any thread, such as `threading.Event`."""

  def is_set(self) -> bool:
    """Return whether the run should stop."""


def train(
  config: Common,
  folder: str | pathlib.Path,
  *,
  quiet: bool = False,
  data: Data | None = None,
  callback: Callback | None = None,
  stop: Stop | None = None,
  start_from: Source | None = None,
  start_optimizer: bool = False,
) -> Run:
  """Train a run to the config's length; continue it if the work directory already holds it.

  The directory then holds `config.json`, `data.json`, `metrics.jsonl`, `checkpoints/`,
  `samples/<step>.png`, `samples.gif`, `curves.png` and `report.html`. A run that stops before its
  end (by `stop`, a signal, or the config's `minutes`) saves its last step and draws it too;
  after a signal the report has no diagnosis.

  Args:
    config: what `configure` returns.
    folder: the work directory. A run that continues gives bit for bit the same result as one that
      never stopped.
    quiet: print nothing.
    data: your own images, in place of the config's data set: uint8 `[n, size, size, channels]` from
      0 to 255, a pair of these and integer labels `[n]`, or the result of
      `jaxgan.data.from_arrays`. The config then has `dataset='arrays'`. The arrays are not stored
      in the folder: give the same ones again to continue; others are refused.
    callback: called with a `Progress` for each line of the log, every `log_every` steps, in the
      thread that trains; the training waits until it returns. An exception that it raises ends the
      training.
    stop: checked once per step, for example a `threading.Event` that another thread sets. When
      `stop.is_set()`, the step is saved and the run is returned. Only for a run of one process.
    start_from: another run, a work directory or a `Run`: this one begins with its arrays that fit
      by name and shape, whatever the data and options. A run that continues needs it no more.
    start_optimizer: take the state of the optimizers as well.

  Returns:
    The run at its last step, or at the step where `stop` was set or the minutes were over.

  Raises:
    Refused: options, data and work directory do not fit together; it is a ValueError.
    Stopped: a signal asked to stop (`training.signals.NAMES`); the step is saved.
    Diverged: ten steps in a row were not finite, and again after each of three returns to the last
      checkpoint.

  Example:
    >>> import jaxgan, numpy as np
    >>> images = np.random.default_rng(0).integers(0, 256, (64, 8, 8, 1), np.uint8)
    >>> config = jaxgan.configure('gan', steps=4, log_every=2, widths=(8,))
    >>> run = jaxgan.train(
    ...   config, 'runs/own', data=images, quiet=True, callback=lambda now: print(now.step)
    ... )
    2
    4
    >>> run.step, run.config.dataset
    (4, 'arrays')
  """
  start = start_from, start_optimizer
  with prepared(config, folder, quiet=quiet, data=data, start=start) as session:
    return play(session, callback, stop)


class _Halted(Exception):
  """Raised when `stop` or `minutes` asked the run to stop; its step is saved."""


def play(session: Session, callback: Callback | None = None, stop: Stop | None = None) -> Run:
  """Train from the session's step to its length; see `train`.

  Raises:
    Refused: `stop` was given in a run of several processes.
  """
  if stop is not None and jax.process_count() > 1:
    raise Refused('stop= is for a run of one process: send SIGTERM to one of these processes')
  config, step = session.config, int(session.state.step)
  if step >= config.length:
    session.say(f'{session.folder} is at step {step} of {config.length}: nothing left to do')
    return session.run
  session.say(
    f'{session.folder}: {config.variant} on {config.dataset}, step {step} of {config.length}'
  )
  if session.recipe.conditional:
    session.say(session.source.class_table())
  journal = Journal(
    session.folder / METRICS if hosts.first() else None,
    step=step,
    length=config.length,
    images_per_step=config.images_per_step,
    quiet=session.quiet or not hosts.first(),
    follow=_following(session, callback),
    watch=Alarms(config) if config.warnings else None,
  )
  session.open_outputs(step)
  until = session.began + 60 * (config.minutes or float('inf'))
  closing = contextlib.closing
  with (
    closing(session.sinks),
    contextlib.suppress(_Halted),
    closing(journal),
    heard(until) as signalled,
  ):
    asked = lambda: signalled() or (HALT if stop is not None and stop.is_set() else 0)
    if step == 0:
      _picture(session, 0)
    vitals = Vitals(session)
    try:
      while step < config.length:
        step = _play_stage(session, journal, asked, vitals)
    except (Stopped, Diverged):
      if session.showing:  # after the last step is saved
        session.showing.leave()
      raise
  if session.showing:
    session.showing.finish(session.source)
  return session.run


def _following(session: Session, callback: Callback | None) -> Callable[[dict[str, float]], None]:
  """Return the function that the journal calls with each line."""

  def run() -> Run:
    now = session.run
    state = jax.tree.map(jnp.copy, now.state)  # the next step consumes the original
    return dataclasses.replace(now, state=state)

  def follow(line: dict[str, float]) -> None:
    session.sinks.line(line)
    if callback is None:
      return
    metrics = {name: value for name, value in line.items() if name != 'step'}
    callback(Progress(int(line['step']), session.config.length, metrics, run))

  return follow


def _play_stage(session: Session, journal: Journal, asked: Asked, vitals: Vitals) -> int:
  """Train to the end of the stage or run, or until it diverges; return the step reached."""
  config, step = session.config, int(session.state.step)
  number = stages.index(session.recipe, step)
  game = session.recipe.stages[number].game
  calls, watch = Calls(session, number), divergence.Watch()
  with contextlib.closing(batches(session, game.microbatches, step)) as stream:
    while step < config.length and stages.index(session.recipe, step) == number:
      count = calls.next(step, sound=watch.sound)
      advance = session.steps.of(number, count)
      batch = devices.place(session.mesh, *itertools.islice(stream, count))
      before = vitals.before(step + count)
      advance.ready(session.state, batch, quiet=session.quiet)
      with jax.transfer_guard('disallow'):
        session.state, logs = advance(session.state, batch)
      logs |= vitals.after(before, step)
      step += count
      if stages.index(session.recipe, step) != number:
        session.state = _next_stage(session, number + 1)
      ending = asked() or step == config.length
      due = step % config.checkpoint_every == 0
      if watch.diverged(logs.pop(guard.IN_A_ROW), now=due or bool(ending)):
        return _roll_back(session, journal, step)
      journal.tick(count)
      _record(session, game, step, logs, journal, ending=bool(ending))
      if ending:
        journal.flush()
      if ending or due:  # before the picture: whoever sends a signal may not wait for long
        session.checkpoints.save(
          step, session.state, lasting=due and watch.sound, wait=bool(ending)
        )
      if ending or step % config.sample_every == 0:
        journal.flush()
        _picture(session, step)
      if ending and step < config.length:
        _stop(session, step, ending)
  return step


def _record(
  session: Session, game: Game, step: int, logs: Logs, journal: Journal, *, ending: bool
) -> None:
  """Write logs if they are due after a step, or if the run ends there."""
  config, last = session.config, step == session.config.length
  judged = session.best is not None and (last or step % part(config, Scores).eval_every == 0)
  if step % config.log_every == 0 or last or judged:
    score = _judged(session, step) if judged else {}
    journal.write(step, {**played(game, step - 1, logs), **score})
  elif ending:
    journal.write(step, played(game, step - 1, logs), **{STOPPED: 1})


def _judged(session: Session, step: int) -> dict[str, jax.Array]:
  """Return the score at a step, for the journal."""
  assert session.best is not None
  scores, run = part(session.config, Scores), session.run
  draw = lambda: to_uint8(run.sample(session.best.key, scores.eval_num))
  value = session.best.consider(step, session.state, draw)
  return {f'evaluation/{scores.eval_metric}': jax.numpy.float32(value)}


def _stop(session: Session, step: int, reason: int) -> None:
  """Raise the exception that ends the run after a step, which is saved."""
  if reason == TIME:
    session.say(
      f'{session.config.minutes:g} minutes are over at step {step} of {session.config.length}, '
      'which is saved: the same command continues'
    )
  if reason in (HALT, TIME):
    raise _Halted
  raise Stopped(reason, step)


def _roll_back(session: Session, journal: Journal, step: int) -> int:
  """Return to the newest lasting checkpoint, with other random numbers; return its step.

  Lasting checkpoints do not depend on when a run was stopped, so a run that stopped and continued
  returns to the same step.
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
  session.sinks.rewind(start)
  session.say(f'{said}: back to step {start}, with other random numbers')
  return start


def _next_stage(session: Session, number: int) -> TrainState:
  """Return the first state of a stage, with all values of the old state that fit."""
  key = jax.random.fold_in(jax.random.key(session.config.seed), number)
  stage = session.recipe.stages[number]
  first = stages.first_state(stage, key, devices.replicated(session.mesh))
  return stages.passage(session.state, first, stage.fresh)


def batches(
  session: Session, microbatches: int, step: int
) -> Generator[dict[str, np.ndarray], None, None]:
  """Return this host's batches, beginning with a given step."""
  return data.batches(
    session.source,
    batch_size=session.config.batch_size,
    microbatches=microbatches,
    seed=session.config.seed,
    start_step=step,
    host=jax.process_index(),
    hosts=jax.process_count(),
    mirror=part(session.config, Mirrored).mirror,
  )


def _picture(session: Session, step: int) -> None:
  """Save samples of always the same latents or images, and the curves so far.

  A picture is not worth a run: if it cannot be written, a line says so.
  """
  if hosts.first():
    try:
      _draw(session, step)
    except OSError as error:
      reason = f'{session.folder}: no picture of step {step}: {error.strerror or error}'
      console.say(f'jaxgan: {reason}; training goes on', error=True)


def _draw(session: Session, step: int) -> None:
  key = jax.random.key(session.config.seed + 1)
  path = session.folder / SAMPLES / f'{step:06d}.png'
  if session.source.spec.columns:
    _draw_columns(session, path, key)
  else:
    figures.save_grid(path, *_drawn(session, key))
  session.sinks.picture(step, path)
  if step:
    curves.save(session.folder / CURVES, session.folder / METRICS)
  if step and step < session.config.length and session.showing:
    session.showing.refresh()


def _drawn(session: Session, key: Key) -> tuple[np.ndarray, int]:
  """Return the images of a picture, and how many stand in a row."""
  if isinstance(session.recipe.interface, Translator):
    rows = session.run.show(_shown(session), key)
    return rows.reshape(-1, *rows.shape[2:]), rows.shape[1]
  return session.run.grid(key), 8


def _draw_columns(session: Session, path: pathlib.Path, key: Key) -> None:
  """Draw histograms of real and of generated rows, as many of each."""
  source = session.source
  chosen = data.pipeline.permutation(len(source), 0, 0)[:ROWS]
  rows = {'real': source.images(chosen), 'generated': session.run.sample(key, len(chosen))}
  columns = source.spec.columns
  cells = {name: tables.decoded(columns, each) for name, each in rows.items()}
  histograms.save(path, columns, cells)


def _shown(session: Session) -> Batch:
  """Return some images of the data set, always the same."""
  seed = session.config.seed
  stream = data.batches(session.source, batch_size=SHOWN, microbatches=1, seed=seed)
  with contextlib.closing(stream):
    return devices.scaled({name: jnp.asarray(x[0]) for name, x in next(stream).items()})
