import itertools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxgan.storage import packing


def mesh(devices):
  chosen = jax.devices()[:devices]
  return jax.make_mesh((devices,), ('data',), axis_types=(AxisType.Auto,), devices=chosen)


def some():
  key = jax.random.key(5)
  return {
    'normal': jax.random.normal(key, (30, 7)),
    'half': jax.random.normal(key, (7, 5), jnp.bfloat16),
    'bytes': jax.random.bits(key, (5,), jnp.uint8),
    'words': jax.random.bits(key, (3,)),
    'on': jnp.array([True, False, True]),
    'nan': jnp.array([jnp.nan, -0.0, jnp.inf]),
    'nothing': jnp.zeros((0, 4)),
    'count': jnp.int32(-3),
  }


class TestPack:
  @pytest.mark.parametrize('devices', [1, 8])
  @pytest.mark.parametrize('impl', ['threefry2x32', 'rbg'])
  def test_every_bit_returns(self, devices, impl):
    whole = NamedSharding(mesh(devices), P())
    leaves = {**some(), 'keys': jax.random.split(jax.random.key(1, impl=impl), 3)}
    leaves = jax.device_put(dict(reversed(leaves.items())), whole)
    packed = packing.pack(leaves)
    like = {n: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=whole) for n, x in leaves.items()}
    found = packing.unpack(packed, like)
    assert list(found) == list(leaves) and packed.dtype == np.uint8
    chex.assert_trees_all_equal_shapes_and_dtypes(found, leaves)
    for name, x in leaves.items():
      data = [jax.random.key_data(y) if name == 'keys' else y for y in (found[name], x)]
      assert np.asarray(data[0]).tobytes() == np.asarray(data[1]).tobytes(), name
      assert found[name].sharding == x.sharding, name

  def test_one_byte_after_another(self):
    x = {'b': jnp.array([1, 258], jnp.uint16), 'a': jnp.array([True])}
    chex.assert_trees_all_equal(packing.pack(x), np.array([1, 0, 2, 1, 1], np.uint8))

  def test_spread_over_devices(self):
    x = jnp.arange(16.0)
    split = jax.device_put(x, NamedSharding(mesh(8), P('data')))
    chex.assert_trees_all_equal(packing.pack({'x': split}).view(np.float32), np.asarray(x))

  @pytest.mark.parametrize('size', [8, 13])
  def test_another_number_of_bytes(self, size):
    like = {'x': jax.ShapeDtypeStruct((3,), jnp.float32, sharding=NamedSharding(mesh(1), P()))}
    with pytest.raises(ValueError, match=f'expected 12 bytes, got {size}'):
      packing.unpack(np.zeros(size, np.uint8), like)


class TestIntegrity:
  def test_equals_its_formula(self):
    x = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    expected = 0
    for i, u in enumerate(x.view(np.uint32).ravel().tolist()):
      h = (u + 0x9E3779B9 * i) % 2**32
      h = (h ^ h >> 16) * 0x85EBCA6B % 2**32
      h = (h ^ h >> 13) * 0xC2B2AE35 % 2**32
      expected += h ^ h >> 16
    assert packing.integrity({'x': x}).tolist() == [expected % 2**32]

  def test_same_on_any_number_of_devices(self):
    x = jax.random.normal(jax.random.key(0), (16, 24))
    spreads = (P(), P('data'), P(None, 'data'))
    words = [packing.integrity([jax.device_put(x, NamedSharding(mesh(8), s))]) for s in spreads]
    chex.assert_trees_all_equal(packing.integrity([x]), *words)

  def test_any_flipped_bit_changes_the_word_of_its_leaf_alone(self):
    state = some()
    leaves, tree = jax.tree.flatten(jax.tree.map(np.asarray, state))
    words, rng = np.asarray(packing.integrity(state)), np.random.default_rng(0)
    for i, leaf in enumerate(leaves):
      for _ in range(3 * (leaf.size > 0)):
        raw = bytearray(leaf.tobytes())
        at = rng.integers(len(raw))
        raw[at] ^= 1 << (0 if leaf.dtype == bool else rng.integers(8))
        changed = np.frombuffer(bytes(raw), leaf.dtype).reshape(leaf.shape)
        other = jax.tree.unflatten(tree, [*leaves[:i], changed, *leaves[i + 1 :]])
        assert np.flatnonzero(packing.integrity(other) != words).tolist() == [i]

  def test_order_counts(self):
    """Powers of two have mostly zero bits, so plain weights would let them trade places."""
    x = jnp.array([0.0, 1.0, 2.0, 4.0])
    orders = [x[jnp.array(order)] for order in itertools.permutations(range(4))]
    assert len(set(packing.integrity(orders).tolist())) == 24
