"""The step on all devices there are: one program, the state on each, the batch split between them.

Under one global `jax.jit`, batch norm and every other mean over the batch is over the whole batch,
so the same code computes the same on one device and on many.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxgan.core import game
from jaxgan.core.game import Game
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Batch, Logs, Tree, Variables
from jaxgan.ops import convolution
from jaxgan.ops.images import to_unit


def mesh(batch_size: int, devices: Sequence[jax.Device] | None = None) -> Mesh:
  """All devices (or those given) along the axis `data`.

  Raises:
    ValueError: a batch that they cannot share equally.
  """
  chosen = jax.devices() if devices is None else devices
  if batch_size % len(chosen):
    raise ValueError(
      f'--batch-size={batch_size} does not divide over {len(chosen)} devices: '
      f'give a multiple of {len(chosen)}'
    )
  return Mesh(np.array(chosen), ('data',), axis_types=(AxisType.Auto,))


def replicated(mesh: Mesh) -> NamedSharding:
  """The whole value on every device."""
  return NamedSharding(mesh, PartitionSpec())


def place(mesh: Mesh, batches: Mapping[str, np.ndarray]) -> Batch:
  """This host's `[microbatches, B, ...]` as one global array, B split over the devices."""
  split = NamedSharding(mesh, PartitionSpec(None, 'data'))
  put = partial(jax.make_array_from_process_local_data, split)
  return jax.tree.map(put, dict(batches))


def local(tree: Tree) -> Tree:
  """This process's own copy of replicated arrays, on one device."""
  return jax.tree.map(lambda x: x.addressable_data(0), tree)


def scaled(batches: Batch) -> Batch:
  """All that is uint8, which is images, to float32 in [-1, 1]: x / 127.5 - 1."""
  return {name: to_unit(x) if x.dtype == jnp.uint8 else x for name, x in batches.items()}


def compile_step(
  played: Game, mesh: Mesh
) -> Callable[[TrainState, Batch], tuple[TrainState, Logs]]:
  """The jitted `game.train_step` on batches of uint8; the state given to it is consumed.

  Frozen networks are an argument, kept on the devices: as constants they would be in the program.
  """
  whole = replicated(mesh)

  def advance(
    state: TrainState, batches: Batch, frozen: Mapping[str, Variables] = played.frozen
  ) -> tuple[TrainState, Logs]:
    return game.train_step(replace(played, frozen=frozen), state, scaled(batches))

  step = jax.jit(
    advance,
    donate_argnums=0,
    out_shardings=(whole, whole),
    compiler_options=convolution.compiler_options(),
  )
  if not played.frozen:
    return step
  return partial(step, frozen=jax.device_put(dict(played.frozen), whole))
