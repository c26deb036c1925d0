"""Strided convolutional networks: published sizes, ladders of maps, and who sees whom."""

import itertools
from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from by_path import count
from jaxgan import variants
from jaxgan.core import game
from jaxgan.core.typing import Spec
from jaxgan.networks.dcgan import Critic, Generator, ladder, near_one, widths

SIZES = [(16, 1), (16, 3), (28, 1), (32, 3), (64, 3), (30, 1)]


def abstract_state(variant, spec, preset='paper', **options):
  stage = variants.build(variants.configure(variant, preset, **options), spec).stages[0]
  return jax.eval_shape(partial(game.init, stage.game), jax.random.key(0), dict(stage.example))


@pytest.mark.parametrize(
  'variant, spec, generator, critic',
  [
    ('dcgan', Spec(64, 3), 3_576_704, 2_765_568),
    ('wgan', Spec(64, 3), 3_576_704, 2_765_568),  # the same networks
    ('wgan_gp', Spec(28, 1), 1_554_177, 1_030_145),
  ],
)
def test_published_sizes(variant, spec, generator, critic):
  params = abstract_state(variant, spec).params
  assert (count(params['generator']), count(params['critic'])) == (generator, critic)


@pytest.mark.parametrize('variant', ['wgan_gp', 'dcgan', 'lsgan'])
@pytest.mark.parametrize('preset', ['laptop', 'paper'])
def test_no_batch_statistics_where_slopes_are_penalized(variant, preset):
  options = {} if variant == 'wgan_gp' else {'r1': 1.0, 'critic_norm': False}
  state = abstract_state(variant, Spec(28, 1), preset, **options)
  assert not jax.tree.leaves(state.variables['critic'])
  assert not any('Norm' in name for name in state.params['critic'])
  if variant == 'wgan_gp' and preset == 'paper':  # nor in the generator, as the authors have it
    assert not jax.tree.leaves(state.variables['generator'])


def test_ladders_halve_down_to_the_stem():
  assert ladder(64) == (4, 8, 16, 32, 64)
  assert ladder(32) == (4, 8, 16, 32)
  assert ladder(28) == (7, 14, 28)
  assert ladder(28, 4) == (4, 7, 14, 28)
  assert ladder(16) == (4, 8, 16)
  assert ladder(30) == (4, 8, 15, 30)
  assert ladder(7) == (7,)
  for size in range(8, 130):
    for stem in (4, 7):
      maps = ladder(size, stem)
      assert maps[-1] == size and maps[0] <= stem < maps[1]
      assert all(small == -(-large // 2) for small, large in itertools.pairwise(maps))


def test_widths_double():
  assert widths(64, 4) == (64, 128, 256, 512)
  assert widths(5, 1) == (5,)


@pytest.mark.parametrize('size, channels', SIZES)
@pytest.mark.parametrize('kernel, classes', [(4, 0), (5, 0), (4, 10)])
def test_shapes(key, size, channels, kernel, classes):
  maps = ladder(size)
  sizes = widths(4, len(maps) - 1)
  labels = (jnp.zeros(3, jnp.int32),) if classes else ()
  run = lambda net, x: jax.eval_shape(
    lambda key: net.init_with_output(key, x, *labels, train=True)[0], key
  )
  generator = Generator(maps, sizes[::-1], channels, kernel, classes)
  chex.assert_shape(run(generator, jnp.zeros((3, 7))), (3, size, size, channels))
  critic = Critic(sizes, kernel, classes)
  chex.assert_shape(run(critic, jnp.zeros((3, size, size, channels))), (3,))


def test_maps_have_the_sizes_of_the_ladder(key):
  """From dense stem to image, and back in the critic."""
  net = Generator((4, 7, 14, 28), (16, 8, 4), 1)
  z = jnp.zeros((2, 5))
  run = lambda net, x: net.init_with_output(key, x, train=True, capture_intermediates=True)[1]
  taken = jax.eval_shape(partial(run, net), z)['intermediates']
  shapes = [taken[f'ConvTranspose_{i}']['__call__'][0].shape for i in range(3)]
  assert shapes == [(2, 7, 7, 8), (2, 14, 14, 4), (2, 28, 28, 1)]
  taken = jax.eval_shape(partial(run, Critic((4, 8, 16))), jnp.zeros((2, 28, 28, 1)))
  shapes = [taken['intermediates'][f'Conv_{i}']['__call__'][0].shape for i in range(3)]
  assert shapes == [(2, 14, 14, 4), (2, 7, 7, 8), (2, 4, 4, 16)]


def test_images_lie_in_range_and_fill_it(filled, images):
  net, z = Generator(ladder(16), (16, 16), 3), images(8, 7)
  run = jax.jit(partial(net.apply, train=True, mutable=['batch_stats']))
  y, _ = run(filled(net, z, train=True), z)
  assert -1 <= y.min() < -0.99 and 0.99 < y.max() <= 1


def test_labels_reach_image_and_logit(filled, images):
  one, other = jnp.zeros(3, jnp.int32), jnp.array([0, 1, 2])
  z, x = images(3, 7), images(3, 8, 8, 1)
  for net, inputs in ((Generator((4, 8), (4,), 1, classes=3), z), (Critic((4,), classes=3), x)):
    variables = filled(net, inputs, one, train=True)
    run = jax.jit(partial(net.apply, train=False))
    y = [run(variables, inputs, labels) for labels in (one, other)]
    changed = [not np.array_equal(*pair) for pair in zip(*y, strict=True)]
    assert changed == [False, True, True]


@pytest.mark.parametrize('norm', [True, False])
def test_batch_norm_alone_makes_images_see_each_other(filled, images, norm):
  """The gradient of the summed score is one slope an image only where they do not."""
  x = images(4, 8, 8, 1)
  net = Critic((4, 8), norm=norm)
  variables = filled(net, x, train=True)
  score = lambda x: net.apply(variables, x, train=True, mutable=['batch_stats'])[0]
  crossed = np.abs(jax.jit(jax.jacobian(score))(x)).sum((2, 3, 4)) > 0
  np.testing.assert_array_equal(crossed, np.ones((4, 4)) if norm else np.eye(4))


def test_layers_before_batch_norm_have_no_bias(key):
  params = lambda net, x: jax.eval_shape(partial(net.init, train=True), key, x)['params']
  generator = params(Generator(ladder(16), (8, 4), 1), jnp.zeros((2, 5)))
  critic = params(Critic((4, 8)), jnp.zeros((2, 16, 16, 1)))
  biased = lambda params: {n for n, p in params.items() if 'Norm' not in n and 'bias' in p}
  assert biased(generator) == {'ConvTranspose_1'}  # the image
  assert biased(critic) == {'Conv_0', 'Dense_0'}  # no batch norm at the image; the logit
  assert {n for n in critic if 'Norm' in n} == {'BatchNorm_0'}


def test_scales_start_near_one(key):
  scale = near_one(key, (10_000,))
  np.testing.assert_allclose(scale.mean(), 1, atol=5 * 0.02 / 100)
  np.testing.assert_allclose(scale.std(), 0.02, rtol=0.05)
  start = jax.jit(partial(Generator((4, 8), (4,), 1).init, train=True))
  params = start(key, jnp.zeros((2, 5)))['params']
  scale = params['BatchNorm_0']['scale']
  assert 0 < np.abs(scale - 1).max() < 0.1
