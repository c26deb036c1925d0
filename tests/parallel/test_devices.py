"""One program over a mesh: what is whole, what is split, and that their number does not matter."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import PartitionSpec

from by_path import leaves
from jaxgan.core import game
from jaxgan.core.game import Game, Player, Turn
from jaxgan.core.network import linen
from jaxgan.nn.normalization import BatchNorm
from jaxgan.parallel import devices


def test_a_batch_that_devices_cannot_share_is_refused():
  with pytest.raises(
    ValueError, match='--batch-size=12 does not divide over 8 devices: give a multiple of 8'
  ):
    devices.mesh(12)


def test_a_mesh_is_of_all_devices_or_of_those_given():
  assert devices.mesh(16).devices.size == jax.device_count() == 8
  assert devices.mesh(12, jax.devices()[:2]).devices.tolist() == jax.devices()[:2]


def test_examples_are_split_and_microbatches_are_not():
  mesh = devices.mesh(16)
  images = np.arange(2 * 16 * 3, dtype=np.float32).reshape(2, 16, 3)
  placed = devices.place(mesh, {'image': images})['image']
  assert placed.sharding.spec == PartitionSpec(None, 'data')
  np.testing.assert_array_equal(placed, images)
  for i, shard in enumerate(placed.addressable_shards):
    np.testing.assert_array_equal(shard.data, images[:, 2 * i : 2 * i + 2])


def test_local_is_a_copy_on_one_device():
  whole = jax.device_put({'w': jnp.arange(3.0)}, devices.replicated(devices.mesh(8)))
  assert len(whole['w'].devices()) == 8
  own = devices.local(whole)['w']
  assert len(own.devices()) == 1
  np.testing.assert_array_equal(own, [0, 1, 2])


class Judge(nn.Module):
  """Batch norm, whose statistics must be of the whole batch."""

  @nn.compact
  def __call__(self, x, *, train):
    x = BatchNorm()(nn.Dense(3, use_bias=False)(x.reshape(len(x), -1)), train=train)
    return nn.Dense(1)(nn.tanh(x))[:, 0]


def played():
  def loss(nets, batch, key):
    y, nets = nets('critic', batch['image'])
    noise = jax.random.normal(key, y.shape)
    return ((y - batch['label'] + 0.1 * noise) ** 2).mean(), nets, {'mean': y.mean()}

  players = {'critic': Player(('critic',), optax.sgd(0.1))}
  return Game({'critic': linen(Judge())}, players, [Turn('critic', loss)])


def stepped(mesh, steps=2):
  chosen = played()
  example = {'critic': (jnp.zeros((2, 4, 4, 1)),)}
  state = game.init(chosen, jax.random.key(0), example)
  state = jax.device_put(state, devices.replicated(mesh))
  step = devices.compile_step(chosen, mesh)
  for i in range(steps):
    draw = np.random.default_rng(i)
    batch = {
      'image': draw.integers(0, 256, (1, 16, 4, 4, 1), np.uint8),
      'label': draw.integers(0, 2, (1, 16)).astype(np.int32),
    }
    state, logs = step(state, devices.place(mesh, batch))
  return state, logs


def test_eight_devices_take_the_step_that_one_takes():
  many, logs = stepped(devices.mesh(16))
  one, same = stepped(devices.mesh(16, jax.devices()[:1]))
  assert all(len(x.devices()) == 8 for x in jax.tree.leaves(many))
  for name, value in leaves(one).items():
    np.testing.assert_allclose(leaves(many)[name], value, rtol=1e-5, atol=1e-6, err_msg=name)
  chex.assert_trees_all_close(jax.device_get(logs), jax.device_get(same), rtol=1e-5, atol=1e-6)


def test_the_state_given_to_a_step_is_consumed():
  """Else a large model would need room for two."""
  mesh, chosen = devices.mesh(16), played()
  example = {'critic': (jnp.zeros((2, 4, 4, 1)),)}
  state = jax.device_put(game.init(chosen, jax.random.key(0), example), devices.replicated(mesh))
  before = state.params['critic']['Dense_0']['kernel']
  batch = {'image': np.zeros((1, 16, 4, 4, 1), np.uint8), 'label': np.zeros((1, 16), np.int32)}
  devices.compile_step(chosen, mesh)(state, devices.place(mesh, batch))
  assert before.is_deleted()
