"""The encoder has the critic's shape and learns the way back through the generator."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from apps.tiny import sharpened
from jaxgan import data
from jaxgan.apps import encoder
from jaxgan.core import network, network_transforms
from jaxgan.networks import dcgan, mlp
from jaxgan.storage import figures
from jaxgan.training.run import load


def test_has_the_critics_layers_and_a_head(key):
  critic = network.linen(mlp.Critic((8, 4)))
  x = jax.random.normal(key, (3, 6, 6, 1))
  net = encoder.encoder(critic, 5, bound=2.0)
  variables = jax.jit(net.init)(key, x)
  body = variables['params']['body']
  chex.assert_trees_all_equal_shapes(body, critic.init(key, x)['params'])
  chex.assert_shape(variables['params']['head']['kernel'], (4, 5))
  apply = lambda net, variables: jax.jit(net.apply, static_argnames='train')(
    variables, x, train=False
  )
  f, z = (
    apply(network_transforms.of_features(critic), {'params': body})[0],
    apply(net, variables)[0],
  )
  expected = 2 * jnp.tanh(f @ variables['params']['head']['kernel'])
  np.testing.assert_allclose(z, expected, rtol=1e-5, atol=1e-7)


def test_moves_statistics_in_training_alone(key):
  net = encoder.encoder(network.linen(dcgan.Critic((4, 4))), 3, bound=1.0)
  x = jax.random.normal(key, (4, 8, 8, 1))
  variables = jax.jit(net.init)(key, x)
  apply = jax.jit(net.apply, static_argnames='train')
  still, moved = (apply(variables, x, train=train)[1] for train in (False, True))
  chex.assert_trees_all_equal(still, variables)
  chex.assert_trees_all_equal(moved['params'], variables['params'])
  chex.assert_trees_all_equal_shapes(moved, variables)
  assert any((a != b).any() for a, b in zip(*map(jax.tree.leaves, (moved, variables)), strict=True))


def test_learns_the_way_back(plain):
  """On the generator's own images the loss falls far, and generator and critic stand still."""
  run = sharpened(load(plain))
  before = jax.tree.map(np.asarray, run.state.params)
  source = data.from_arrays(figures.to_uint8(run.sample(0, 256)))
  losses = {}
  options = encoder.Fit(steps=300, lr=1e-3, bound=3.0)
  variables = encoder.fit(run, source, options, lambda step, loss: losses.update({step: loss}))
  assert list(losses) == [300]
  net, _ = encoder.of(run, 3.0)
  judge = run.bound(encoder.parts(run))
  encode = jax.jit(lambda v, x: net.apply(v, x, train=False)[0])
  error = lambda v: float(judge(x, encode(v, x))[1].mean())
  x = jnp.asarray(run.sample(9, 64))
  untrained = net.init(jax.random.key(0), x[:2])
  assert error(variables) < 0.3 * error(untrained)
  chex.assert_trees_all_equal(before, run.state.params)


def test_is_kept_and_told_from_that_of_another_step(plain, tmp_path):
  run = load(plain)
  options = encoder.Fit(bound=2.0, kappa=0.5)
  net, x = encoder.of(run, 2.0)
  variables = net.init(jax.random.key(3), x)
  path = encoder.save(tmp_path, run, variables, options)
  assert path.parent == tmp_path / 'anomaly'
  _, again, how = encoder.load(tmp_path, run)
  chex.assert_trees_all_equal(again, variables)
  assert how == options
  about = path.with_name('encoder.json')
  about.write_text(about.read_text().replace('"step": 0', '"step": 7'))
  with pytest.raises(
    ValueError, match='was trained for step 7, the run is at step 0: fit it again'
  ):
    encoder.load(tmp_path, run)
  path.unlink()
  with pytest.raises(ValueError, match='no encoder yet: jaxgan anomaly fit'):
    encoder.load(tmp_path, run)
