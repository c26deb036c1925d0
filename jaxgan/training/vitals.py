"""The signals of a run in training: when they are due, and the images that they look at."""

import contextlib
import dataclasses
from collections.abc import Mapping

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


class Vitals:
  """Computes the signals of a session every `signals.rhythm(config.log_every)` steps.

  Every process computes them at the same steps, since a program of all devices is played by all.
  Programs and images are made at the first use, so that a short run pays for neither.
  """

  def __init__(self, session: Session):
    self._session = session
    self._every = signals.rhythm(session.config.log_every)
    self._programs: dict[int, signals.Program] = {}
    self._batches: list[Batch] = []

  def before(self, step: int) -> Mapping[str, Tree] | None:
    """Return a copy of the parameters before a step after which signals are due, else None."""
    return signals.copied(self._session.state.params) if step % self._every == 0 else None

  def after(self, before: Mapping[str, Tree] | None, step: int) -> Logs:
    """Return the signals after step number `step`, the first is 0; `before` is what it returned."""
    if before is None:
      return {}
    session = self._session
    number = stages.index(session.recipe, step)
    return self._signals(number, session.recipe.stages[number].game, before, session.state)

  def _signals(
    self, number: int, game: Game, before: Mapping[str, Tree], state: TrainState
  ) -> Logs:
    if number not in self._programs:
      self._programs[number] = signals.program(game)
    self._batches = self._batches or self._images()
    found, *held = [self._programs[number](state, batch) for batch in self._batches]
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
