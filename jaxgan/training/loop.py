"""Training: from a config and a work directory to a run, or from a run on to its end."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable, Generator, Mapping
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import data
from jaxgan.core import guard
from jaxgan.core.game import Game, played
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Batch
from jaxgan.ops.images import to_uint8
from jaxgan.parallel import devices, hosts
from jaxgan.recipes import stages
from jaxgan.recipes.config import Common, Scores, part
from jaxgan.storage import figures
from jaxgan.training import divergence
from jaxgan.training.metrics_log import Journal
from jaxgan.training.run import METRICS, Run
from jaxgan.training.session import SHOWN, Data, Refused, Session, prepared
from jaxgan.training.signals import Asked, Stopped, heard

RETURNS = 3
"""How often a run that diverged starts again from one checkpoint."""


class Diverged(RuntimeError):
  """Steps are not finite, from whatever random numbers; the last checkpoint is as it was."""


@dataclasses.dataclass(frozen=True)
class Progress:
  """What the callback of `train` gets for each line of the log.

  Logs are read when the device has computed them, so that it never waits: the callback comes a few
  steps after the step that it is about.

  Args:
    step: the step that was logged.
    length: the step at which the run ends.
    metrics: the line of `metrics.jsonl`, by name, such as 'critic/loss'; NaN where the value was
      not finite.
    run: call it for the run as it stands now, a few steps after `step` (`run().step` says which).
      It is a copy, which may be kept, and costs as much memory as the run's state.
  """

  step: int
  length: int
  metrics: Mapping[str, float]
  run: Callable[[], Run] = dataclasses.field(repr=False)


Callback = Callable[[Progress], None]


class Stop(Protocol):
  """Asks a run to stop, from any thread; `threading.Event` is one."""

  def is_set(self) -> bool:
    """Whether the run shall stop."""


def train(
  config: Common,
  folder: str | pathlib.Path,
  *,
  quiet: bool = False,
  data: Data | None = None,
  callback: Callback | None = None,
  stop: Stop | None = None,
) -> Run:
  """Train to the config's length, or carry on where the work directory stands.

  The directory then holds `config.json`, `data.json`, `metrics.jsonl`, `checkpoints/`,
  `samples/<step>.png` and `curves.png`.

  Args:
    config: what `configure` returns.
    folder: the work directory. A run that it holds already is carried on, to the same bits as if it
      had never stopped.
    quiet: print nothing.
    data: images of one's own, in place of the config's data set: uint8 `[n, size, size, channels]`
      from 0 to 255, the pair of these and integer labels `[n]`, or what `jaxgan.data.from_arrays`
      returns. The config then says `dataset='arrays'`. The arrays are not stored in the folder:
      to carry on, give the same ones again; others are refused.
    callback: called with a `Progress` for each line of the log, every `log_every` steps, in the
      thread that trains; the training waits until it returns. An exception that it raises ends the
      training.
    stop: looked at once a step; when `stop.is_set()`, as of a `threading.Event` that another thread
      sets, the step is saved and the run returned. For a run of one process.

  Returns:
    The run at its last step, or at the step where `stop` was set.

  Raises:
    Refused: options, data or a work directory that do not fit together; a ValueError.
    Stopped: on SIGINT or SIGTERM, with the step saved.
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
  with prepared(config, folder, quiet=quiet, data=data) as session:
    return play(session, callback, stop)


class _Halted(Exception):
  """The run was asked to stop by `stop`, and its step is saved."""


HALT = -1
"""In place of a signal's number: `stop` was set."""


def play(session: Session, callback: Callback | None = None, stop: Stop | None = None) -> Run:
  """Play from where the session stands to the end of its length; see `train`.

  Raises:
    Refused: `stop` in a run of several processes.
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
  journal = Journal(
    session.folder / METRICS if hosts.first() else None,
    step=step,
    length=config.length,
    images_per_step=config.images_per_step,
    quiet=session.quiet or not hosts.first(),
    follow=None if callback is None else _following(session, callback),
  )
  with contextlib.suppress(_Halted), contextlib.closing(journal), heard() as signalled:
    asked = lambda: signalled() or (HALT if stop is not None and stop.is_set() else 0)
    if step == 0:
      _picture(session, 0)
    while step < config.length:
      step = _play_stage(session, journal, asked)
  return session.run


def _following(session: Session, callback: Callback) -> Callable[[dict[str, float]], None]:
  """What the journal calls with each line."""

  def run() -> Run:
    now = session.run
    return dataclasses.replace(now, state=jax.tree.map(jnp.copy, now.state))  # for donation

  def follow(line: dict[str, float]) -> None:
    metrics = {name: value for name, value in line.items() if name != 'step'}
    callback(Progress(int(line['step']), session.config.length, metrics, run))

  return follow


def _play_stage(session: Session, journal: Journal, asked: Asked) -> int:
  """Play to the end of the stage or the run, or to where it has to go back; the step reached."""
  config, step = session.config, int(session.state.step)
  number = stages.index(session.recipe, step)
  game = session.recipe.stages[number].game
  advance, watch = session.step_of(number), divergence.Watch()
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
  judged = session.best is not None and (last or step % part(config, Scores).eval_every == 0)
  if step % config.log_every == 0 or last or judged:
    score = _judged(session, step) if judged else {}
    journal.write(step, {**played(game, step - 1, logs), **score})
  if step % config.sample_every == 0 or last:
    journal.flush()
    _picture(session, step)


def _judged(session: Session, step: int) -> dict[str, jax.Array]:
  """The score at a step, for the journal."""
  assert session.best is not None
  scores, run = part(session.config, Scores), session.run
  draw = lambda: to_uint8(run.sample(session.best.key, scores.eval_num))
  value = session.best.consider(step, session.state, draw)
  return {f'evaluation/{scores.eval_metric}': jax.numpy.float32(value)}


def _save(session: Session, step: int, ending: int, *, lasting: bool) -> None:
  """A checkpoint, which is waited for at the end or where a signal asked to stop."""
  session.checkpoints.save(step, session.state, lasting=lasting, wait=bool(ending))
  if step < session.config.length and ending == HALT:
    raise _Halted
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
  figures.save_grid(session.folder / 'samples' / f'{step:06d}.png', samples, columns)
  if step:
    figures.save_curves(session.folder / 'curves.png', session.folder / METRICS)


def _shown(session: Session) -> Batch:
  """Some images of the data set, the same each time."""
  options: Any = dict(batch_size=SHOWN, microbatches=1, seed=session.config.seed)
  with contextlib.closing(data.batches(session.source, **options)) as stream:
    return devices.scaled({name: jnp.asarray(x[0]) for name, x in next(stream).items()})
