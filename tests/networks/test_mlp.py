"""Perceptrons: published sizes, and what each of their inputs does."""

import itertools
from functools import partial

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from by_path import count
from jaxgan import variants
from jaxgan.core import game
from jaxgan.core.typing import Spec
from jaxgan.networks.mlp import Critic, Generator, MaxoutCritic


def test_the_first_gans_size():
  config = variants.configure('gan', 'paper')
  stage = variants.build(config, Spec(28, 1)).stages[0]
  state = jax.eval_shape(partial(game.init, stage.game), jax.random.key(0), dict(stage.example))
  assert count(state.params['generator']) == 2_503_984
  assert count(state.params['critic']) == 1_231_441
  assert not jax.tree.leaves(state.variables)


def test_the_first_conditional_gans_size():
  """100 -> 200 and 10 -> 1000, 1200 -> 784; 784 -> 240 x 5 and 10 -> 50 x 5, 240 x 4 -> 1."""
  config = variants.configure('cgan', 'paper')
  stage = variants.build(config, Spec(28, 1, 10)).stages[0]
  state = jax.eval_shape(partial(game.init, stage.game), jax.random.key(0), dict(stage.example))
  dense = lambda *sizes: sum(a * b + b for a, b in itertools.pairwise(sizes))
  generator = dense(100, 200) + dense(10, 1000) + dense(1200, 1200, 784)
  critic = dense(784, 1200) + dense(10, 250) + dense(290, 960) + dense(240, 1)
  assert count(state.params['generator']) == generator
  assert count(state.params['critic']) == critic


@pytest.mark.parametrize('shape', [(16, 16, 1), (28, 28, 3), (32, 32, 3), (64, 64, 1)])
@pytest.mark.parametrize('classes', [0, 10])
def test_shapes(key, shape, classes):
  labels = (jnp.zeros(5, jnp.int32),) if classes else ()
  made = lambda key, net, x: net.init_with_output(key, x, *labels, train=True)[0]
  run = lambda net, x: jax.eval_shape(partial(made, net=net), key, x=x)
  chex.assert_shape(run(Generator(shape, (8,), classes), jnp.zeros((5, 7))), (5, *shape))
  chex.assert_shape(run(Critic((8,), classes), jnp.zeros((5, *shape))), (5,))
  dropped = lambda key, x: MaxoutCritic(((4, 2),), classes).init_with_output(
    {'params': key, 'dropout': key}, x, *labels, train=True
  )[0]
  chex.assert_shape(jax.eval_shape(dropped, key, jnp.zeros((5, *shape))), (5,))


def test_images_lie_in_range_and_fill_it(filled, images):
  net, z = Generator((8, 8, 1), (16,)), images(32, 7)
  y, _ = net.apply(filled(net, z, train=True), z, train=True, mutable=['batch_stats'])
  assert -1 <= y.min() < -0.99 and 0.99 < y.max() <= 1


@pytest.mark.parametrize('entry', [None, (6, 4)])
def test_labels_reach_image_and_logit(filled, images, entry):
  z, x = images(4, 7), images(4, 8, 8, 1)
  one, other = jnp.zeros(4, jnp.int32), jnp.array([0, 1, 2, 0])
  maxout = MaxoutCritic(((4, 2),), 3, ((5, 2), (4, 2)) if entry else ())
  nets = [(Generator((8, 8, 1), (16,), 3, entry), z), (Critic((16,), 3), x), (maxout, x)]
  for net, inputs in nets:
    variables = filled(net, inputs, one, train=True)
    run = jax.jit(partial(net.apply, train=False))
    y = [run(variables, inputs, labels) for labels in (one, other)]
    changed = [not np.array_equal(*pair) for pair in zip(*y, strict=True)]
    assert changed == [False, True, True, False], net


def test_critics_judge_each_image_by_itself(filled, images):
  x = images(5, 8, 8, 1)
  net = Critic((16, 16))
  variables = filled(net, x, train=True)
  assert set(variables) == {'params'}
  slopes = jax.jit(jax.jacobian(lambda x: net.apply(variables, x, train=True)))(x)
  crossed = np.abs(slopes).sum((2, 3, 4)) > 0
  np.testing.assert_array_equal(crossed, np.eye(5, dtype=bool))


def test_dropout_keeps_the_published_shares(key):
  """0.8 of the inputs, 0.5 of the hidden units, scaled up in training so that means stay."""
  x = jnp.ones((2000, 10, 1, 1))
  net = MaxoutCritic(((1, 1),), start=nn.initializers.constant(1.0))
  variables = net.init({'params': key, 'dropout': key}, x, train=True)
  y = net.apply(variables, x, train=True, rngs={'dropout': key})
  at_rest = net.apply(variables, x, train=False)
  chex.assert_trees_all_equal(at_rest, jnp.full(2000, 10.0))
  # A sum of ten inputs, each 1 / 0.8 or 0, in the hidden unit, twice that or 0 in the logit.
  kept = np.round(np.asarray(y) / 2 * 0.8)
  np.testing.assert_allclose(y, kept * 2 / 0.8, rtol=1e-5)
  alive = kept[kept > 0]
  assert abs(len(alive) / 2000 - 0.5) < 5 * 0.5 / np.sqrt(2000)
  assert abs(alive.mean() / 10 - 0.8) < 5 * 0.4 / np.sqrt(10 * len(alive))
  np.testing.assert_allclose(y.mean(), 10, atol=1.3)  # five errors: the deviation is 11.2


def test_batch_norm_has_no_bias_before_it(key):
  """Its gradient would be nothing but rounding, which Adam makes into full steps."""
  start = partial(Generator((8, 8, 1), (16, 12)).init, train=True)
  params = jax.eval_shape(start, key, jnp.zeros((2, 7)))['params']
  layers = {name: set(layer) for name, layer in params.items() if name.startswith('Dense')}
  assert layers == {
    'Dense_0': {'weight'},
    'Dense_1': {'weight'},
    'Dense_2': {'weight', 'bias'},
  }
