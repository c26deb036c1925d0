"""BigGAN: published sizes, which latents reach which block, attention, labels, both block forms."""

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
from jaxgan.networks import biggan
from jaxgan.networks.biggan import Critic, DeepDownBlock, DeepUpBlock, Generator
from jaxgan.nn.convolutions import Conv
from jaxgan.ops.resample import pool, upsample


def sizes(spec, **options):
  """Parameters of generator and critic, from shapes alone."""
  config = variants.configure('biggan', 'paper', **options)
  stage = variants.build(config, spec).stages[0]
  state = jax.eval_shape(partial(game.init, stage.game), jax.random.key(0), dict(stage.example))
  return count(state.params['generator']), count(state.params['critic'])


def test_published_sizes_of_cifar():
  assert sizes(Spec(32, 3, 10)) == (9_416_196, 2_415_170)


def test_sizes_at_128_pixels():
  """As this code has them, so that a layer that changes is seen; not a published count."""
  assert sizes(Spec(128, 3, 1000), attention=64, latent_size=120) == (70_433_988, 87_982_370)
  deep = dict(deep=True, attention=64, latent_size=128, generator_width=128, critic_width=128)
  assert sizes(Spec(128, 3, 1000), **deep) == (50_244_484, 34_590_210)


def test_every_kernel_but_the_shared_embedding_is_spectral():
  stage = variants.build(variants.configure('biggan'), Spec(16, 1, 10)).stages[0]
  state = jax.eval_shape(partial(game.init, stage.game), jax.random.key(0), dict(stage.example))
  above = lambda tree: {
    jax.tree_util.keystr(path[:-1])
    for path, x in jax.tree_util.tree_leaves_with_path(tree)
    if path[-1].key in ('kernel', 'u')
  }
  for name in ('generator', 'critic'):
    missing = above(state.params[name]) - above(state.variables[name]['spectral'])
    assert missing == ({"['shared']['weight']"} if name == 'generator' else set())


@pytest.mark.parametrize('deep', [False, True])
@pytest.mark.parametrize('size, channels', [(16, 1), (28, 1), (32, 3), (64, 3), (256, 3), (56, 1)])
def test_shapes(key, size, channels, deep):
  run = lambda net, *x: jax.eval_shape(
    lambda key: net.init_with_output(key, *x, train=True)[0], key
  )
  labels = jnp.zeros(3, jnp.int32)
  chex.assert_shape(
    run(Generator(size, channels, 4, 10, 5, deep=deep), jnp.zeros((3, 9)), labels),
    (3, size, size, channels),
  )
  images = jnp.zeros((3, size, size, channels))
  chex.assert_shape(run(Critic(4, 10, deep=deep), images, labels), (3,))
  chex.assert_shape(run(Critic(4, deep=deep), images), (3,))


@pytest.mark.parametrize('deep', [False, True])
@pytest.mark.parametrize('size, limit, side', [(32, 16, 16), (16, 16, 8), (28, 16, 14), (64, 0, 0)])
def test_both_networks_attend_once_and_at_one_size(key, deep, size, limit, side):
  assert biggan.attended(size, limit) == side
  nets = (
    (Generator(size, 1, 4, attention=limit, deep=deep), jnp.zeros((2, 9))),
    (Critic(4, attention=limit, deep=deep), jnp.zeros((2, size, size, 1))),
  )
  for net, x in nets:
    run = partial(net.init_with_output, train=True, capture_intermediates=True)
    taken = jax.eval_shape(run, key, x)[1]['intermediates']
    found = [v['__call__'][0].shape[1] for k, v in taken.items() if 'Attention' in k]
    assert found == ([side] if side else [])


@pytest.mark.parametrize('size', [18, 512])
def test_impossible_sizes_are_named(key, size):
  with pytest.raises(ValueError, match=f'these are {size}'):
    jax.eval_shape(partial(Critic(4).init, train=True), key, jnp.zeros((2, size, size, 1)))


def test_a_latent_needs_a_number_for_every_block(key):
  with pytest.raises(ValueError, match='latents of 3 numbers or more'):
    Generator(16, 1, 4).init(key, jnp.zeros((2, 2)), train=True)


# --- the hierarchical latent


def reached(filled, net, z, labels):
  """Which latents each block's output hangs on, with statistics held fixed: `[block, Z]`."""
  variables = filled(net, z, labels, train=True)

  def blocks(z):
    _, taken = net.apply(
      variables, z, labels, train=False, capture_intermediates=True, mutable=['intermediates']
    )
    taken = taken['intermediates']
    names = ['Dense_0', *sorted(name for name in taken if 'UpBlock' in name)]
    return jnp.stack([(taken[name]['__call__'][0] ** 2).sum() for name in names])

  return np.abs(jax.jit(jax.jacrev(blocks))(z)).max(1) > 0


def test_chunks_reach_their_blocks_and_those_after(filled, images):
  """7 numbers over the first map and two blocks: 3, 2 and 2."""
  net = Generator(16, 1, 4, 3, 5, attention=0)
  found = reached(filled, net, images(2, 7), jnp.array([0, 1]))
  np.testing.assert_array_equal(found, np.arange(7)[None] < np.array([[3], [5], [7]]))


def test_the_deep_form_gives_the_whole_latent_to_all(filled, images):
  net = Generator(8, 1, 4, 3, 5, deep=True)
  found = reached(filled, net, images(2, 7), jnp.array([0, 1]))
  assert found.shape == (3, 7) and found.all()


# --- blocks


class Scaled(nn.Module):
  """In place of batch norm: the condition's first number times the map."""

  @nn.compact
  def __call__(self, x, condition, *, train):
    return x * condition[:, :1, None, None]


@pytest.fixture
def bare(monkeypatch):
  """Blocks whose kernels are used as they are."""
  monkeypatch.setattr(biggan, 'conv', Conv)


def by_lax(x, layer):
  y = jax.lax.conv_general_dilated(
    x, layer['weight']['kernel'], (1, 1), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC')
  )
  return y + layer['bias'][None, None, None] if 'bias' in layer else y


@pytest.mark.parametrize('up', [True, False])
def test_a_deep_up_block_drops_the_last_channels(bare, filled, images, up):
  x, condition = images(2, 4, 4, 8), images(2, 3, seed=1)
  block = DeepUpBlock(6, up, norm=Scaled)
  p = filled(block, x, condition, train=True)['params']
  assert p['Conv_1']['weight']['kernel'].shape == (3, 3, 2, 2)
  change = upsample if up else lambda x: x
  active = lambda x: nn.relu(x * condition[:, :1, None, None])
  y = change(active(by_lax(active(x), p['Conv_0'])))
  y = by_lax(active(by_lax(y, p['Conv_1'])), p['Conv_2'])
  expected = by_lax(active(y), p['Conv_3']) + change(x)[..., :6]
  run = jax.jit(partial(block.apply, train=True))
  chex.assert_trees_all_close(run({'params': p}, x, condition), expected, atol=1e-4)


@pytest.mark.parametrize('down, width', [(True, 12), (False, 8)])
def test_a_deep_down_block_adds_channels_after_the_input(bare, filled, images, down, width):
  x = images(2, 4, 4, 8)
  block = DeepDownBlock(width, down)
  p = filled(block, x)['params']
  assert p['Conv_1']['weight']['kernel'].shape == (3, 3, width // 4, width // 4)
  change = pool if down else lambda x: x
  y = by_lax(nn.relu(x), p['Conv_0'])
  y = by_lax(nn.relu(by_lax(nn.relu(y), p['Conv_1'])), p['Conv_2'])
  y, x_small = by_lax(change(nn.relu(y)), p['Conv_3']), change(x)
  wide = [x_small, by_lax(x_small, p['Conv_4'])] if width > 8 else [x_small]
  assert ('Conv_4' in p) == (width > 8)
  run = jax.jit(block.apply)
  chex.assert_trees_all_close(run({'params': p}, x), y + jnp.concatenate(wide, -1), atol=1e-4)


# --- labels


def test_labels_change_the_image_through_the_shared_embedding(filled, images):
  z, labels = jnp.tile(images(1, 7), (3, 1)), jnp.array([0, 1, 0])
  net = Generator(8, 3, 4, 3, 5)
  variables = filled(net, z, labels, train=True)
  y = jax.jit(partial(net.apply, train=False))(variables, z, labels)
  chex.assert_trees_all_close(y[0], y[2], atol=1e-6)
  assert np.abs(y[0] - y[1]).max() > 1e-3 and np.abs(y).max() <= 1


@pytest.mark.parametrize('deep', [False, True])
def test_labels_are_projected_on_the_features(filled, images, deep):
  """The same image under each label: only the inner product with the embedding differs."""
  x, labels = jnp.tile(images(1, 8, 8, 1), (3, 1, 1, 1)), jnp.arange(3)
  net = Critic(4, 3, deep=deep)
  variables = filled(net, x, labels, train=True)
  assert set(variables) == {'params', 'spectral'}
  run = jax.jit(partial(net.apply, train=False))
  logits = run(variables, x, labels)
  assert len(set(np.float32(logits).tolist())) == 3
  table = variables['params']['Embed_0']
  zero = {**variables['params'], 'Embed_0': jax.tree.map(lambda w: w[:1] * jnp.ones_like(w), table)}
  same = run({**variables, 'params': zero}, x, labels)
  chex.assert_trees_all_close(same, jnp.broadcast_to(same[:1], (3,)), rtol=1e-5)


def test_the_deep_form_plays():
  """Traced, not run; the common tests play the plain one."""
  small = dict(generator_width=4, critic_width=4, batch_size=4)
  config = variants.configure('biggan', deep=True, orthogonal=1e-4, **small)
  stage = variants.build(config, Spec(16, 1, 10)).stages[0]
  state = jax.eval_shape(partial(game.init, stage.game), jax.random.key(0), dict(stage.example))
  batches = {'image': jnp.zeros((1, 4, 16, 16, 1)), 'label': jnp.zeros((1, 4), jnp.int32)}
  after, logs = jax.eval_shape(partial(game.train_step, stage.game), state, batches)
  chex.assert_trees_all_equal_shapes_and_dtypes(after, state)
  assert {'critic/loss', 'generator/loss', 'generator/regulariser'} <= set(logs)
