"""Residual networks: published sizes, blocks against their parts, and the projected label."""

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
from jaxgan.networks import resnet
from jaxgan.networks.resnet import Critic, DownBlock, Generator, UpBlock, sizes, stem
from jaxgan.nn.spectral_norm import spectral_norm
from jaxgan.ops import convolution


@pytest.mark.parametrize(
  'conditional, generator, critic', [(False, 4_276_739, 1_053_825), (True, 4_304_387, 1_055_105)]
)
def test_published_sizes(conditional, generator, critic):
  config = variants.configure('sngan', 'paper', conditional=conditional)
  stage = variants.build(config, Spec(32, 3, 10)).stages[0]
  state = jax.eval_shape(partial(game.init, stage.game), jax.random.key(0), dict(stage.example))
  assert count(state.params['generator']) == generator
  assert count(state.params['critic']) == critic
  # A power iteration for every kernel of the critic, and no batch statistics.
  kernels = [x for x in jax.tree.leaves(state.params['critic']) if x.ndim > 1]
  assert set(state.variables['critic']) == {'spectral'}
  vectors = jax.tree.leaves(state.variables['critic'])
  assert [u.shape for u in vectors] == [w.shape[-1:] for w in kernels]


def test_stems():
  expected = {8: (4, 1), 16: (4, 2), 28: (7, 2), 32: (4, 3), 48: (6, 3), 64: (4, 4), 20: (5, 2)}
  assert {size: stem(size) for size in expected} == expected
  able = {small * 2**n for small in (4, 5, 6, 7) for n in range(1, 6)}
  for size in range(1, 129):
    if size in able:
      small, doublings = stem(size)
      assert small * 2**doublings == size and 4 <= small <= 7
    else:
      with pytest.raises(ValueError, match=f'16, 28, 32, 64; these are {size} pixels'):
        stem(size)


def test_impossible_sizes_are_named_by_both_networks(key):
  for net, x in ((Generator(18, 1, 4), jnp.zeros((2, 5))), (Critic(4), jnp.zeros((2, 18, 18, 1)))):
    with pytest.raises(ValueError, match='these are 18 pixels'):
      net.init(key, x, train=True)


@pytest.mark.parametrize('size, channels', [(16, 1), (28, 1), (32, 3), (64, 3), (48, 1)])
@pytest.mark.parametrize('classes', [0, 10])
def test_shapes(key, size, channels, classes):
  labels = (jnp.zeros(3, jnp.int32),) if classes else ()
  run = lambda net, x: jax.eval_shape(
    lambda key: net.init_with_output(key, x, *labels, train=True)[0], key
  )
  generator, critic = Generator(size, channels, 4, classes), Critic(4, classes)
  chex.assert_shape(run(generator, jnp.zeros((3, 7))), (3, size, size, channels))
  chex.assert_shape(run(critic, jnp.zeros((3, size, size, channels))), (3,))


@pytest.mark.parametrize('size, maps', [(16, [8, 8, 8]), (28, [14, 7, 7, 7]), (32, [16, 8, 8, 8])])
def test_the_critic_halves_down_to_eight_then_two_plain_blocks(key, size, maps):
  run = lambda x: Critic(4).init_with_output(key, x, train=True, capture_intermediates=True)[1]
  taken = jax.eval_shape(run, jnp.zeros((2, size, size, 3)))['intermediates']
  blocks = [taken[f'DownBlock_{i}']['__call__'][0].shape[1] for i in range(len(maps))]
  assert blocks == maps and f'DownBlock_{len(maps)}' not in taken


# --- blocks against their parts, written with `lax` alone


def conv(x, layer):
  y = jax.lax.conv_general_dilated(
    x, layer['weight']['kernel'], (1, 1), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC')
  )
  return y + layer['bias'][None, None, None] if 'bias' in layer else y


def up(x):
  return jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)


def mean(x):
  return nn.avg_pool(x, (2, 2), (2, 2))


def standard(x, layer):
  mean, var = x.mean((0, 1, 2), keepdims=True), x.var((0, 1, 2), keepdims=True)
  spread = lambda a: a[None, None, None]
  return (x - mean) / jnp.sqrt(var + 2e-5) * spread(layer['scale']) + spread(layer['bias'])


@pytest.mark.parametrize('bias', [True, False])
def test_up_block(filled, images, bias):
  x = images(3, 5, 5, 4)
  block = UpBlock(6, bias=bias)
  variables = filled(block, x, train=True)

  def by_parts(p, x):
    y = conv(up(nn.relu(standard(x, p['BatchNorm_0']))), p['Conv_0'])
    y = conv(nn.relu(standard(y, p['BatchNorm_1'])), p['Conv_1'])
    return y + conv(up(x), p['Conv_2'])

  def fused(p, x):
    return block.apply({**variables, 'params': p}, x, train=True, mutable=['batch_stats'])[0]

  compare(fused, by_parts, variables['params'], x)


@pytest.mark.parametrize(
  'down, width, entry',
  [(True, 6, True), (True, 6, False), (True, 4, False), (False, 6, False), (False, 4, False)],
)
def test_down_block(filled, images, down, width, entry):
  x = images(3, 6, 6, 4)
  block = DownBlock(width, down, entry, spectral=False)
  p = filled(block, x)['params']

  def by_parts(p, x):
    y = conv(x if entry else nn.relu(x), p['Conv_0'])
    y = conv(nn.relu(y), p['Conv_1'])
    if not down and width == 4:
      return y + x  # nothing to convolve the shortcut for
    return (mean(y) + conv(mean(x), p['Conv_2'])) if down else y + conv(x, p['Conv_2'])

  assert ('Conv_2' in p) == (down or width != 4)
  compare(lambda p, x: block.apply({'params': p}, x), by_parts, p, x)


def compare(fused, by_parts, *given):
  """Value and gradients; also of the unfused form, which accelerators run."""

  def with_gradients(run):
    def loss(*given):
      y = run(*given)
      weights = jnp.cos(jnp.arange(y.size, dtype=jnp.float32)).reshape(y.shape)
      return (weights * y).sum(), y

    return jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))(*given)

  expected = with_gradients(by_parts)
  # Sums of some hundred float32 of order 10, rounded apart.
  close = partial(chex.assert_trees_all_close, rtol=1e-4, atol=1e-4)
  close(with_gradients(fused), expected)
  with convolution.plain():
    close(with_gradients(fused), expected)


# --- labels


def test_labels_are_projected_on_the_features(filled, images):
  """D(x, y) - D(x, y') = <e(y) - e(y'), h(x)>, with e of spectral norm."""
  x, classes = images(4, 8, 8, 1), 5
  net, first = Critic(6, classes), jnp.zeros(4, jnp.int32)
  variables = filled(net, x, first, train=True)

  @jax.jit
  def run(labels):
    y, taken = net.apply(
      variables, x, labels, train=False, capture_intermediates=True, mutable=['intermediates']
    )
    return y, taken['intermediates']['DownBlock_2']['__call__'][0]

  one, block = run(jnp.array([0, 1, 2, 3]))
  other, _ = run(jnp.array([4, 4, 2, 0]))
  h = nn.relu(block).sum((1, 2))
  table = variables['params']['Embed_0']['weight']['kernel']
  e, _ = spectral_norm(table, variables['spectral']['Embed_0']['weight']['u'])
  steps = e[jnp.array([0, 1, 2, 3])] - e[jnp.array([4, 4, 2, 0])]
  chex.assert_trees_all_close(one - other, (steps * h).sum(-1), rtol=1e-4, atol=1e-4)
  assert one[2] == other[2] and (one != other).sum() == 3


def test_labels_change_the_image_by_their_own_gains(filled, images):
  z = jnp.tile(images(1, 7), (3, 1))
  labels = jnp.array([0, 1, 0])
  net = Generator(8, 1, 4, 3)
  variables = filled(net, z, labels, train=True)
  y = jax.jit(partial(net.apply, train=False))(variables, z, labels)
  chex.assert_trees_all_close(y[0], y[2], atol=1e-6)
  assert np.abs(y[0] - y[1]).max() > 1e-2
  tables = variables['params']['UpBlock_0']['ConditionalBatchNorm_0']
  chex.assert_shape([tables['scale'], tables['bias']], (3, 4))


def test_batch_norm_takes_the_biases_of_blocks_out_again(filled, images):
  """So that a generator without them makes the same images."""
  z = images(8, 7)
  run = lambda net: jax.jit(partial(net.apply, train=True, mutable=['batch_stats']))
  net = Generator(8, 1, 4, bias=True)
  variables = filled(net, z, train=True)
  params = dict(variables['params'])
  assert [name for name in params if 'Block' in name] == ['UpBlock_0']
  assert sum('bias' in layer for layer in params['UpBlock_0'].values()) == 5  # 3 of them convolve
  bare = {
    name: layer if 'Norm' in name else {'weight': layer['weight']}
    for name, layer in params['UpBlock_0'].items()
  }
  without = {**variables, 'params': {**params, 'UpBlock_0': bare}}
  chex.assert_trees_all_close(
    run(net)(variables, z)[0], run(net.clone(bias=False))(without, z)[0], atol=1e-5
  )


def test_images_lie_in_range(filled, images):
  net, z = Generator(8, 3, 4), 3 * images(8, 7)
  run = jax.jit(partial(net.apply, train=True, mutable=['batch_stats']))
  y, _ = run(filled(net, z, train=True), z)
  chex.assert_shape(y, (8, 8, 8, 3))
  assert -1 <= y.min() < -0.9 and 0.9 < y.max() <= 1


def test_the_critic_judges_each_image_by_itself(filled, images):
  x = images(4, 8, 8, 1)
  net = Critic(4)
  variables = filled(net, x, train=True)
  score = lambda x: net.apply(variables, x, train=True, mutable=['spectral'])[0]
  crossed = np.abs(jax.jit(jax.jacobian(score))(x)).sum((2, 3, 4)) > 0
  np.testing.assert_array_equal(crossed, np.eye(4, dtype=bool))


def test_the_critic_forgets_the_scale_of_its_kernels(filled, images):
  x = images(4, 8, 8, 1)
  net = Critic(4)
  variables = filled(net, x, train=True)
  scaled = jax.tree.map(lambda w: 100 * w if w.ndim > 1 else w, variables['params'])
  run = jax.jit(partial(net.apply, train=False))
  chex.assert_trees_all_close(run({**variables, 'params': scaled}, x), run(variables, x), rtol=1e-4)


def test_maps_double_from_the_stem_to_the_image():
  assert sizes(32) == (4, 8, 16, 32)
  assert sizes(28) == (7, 14, 28)


def test_upsampling_as_in_mimicry_is_bilinear(images):
  x, w = images(2, 3, 4, 2), jnp.eye(2)[None, None]
  wanted = jax.image.resize(x, (2, 6, 8, 2), 'linear')
  chex.assert_trees_all_close(resnet.upsample_bilinear_convolve(x, w), wanted, atol=1e-6)
