"""The signals of a run in training: when they are due, and the images that they look at."""

import contextlib
import dataclasses
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import jax

from jaxgan import data
from jaxgan.core.game import Game
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Batch, Logs, Tree
from jaxgan.data import Source
from jaxgan.diagnosis import signals
from jaxgan.parallel import devices
from jaxgan.recipes import stages
from jaxgan.training.session import Session, held_out

FEWEST = 16
"""Images that signals look at, at least: a batch of one has no distances."""
_NO_MEMORY = 1e-9
"""The memory limit, in GiB, at which held-out images stay on the disk."""


_POOL = ThreadPoolExecutor(1, 'signals')
"""Compiles; its thread begins with the first program."""


def _shape(x: jax.Array) -> jax.ShapeDtypeStruct:
  return jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding)


class Vitals:
  """Computes the signals of a session every `signals.rhythm(config.log_every)` steps.

  Every process computes them at the same steps, since a program of all devices is played by all.
  Programs and images are made only for steps that the run will reach. In a run of one process the
  program is compiled beside the first steps, so that the training does not wait for it; several
  processes compile in the same order, thus at the first use.
  """

  def __init__(self, session: Session) -> None:
    self._session = session
    self._every = signals.rhythm(session.config.log_every)
    self._programs: dict[int, Future[signals.Program]] = {}
    self._batches: list[Batch] = []
    self._stage = -1
    self._beside = jax.process_count() == 1

  def before(self, step: int) -> Mapping[str, Tree] | None:
    """Return a copy of the parameters before a step after which signals are due, else None."""
    if step % self._every == 0:
      return signals.copied(self._session.state.params)
    if self._beside:
      self._prepare(step)
    return None

  def after(self, before: Mapping[str, Tree] | None, step: int) -> Logs:
    """Return the signals after step number `step`, the first is 0; `before` is what it returned."""
    if before is None:
      return {}
    session = self._session
    number = stages.index(session.recipe, step)
    return self._signals(number, session.recipe.stages[number].game, before, session.state)

  def _prepare(self, step: int) -> None:
    """Begin to compile the program of a step's stage, if signals will be due in this stage."""
    session = self._session
    number, due = stages.index(session.recipe, step - 1), -(-step // self._every) * self._every
    reached = due <= session.config.length and stages.index(session.recipe, due - 1) == number
    new, self._stage = number != self._stage, number
    if new or number in self._programs or not reached:  # a first state may lie elsewhere
      return
    self._batches = self._batches or self._images()
    shapes = jax.tree.map(_shape, (session.state, self._batches[0]))
    game = session.recipe.stages[number].game
    self._programs[number] = _POOL.submit(signals.compiled, game, *shapes)

  def _signals(
    self, number: int, game: Game, before: Mapping[str, Tree], state: TrainState
  ) -> Logs:
    self._batches = self._batches or self._images()
    if number not in self._programs:
      self._programs[number] = Future()
      self._programs[number].set_result(signals.program(game))
    program = self._programs[number].result()
    found, *held = [program(state, batch) for batch in self._batches]
    for name, logit in list(found.items()):
      if name.startswith('critic/logit'):
        domain = name.removeprefix('critic/logit')
        del found[name]
        for other in held:
          found[f'critic/held_out{domain}'] = other[name]
          gap = found[f'critic/gap{domain}']
          found[f'critic/overfit{domain}'] = (logit - other[name]) / gap
    return {**signals.movement(game, before, state), **found}

  def _images(self) -> list[Batch]:
    """Return a batch of the training images and, if there are any, one of held-out images."""
    config, source = self._session.config, self._session.source
    other = held_out(dataclasses.replace(config, in_memory_limit=_NO_MEMORY), source)
    return [self._batch(source)] + ([self._batch(other)] if other else [])

  def _batch(self, source: Source) -> Batch:
    """Return the first batch of some images, on all devices."""
    config = self._session.config
    stream = data.batches(
      source,
      batch_size=config.batch_size * -(-FEWEST // config.batch_size),
      microbatches=1,
      seed=config.seed,
      host=jax.process_index(),
      hosts=jax.process_count(),
    )
    with contextlib.closing(stream):
      placed = devices.place(self._session.mesh, next(stream))
    return {name: x[0] for name, x in placed.items()}
