"""The training step on all devices: one program, a copy of the state on each, a split batch.

Under one global `jax.jit`, batch norm and all other means over the batch use the whole batch. So
the same code gives the same results on one device and on many.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxgan.core import game, guard
from jaxgan.core.game import Game
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Batch, Logs, Tree, Variables
from jaxgan.ops import convolution, native
from jaxgan.ops.images import to_unit
from jaxgan.ops.native import Kernels

Advance = Callable[[TrainState, Batch], tuple[TrainState, Logs]]
"""A training step."""


def mesh(batch_size: int, devices: Sequence[jax.Device] | None = None) -> Mesh:
  """Return a mesh of all devices, or of the given ones, along the axis `data`.

  Args:
    batch_size: images of a batch over all devices.
    devices: the devices to use; None: all.

  Raises:
    ValueError: the batch size is not a multiple of the number of devices.
  """
  chosen = jax.devices() if devices is None else devices
  if batch_size % len(chosen):
    raise ValueError(
      f'--batch-size={batch_size} does not divide over {len(chosen)} devices: '
      f'give a multiple of {len(chosen)}'
    )
  return Mesh(np.array(chosen), ('data',), axis_types=(AxisType.Auto,))


def replicated(mesh: Mesh) -> NamedSharding:
  """Return the sharding that keeps the whole value on every device."""
  return NamedSharding(mesh, PartitionSpec())


def place(mesh: Mesh, *batches: Mapping[str, np.ndarray]) -> Batch:
  """Return global arrays of a batch, or of those of several steps; each host gives its own part.

  Args:
    mesh: the devices, over which B is split.
    batches: this host's part, arrays `[microbatches, B, ...]`; those of several steps are stacked.
  """
  put = partial(jax.make_array_from_process_local_data, _split(mesh, len(batches)))
  if len(batches) == 1:
    return jax.tree.map(put, dict(batches[0]))
  return jax.tree.map(lambda *x: put(np.stack(x)), *map(dict, batches))


def placed_shapes(mesh: Mesh, batches: Mapping[str, np.ndarray], count: int = 1) -> Tree:
  """Return shapes, dtypes and places of what `place` makes of `count` batches, in one process."""
  split, steps = _split(mesh, count), (count,) if count > 1 else ()
  like = lambda x: jax.ShapeDtypeStruct((*steps, *x.shape), x.dtype, sharding=split)
  return jax.tree.map(like, dict(batches))


def _split(mesh: Mesh, count: int) -> NamedSharding:
  """Return the sharding of the batches of one step, or of several."""
  return NamedSharding(mesh, PartitionSpec(*[None] * (1 if count == 1 else 2), 'data'))


def local(tree: Tree) -> Tree:
  """Return this process's copy of replicated arrays, on one device."""
  return jax.tree.map(lambda x: x.addressable_data(0), tree)


def scaled(batches: Batch) -> Batch:
  """Scale uint8 arrays, which are images, to float32 in [-1, 1]: x / 127.5 - 1."""
  return {name: to_unit(x) if x.dtype == jnp.uint8 else x for name, x in batches.items()}


def compile_step(
  played: Game, mesh: Mesh, count: int = 1, kernels: Kernels | None = None
) -> Advance:
  """Return the jitted `game.train_step` for batches of uint8 images.

  A call consumes (donates) its state. Frozen networks stay on the devices and are an argument of
  the program, since constants would make the program large.

  A call of several steps takes their batches stacked. It returns the logs of the last one, with the
  counts of steps in a row that were skipped, `guard.IN_A_ROW`, of each of them.

  Convolutions use the kernels, if there are any, on a mesh of one device only: the work of a kernel
  is not split.
  """
  whole = replicated(mesh)

  def advance(
    state: TrainState, batches: Batch, frozen: Mapping[str, Variables] = played.frozen
  ) -> tuple[TrainState, Logs]:
    one = partial(game.train_step, replace(played, frozen=frozen))
    with native.using(kernels if mesh.size == 1 else None):
      return _several(one, state, batches) if count > 1 else one(state, scaled(batches))

  step = jax.jit(
    advance,
    donate_argnums=0,
    out_shardings=(whole, whole),
    compiler_options=convolution.compiler_options(),
  )
  if not played.frozen:
    return step
  return partial(step, frozen=jax.device_put(dict(played.frozen), whole))


def _several(step: Advance, state: TrainState, batches: Batch) -> tuple[TrainState, Logs]:
  """Play a step for each of the stacked batches, in a loop: its body is compiled once."""
  state, logs = jax.lax.scan(lambda state, one: step(state, scaled(one)), state, batches)
  rows = logs.pop(guard.IN_A_ROW)
  return state, {**jax.tree.map(lambda x: x[-1], logs), guard.IN_A_ROW: rows}


def compiled(step: Advance, state: Tree, batches: Tree) -> Advance:
  """Return a step that `compile_step` returned, compiled for arrays of given shapes and places."""
  given = step.keywords if isinstance(step, partial) else {}
  jitted: Any = step.func if isinstance(step, partial) else step
  program = jitted.lower(state, batches, **given).compile()
  return cast(Advance, partial(program, **given) if given else program)
