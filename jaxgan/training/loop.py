"""Training: from a config and a work directory to a run, or from a run on to its end."""

import contextlib
import pathlib
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

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
from jaxgan.recipes.config import Config
from jaxgan.storage import figures
from jaxgan.training import divergence
from jaxgan.training.metrics_log import Journal
from jaxgan.training.run import METRICS, Run
from jaxgan.training.signals import Asked, Stopped, heard

if TYPE_CHECKING:
  pass


from jaxgan.training.session import SHOWN, Session, prepared

RETURNS = 3
"""How often a run that diverged starts again from one checkpoint."""


class Diverged(RuntimeError):
  """Steps are not finite, from whatever random numbers; the last checkpoint is as it was."""


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
  advance, watch = devices.compile_step(game, session.mesh), divergence.Watch()
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
  draw = lambda: to_uint8(run.sample(session.best.key, config.eval_num))
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
  figures.save_grid(session.folder / 'samples' / f'{step:06d}.png', samples, columns)
  if step:
    figures.save_curves(session.folder / 'curves.png', session.folder / METRICS)


def _shown(session: Session) -> Batch:
  """Some images of the data set, the same each time."""
  options: Any = dict(batch_size=SHOWN, microbatches=1, seed=session.config.seed)
  with contextlib.closing(data.batches(session.source, **options)) as stream:
    return devices.scaled({name: jnp.asarray(x[0]) for name, x in next(stream).items()})
