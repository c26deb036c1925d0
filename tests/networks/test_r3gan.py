"""R3GAN: sizes by hand, where weights start, blocks against their parts, labels, the range."""

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
from jaxgan.networks import r3gan
from jaxgan.networks.r3gan import Block, Critic, Generator


@pytest.mark.parametrize('conditional', [False, True])
def test_sizes_of_the_cifar_setting_by_hand(conditional):
  config = variants.configure('r3gan', 'paper', conditional=conditional)
  stage = variants.build(config, Spec(32, 3, 10)).stages[0]
  state = jax.eval_shape(partial(game.init, stage.game), jax.random.key(0), dict(stage.example))
  c, e, latent, group = 768, 1536, 64, 16
  assert e // group == 96
  block = c * e + e + 9 * group * e + e + e * c
  blocks = 4 * 2 * block
  basis, image = 4 * 4 * c, 3 * c
  given = 2 * latent if conditional else latent
  generator = (10 * latent if conditional else 0) + given * c + basis + blocks + image
  head = c * c + 10 * c if conditional else c
  critic = image + blocks + basis + head
  assert count(state.params['generator']) == generator
  assert count(state.params['critic']) == critic
  assert (generator, critic) == (
    (20_781_952, 21_280_512) if conditional else (20_732_160, 20_683_776)
  )
  assert not any(state.variables.values())


@pytest.mark.parametrize('size, channels', [(16, 1), (28, 1), (32, 3), (64, 3), (256, 3)])
@pytest.mark.parametrize('classes', [0, 10])
def test_shapes(key, size, channels, classes):
  labels = (jnp.zeros(3, jnp.int32),) if classes else ()
  shared = dict(width=16, depth=1, group=4, classes=classes)
  run = lambda net, x: jax.eval_shape(
    lambda key: net.init_with_output(key, x, *labels, train=True)[0], key
  )
  generator, critic = Generator(size, channels, **shared), Critic(**shared)
  chex.assert_shape(run(generator, jnp.zeros((3, 7))), (3, size, size, channels))
  chex.assert_shape(run(critic, jnp.zeros((3, size, size, channels))), (3,))


def test_four_stages_are_wide_and_the_next_ones_halve():
  """FFHQ: 768 four times, then 384, 192, 96."""
  assert r3gan.widths(768, 7) == (768, 768, 768, 768, 384, 192, 96)
  assert r3gan.widths(768, 3) == (768,) * 3


# --- where weights start


def test_gain():
  """sqrt(2 / (1 + 0.2^2)), a quarter root less for eight blocks."""
  np.testing.assert_allclose(r3gan.active_gain(1), 1.38675, rtol=1e-5)
  np.testing.assert_allclose(r3gan.active_gain(8), 1.38675 * 8**-0.25, rtol=1e-5)


def test_weights_start_with_the_deviations_of_the_article():
  latent, width, total = 64, 64, 2
  nets = (
    (Generator(8, 3, width, 1, 16, 10, latent), jnp.zeros((2, latent))),
    (Critic(width, 1, 16, 10), jnp.zeros((2, 8, 8, 3))),
  )
  start = lambda net, x: jax.jit(partial(net.init, train=True))(
    jax.random.key(0), x, jnp.zeros(2, jnp.int32)
  )
  generator, critic = (start(*net)['params'] for net in nets)
  gain = (2 / 1.04) ** 0.5 * total**-0.25
  kernel = lambda net, *path: jax.tree.leaves([net := net[name] for name in path][-1])[-1]
  expected = [
    (generator['basis'], 1),
    (kernel(generator, 'Dense_0', 'weight'), (2 * latent) ** -0.5),
    (kernel(generator, 'Embed_0', 'weight'), 10**-0.5),
    (kernel(generator, 'Conv_0', 'weight'), width**-0.5),
    (kernel(generator, 'Block_0', 'Conv_0', 'weight'), gain * width**-0.5),
    (kernel(generator, 'Block_0', 'Conv_1', 'weight'), gain * (9 * 16) ** -0.5),
    (kernel(critic, 'Block_1', 'Conv_1', 'weight'), gain * (9 * 16) ** -0.5),
    (critic['weights'], 1 / 4),
    (kernel(critic, 'Conv_0', 'weight'), 3**-0.5),
    (kernel(critic, 'Dense_0', 'weight'), width**-0.5),
    (kernel(critic, 'Embed_0', 'weight'), width**-0.5 * 10**-0.5),
  ]
  for values, deviation in expected:
    # Five standard errors of a deviation estimated from so many normal numbers.
    np.testing.assert_allclose(values.std(), deviation, rtol=5 / np.sqrt(2 * values.size))
  for net in (generator, critic):
    for name in ('Block_0', 'Block_1'):
      assert not kernel(net, name, 'Conv_2', 'weight').any()
      assert 'bias' not in net[name]['Conv_2']
      assert net[name]['Conv_0']['bias'].shape == net[name]['Conv_1']['bias'].shape == (2 * width,)


def test_a_block_starts_as_the_identity(images):
  x = images(2, 4, 4, 8)
  block = Block(4, r3gan.normal())
  y, _ = jax.jit(block.init_with_output)(jax.random.key(0), x)
  chex.assert_trees_all_equal(y, x)


def test_a_block_by_its_parts(filled, images):
  x = images(2, 4, 4, 8)
  block = Block(4, r3gan.normal())
  p = filled(block, x)['params']
  lrelu = lambda x: jnp.where(x > 0, x, 0.2 * x)
  product = lambda x, layer: x @ layer['weight']['kernel'][0, 0]
  add = lambda x, layer: x + layer['bias'][None, None, None]
  y = lrelu(add(product(x, p['Conv_0']), p['Conv_0']))
  y = jax.lax.conv_general_dilated(
    y,
    p['Conv_1']['weight']['kernel'],
    (1, 1),
    'SAME',
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
    feature_group_count=4,
  )
  expected = x + product(lrelu(add(y, p['Conv_1'])), p['Conv_2'])
  chex.assert_trees_all_close(jax.jit(block.apply)({'params': p}, x), expected, atol=1e-4)


# --- both networks


def test_the_first_map_is_a_learned_one_times_a_linear_function_of_the_latent(filled, images):
  """With zero branches and one map the image is that map, convolved 1x1."""
  z = images(3, 5)
  net = Generator(8, 2, 4, 1, 4)
  p = filled(net, z, train=True)['params']
  for name in ('Block_0', 'Block_1'):
    p[name]['Conv_2'] = jax.tree.map(jnp.zeros_like, p[name]['Conv_2'])
  y = net.apply({'params': p}, z, train=True)
  x = p['basis'][None] * (z @ p['Dense_0']['weight']['kernel'])[:, None, None]
  bilinear = jax.image.resize(x, (3, 8, 8, 4), 'linear')
  expected = bilinear @ p['Conv_0']['weight']['kernel'][0, 0]
  # Inside the border, where zeros outside do not count, resampling is linear interpolation.
  chex.assert_trees_all_close(y[:, 1:-1, 1:-1], expected[:, 1:-1, 1:-1], atol=1e-4)


def test_images_are_clipped_outside_of_training_alone(filled, images):
  z = 5 * images(3, 5)
  net = Generator(8, 1, 4, 1, 4)
  variables = filled(net, z, train=True)
  free, clipped = (net.apply(variables, z, train=train) for train in (True, False))
  assert np.abs(free).max() > 1
  chex.assert_trees_all_equal(clipped, jnp.clip(free, -1, 1))


def test_labels_are_projected_on_the_features(filled, images):
  """Logits are <f(x), e(y)>: linear in the table of embeddings."""
  x, labels = images(3, 8, 8, 1), jnp.array([0, 2, 2])
  net = Critic(4, 1, 4, 3)
  variables = filled(net, x, labels, train=True)
  run = jax.jit(partial(net.apply, train=False))
  table = variables['params']['Embed_0']['weight']['kernel']
  taken = net.apply(variables, x, labels, train=False, capture_intermediates=True)[1]
  features = taken['intermediates']['Dense_0']['__call__'][0]
  chex.assert_trees_all_close(
    run(variables, x, labels), (features * table[labels]).sum(-1), rtol=1e-5, atol=1e-5
  )
  assert nn.relu(features).shape == (3, 4)


def test_the_critic_judges_each_image_by_itself(filled, images):
  x = images(3, 8, 8, 1)
  net = Critic(4, 1, 4)
  variables = filled(net, x, train=True)
  crossed = jax.jit(jax.jacrev(lambda x: net.apply(variables, x, train=True)))(x)
  np.testing.assert_array_equal(np.abs(crossed).sum((2, 3, 4)) > 0, np.eye(3, dtype=bool))
