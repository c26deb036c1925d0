"""Layers that look at other images, against NumPy."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from arrays import draw
from jaxgan.core import parts
from jaxgan.nn import minibatch
from jaxgan.nn.minibatch import MinibatchDiscrimination, MinibatchHead


@pytest.mark.parametrize('batch', [1, 2, 9])
def test_minibatch_discrimination_of_equal_and_of_distant_images(key, batch):
  layer = MinibatchDiscrimination(6, 3)
  equal = jnp.broadcast_to(draw(4), (batch, 4))
  variables = layer.init(key, equal)
  start = -1.0  # the bias
  near = layer.apply(variables, equal)
  np.testing.assert_allclose(near, np.full((batch, 6), batch - 1 + start), rtol=1e-6)
  far = layer.apply(variables, 1e5 * draw(batch, 4))
  np.testing.assert_allclose(far, np.full((batch, 6), start), atol=1e-6)


def test_minibatch_discrimination_by_hand(key):
  layer, f = MinibatchDiscrimination(2, 3), draw(5, 2, 2)
  variables = jax.tree.map(lambda x: 20 * x + 0.5, layer.init(key, f))
  table = np.float64(variables['params']['Dense_0']['weight']['kernel'])
  maps = (np.float64(f).reshape(5, 4) @ table).reshape(5, 2, 3)
  expected = np.float64(variables['params']['bias'])[None].repeat(5, 0)
  for i in range(5):
    for j in range(5):
      if i != j:
        expected[i] += np.exp(-np.abs(maps[i] - maps[j]).sum(-1))
  np.testing.assert_allclose(layer.apply(variables, f), expected, rtol=1e-5)


def test_minibatch_stddev_against_numpy():
  """Groups of every B / 4-th image; the channels before are as they were."""
  x = np.asarray(draw(8, 3, 3, 2))
  y = minibatch.minibatch_stddev(jnp.asarray(x))
  np.testing.assert_array_equal(y[..., :2], x)
  for i in range(8):
    group = x[i % 2 :: 2]
    expected = np.sqrt(group.var(0) + 1e-8).mean()
    np.testing.assert_allclose(y[i, ..., 2], expected, rtol=1e-5)


@pytest.mark.parametrize('batch', [1, 6, 8, 9])
def test_minibatch_stddev_of_equal_images(batch):
  """1e-4 whatever the batch divides into."""
  x = jnp.broadcast_to(draw(1, 3, 3, 2), (batch, 3, 3, 2))
  np.testing.assert_allclose(minibatch.minibatch_stddev(x)[..., 2], 1e-4, rtol=1e-2)


def test_minibatch_stddev_is_of_the_global_batch():
  """Groups reach over devices."""
  x = draw(16, 2, 2, 3)
  mesh = jax.make_mesh((8,), ('data',), axis_types=(jax.sharding.AxisType.Auto,))
  split = jax.device_put(x, jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec('data')))
  chex.assert_trees_all_close(
    jax.jit(minibatch.minibatch_stddev)(split), minibatch.minibatch_stddev(x), atol=1e-6
  )


def test_a_minibatch_head_is_linear_in_the_discrimination(key):
  head, f = MinibatchHead(4, 3), draw(5, 6)
  variables = head.init(key, f, train=True)
  params = variables['params']
  near = MinibatchDiscrimination(4, 3).apply({'params': params['MinibatchDiscrimination_0']}, f)
  made = head.apply(variables, f, train=True)
  chex.assert_shape(made, (5,))
  expected = near @ params['Dense_0']['weight']['kernel'][:, 0]
  np.testing.assert_allclose(made, expected, rtol=1e-5, atol=1e-7)


def test_groups_of_neighbors_and_the_unbiased_variance():
  """Of 0, 2, 10, 10: the neighbors 0 and 2 have a variance of 2, 10 and 10 of 0."""
  x = jnp.array([0.0, 2.0, 10.0, 10.0]).reshape(4, 1, 1, 1)
  found = minibatch.minibatch_stddev(x, 2, neighbors=True, unbiased=True)[:, 0, 0, 1]
  np.testing.assert_allclose(found, [2**0.5, 2**0.5, 1e-4, 1e-4], rtol=1e-5)


def test_groups_that_lie_in_one_part_of_a_batch_keep_their_std():
  x = jax.random.normal(jax.random.key(3), (12, 2, 2, 3))

  def loss(own, batch, key, **options):
    seen = minibatch.minibatch_stddev(batch['image'], 3, **options)
    return own, parts.whole(seen, key)

  by = lambda count, **options: parts.gradients(
    lambda *given: loss(*given, **options), count, 1.0, {'image': x}, jax.random.key(0)
  )[1]
  np.testing.assert_allclose(by(4), by(1), rtol=1e-5)
  with pytest.raises(ValueError, match='give parts of a multiple of 3 images, these have 2'):
    by(6)
  with pytest.raises(ValueError, match='the std of 3 images compares all its images'):
    by(4, neighbors=True)
