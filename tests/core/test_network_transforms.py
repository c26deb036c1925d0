"""Networks made of networks: features, heads, packs, references, narrower types."""

from functools import partial

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest

from jaxgan.core import network_transforms
from jaxgan.core.network import linen, with_features
from jaxgan.core.network_transforms import computed_in
from jaxgan.networks import dcgan
from jaxgan.nn.normalization import BatchNorm


class TestComputedIn:
  """bfloat16 inside, float32 in all that lasts."""

  def both(self, *inputs):
    module = dcgan.Critic((8, 16), 3, spectral=True)
    wide = linen(module)
    variables = wide.init(jax.random.key(0), *inputs)
    return wide, computed_in(wide, jnp.bfloat16), variables

  def test_rounds_what_comes_in_and_keeps_what_lasts(self):
    x = jax.random.normal(jax.random.key(1), (4, 16, 16, 1))
    wide, narrow, variables = self.both(x)
    outputs = [net.apply(variables, x, train=True) for net in (wide, narrow)]
    chex.assert_trees_all_equal_shapes_and_dtypes(*outputs)
    chex.assert_trees_all_equal(outputs[1][1]['params'], variables['params'])
    (a, _), (b, _) = outputs
    assert 0 < jnp.abs(a - b).max() < 0.05 * jnp.abs(a).max()

  def test_inside_it_is_narrow(self):
    seen = []

    class Look(nn.Module):
      @nn.compact
      def __call__(self, x, *, train):
        w = self.param('w', nn.initializers.ones, (3, 3))
        seen.append((x.dtype, w.dtype))
        return BatchNorm()(x @ w, train=train)

    network = computed_in(linen(Look()), jnp.bfloat16)
    variables = network.init(jax.random.key(0), jnp.ones((2, 3)))
    assert seen.pop() == (jnp.float32, jnp.float32)
    y, moved = network.apply(variables, jnp.ones((2, 3)), train=True)
    assert seen.pop() == (jnp.bfloat16, jnp.bfloat16)
    assert y.dtype == jnp.float32
    assert {x.dtype for x in jax.tree.leaves(moved)} == {jnp.dtype('float32')}

  def test_gradients_and_slopes_are_float32_and_close(self):
    x = jax.random.normal(jax.random.key(1), (4, 16, 16, 1))
    wide, narrow, variables = self.both(x)

    def penalized(net, params):
      score = lambda x: net.apply({**variables, 'params': params}, x, train=True)[0]
      slopes = jax.grad(lambda x: score(x).sum())(x)
      return (jnp.sqrt((slopes**2).sum((1, 2, 3)) + 1e-12) - 1).mean() ** 2 + score(x).mean()

    grads = [jax.grad(partial(penalized, n))(variables['params']) for n in (wide, narrow)]
    chex.assert_trees_all_equal_shapes_and_dtypes(*grads)
    for a, b in zip(*map(jax.tree.leaves, grads), strict=True):
      assert jnp.linalg.norm(a - b) <= 0.1 * jnp.linalg.norm(a)


class Shown(nn.Module):
  """A linear critic of `Wide`'s normalized features."""

  @nn.compact
  def __call__(self, x, *, train):
    f = BatchNorm()(nn.Dense(3, use_bias=False)(x.reshape(len(x), -1)), train=train)
    self.sow('intermediates', 'features', f)
    return nn.Dense(1)(f)[:, 0]


@pytest.mark.parametrize('train', [True, False])
def test_features_are_what_goes_into_the_last_layer(key, train):
  net, x = linen(Shown()), jax.random.normal(key, (4, 2, 3))
  variables = net.init(key, x)
  assert set(variables) == {'params', 'batch_stats'}
  output, moved = net.apply(variables, x, train=train)
  (same, features), also = with_features(net)(variables, x, train=train)
  last = variables['params']['Dense_1']
  chex.assert_trees_all_close(output, (features @ last['kernel'] + last['bias'][None])[:, 0])
  chex.assert_trees_all_equal((output, moved), (same, also))
  alone, moved = network_transforms.of_features(net).apply(variables, x, train=train)
  chex.assert_trees_all_equal((alone, moved), (features, also))
  lowered = with_features(computed_in(net, jnp.bfloat16))(variables, x, train=train)
  assert {v.dtype for v in jax.tree.leaves(lowered)} == {jnp.dtype(jnp.float32)}
  chex.assert_trees_all_close(lowered[0][1], features, atol=0.1)


class Head(nn.Module):
  """A linear map of its own."""

  @nn.compact
  def __call__(self, f, *, train):
    return nn.Dense(1, use_bias=False)(BatchNorm()(f**2, train=train))[:, 0]


def test_a_head_is_added(key):
  body, head, x = linen(Shown()), linen(Head()), jax.random.normal(key, (4, 2, 3))
  both = network_transforms.with_head(body, head)
  variables = both.init(key, x)
  part = lambda tree, name: {kind: parts[name] for kind, parts in tree.items()}
  output, moved = both.apply(variables, x, train=True)
  (logits, f), after = with_features(body)(part(variables, 'body'), x, train=True)
  more, later = head.apply(part(variables, 'head'), f, train=True)
  chex.assert_trees_all_equal(output, logits + more)
  chex.assert_trees_all_equal((part(moved, 'body'), part(moved, 'head')), (after, later))
  chex.assert_trees_all_equal_structs(moved, variables)
  (again, seen), _ = with_features(both)(variables, x, train=True)
  chex.assert_trees_all_equal((again, seen), (output, f))


@pytest.mark.parametrize('shape', [(6, 2), (6, 3, 3, 2)])
@pytest.mark.parametrize('size', [1, 2, 3])
def test_packs_are_neighbors_joined_on_the_last_axis(key, shape, size):
  x = jax.random.normal(key, shape)
  packs = network_transforms.packs(x, size)
  assert packs.shape == (6 // size, *shape[1:-1], size * shape[-1])
  for i, pack in enumerate(packs):
    chex.assert_trees_all_equal(pack, jnp.concatenate(list(x[i * size : (i + 1) * size]), -1))
  chex.assert_trees_all_equal(network_transforms.unpacked(packs, size), x)


@pytest.mark.parametrize('shape', [(6, 2), (6, 3, 3, 2)])
def test_a_packed_critic_judges_packs(key, shape):
  net, x = linen(Shown()), jax.random.normal(key, shape)
  whole = network_transforms.packed(net, 3)
  variables = whole.init(key, x[:2])
  chex.assert_trees_all_equal(
    variables['params'], net.init(key, network_transforms.packs(x, 3))['params']
  )
  expected = with_features(net)(variables, network_transforms.packs(x, 3), train=True)
  assert expected[0][0].shape == (2,)
  chex.assert_trees_all_equal(with_features(whole)(variables, x, train=True), expected)
  output = whole.apply(variables, x, train=True)
  chex.assert_trees_all_equal(output, (expected[0][0], expected[1]))
  with pytest.raises(ValueError, match='a batch of 4 does not divide into packs of 3'):
    whole.apply(variables, x[:4], train=True)


class Centred(nn.Module):
  """Inputs less the mean of the first three, and a label."""

  @nn.compact
  def __call__(self, x, y, *, train):
    return x - x[:3].mean(0, keepdims=True) + self.param('w', nn.initializers.ones, ()) * y[:, None]


def test_a_reference_batch_goes_ahead_and_is_kept(key):
  draw = lambda key: (jax.random.normal(key, (3, 2)), jnp.array([5, 6, 7]))
  net = network_transforms.with_reference(linen(Centred()), draw)
  x, y = jax.random.normal(jax.random.key(1), (4, 2)), jnp.arange(4)
  variables = net.init(key, x, y)
  first = variables['reference'][0]
  assert set(variables) == {'params', 'reference'} and (first != 0).all()
  for train in (True, False):
    output, moved = net.apply(variables, x, y, train=train)
    chex.assert_trees_all_close(output, x - first.mean(0, keepdims=True) + y[:, None], rtol=1e-6)
    chex.assert_trees_all_equal(moved, variables)
  other = net.init(jax.random.key(2), x, y)['reference'][0]
  assert (other != first).all()
