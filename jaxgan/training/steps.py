"""The compiled steps of a run: the first is compiled while the run makes its first state."""

import dataclasses
from concurrent.futures import Future, ThreadPoolExecutor

import jax

from jaxgan import data
from jaxgan.core import progress
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Batch, Logs, Tree
from jaxgan.data import Source
from jaxgan.ops.native import Kernels
from jaxgan.parallel import devices
from jaxgan.parallel.devices import Advance
from jaxgan.recipes import stages
from jaxgan.recipes.accumulation import parts_of
from jaxgan.recipes.config import Common
from jaxgan.recipes.types import Recipe, Stage

_POOL = ThreadPoolExecutor(1, 'steps')
"""Compiles; its thread begins with the first program."""


@dataclasses.dataclass
class Steps:
  """The training steps of the stages of a recipe, each compiled once.

  In a run of several processes a step is compiled at its first call, in all of them together.

  Args:
    recipe: the stages.
    mesh: the devices.
    kernels: those that convolutions use; set before the first step is compiled.
  """

  recipe: Recipe
  mesh: jax.sharding.Mesh
  kernels: Kernels | None = None
  _made: dict[tuple[int, int], 'Step'] = dataclasses.field(default_factory=dict, init=False)

  def begin(self, stage: int, state: Tree, batch: Tree) -> None:
    """Begin to compile the step of a stage in a thread; the arguments have at least shapes."""
    if jax.process_count() == 1:
      self.of(stage).begin(state, batch)

  def of(self, stage: int, count: int = 1) -> 'Step':
    """Return the training step of a stage, or so many of them as one."""
    if (stage, count) not in self._made:
      game = self.recipe.stages[stage].game
      step = devices.compile_step(game, self.mesh, count, self.kernels)
      self._made[stage, count] = Step(step)
    return self._made[stage, count]


@dataclasses.dataclass
class Step:
  """A jitted training step, whose program is compiled in a thread."""

  jitted: Advance
  _program: Future[Advance] | None = dataclasses.field(default=None, init=False)
  _ready: bool = dataclasses.field(default=False, init=False)

  def begin(self, state: Tree, batch: Tree) -> None:
    """Begin to compile, for arrays of these shapes, unless that was begun before."""
    if self._program is not None:
      return
    shapes = jax.tree.map(_shape, (state, batch))
    self._program = _POOL.submit(devices.compiled, self.jitted, *shapes)

  @property
  def compiled(self) -> bool:
    """Return whether a program that was begun is there, and its compiler did not fail."""
    program = self._program
    return program is not None and program.done() and program.exception() is None

  def ready(self, state: TrainState, batch: Batch, *, quiet: bool = False) -> None:
    """Wait until the program is there, and say what the run waits for, unless quiet."""
    if self._ready or jax.process_count() > 1:
      return
    self._ready = True
    if self._program is None:
      self.begin(state, batch)
    assert self._program is not None
    if quiet:
      self._program.result()
    else:
      progress.during(self._program, 'compiling the training step')

  def __call__(self, state: TrainState, batch: Batch) -> tuple[TrainState, Logs]:
    """Play a step; it consumes (donates) the state."""
    if self._program is not None:
      try:
        return self._program.result()(state, batch)
      except (TypeError, ValueError):  # arrays of another type or place: JAX compiles once more
        self._program = None
    return self.jitted(state, batch)


def _shape(x: jax.Array | jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
  return jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding)


def batch_shapes(
  stage: Stage, config: Common, mesh: jax.sharding.Mesh, source: Source, count: int = 1
) -> Tree:
  """Return shapes, dtypes and places of the batches of a stage, without reading; of one process.

  With `count` they are those of so many steps.
  """
  sizes = dict(batch_size=config.batch_size, microbatches=stage.game.microbatches)
  return devices.placed_shapes(mesh, data.blank(source, **sizes), count)


def check_parts(config: Common, recipe: Recipe, mesh: jax.sharding.Mesh, source: Source) -> None:
  """Check that batches can be played in the parts of --accumulate.

  Raises:
    ValueError: they do not divide, or something compares the images of a batch.
  """
  parts = parts_of(config)
  if parts == 1:
    return
  if config.batch_size % (parts * mesh.size):
    raise ValueError(
      f'--batch-size={config.batch_size} does not divide into --accumulate={parts} parts on '
      f'{mesh.size} devices: give a multiple of {parts * mesh.size}'
    )
  for stage in recipe.stages:
    batches = batch_shapes(stage, config, mesh, source)
    scaled = jax.eval_shape(devices.scaled, batches)
    stages.check_parts(stage, devices.replicated(mesh), scaled)
