"""Layers in their order, and optimizers that leave the first of them."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import variants
from jaxgan.core import freezing, game, network_transforms
from jaxgan.core.network import linen
from jaxgan.core.state import named
from jaxgan.core.typing import Spec
from jaxgan.networks import dcgan, mlp
from jaxgan.nn import minibatch

SIZES = {'cyclegan': 32, 'cut': 32, 'pix2pix': 32}


def critic_of(variant, **options):
  size = SIZES.get(variant, 16)
  config = variants.configure(variant, image_size=size, **options)
  stage = variants.build(config, Spec(size, 3, 5)).stages[-1]
  name = next(name for name in stage.game.networks if name.startswith('critic'))
  return stage.game.networks[name], stage.example[name]


def modules(network, example):
  return [names[0].partition('/')[0] for names in freezing.layers(network, *example)]


ORDERS = {
  'dcgan': ['Conv_0', 'Conv_1', 'Dense_0'],
  'cgan': ['Conv_0', 'Conv_1', 'Dense_0'],  # not the table of classes, which is made first
  'biggan': ['DownBlock_0', 'SelfAttention_0', 'DownBlock_1', 'DownBlock_2', 'Dense_0'],
  'progan': [
    *('image_16', 'layer_16_0', 'layer_16_1', 'layer_8_0', 'layer_8_1'),
    *('layer_4', 'dense', 'logit'),
  ],
  'cyclegan': ['Conv_0', 'Conv_1', 'Conv_2'],
}


@pytest.mark.parametrize('variant', ORDERS)
def test_layers_come_in_the_order_of_the_computation(variant):
  options = {'attention': 8} if variant == 'biggan' else {}
  assert modules(*critic_of(variant, **options)) == ORDERS[variant]


def test_a_norm_belongs_to_the_layer_before_it():
  critic = linen(dcgan.Critic((4, 8)))
  first, second, _ = freezing.layers(critic, jnp.zeros((2, 16, 16, 1)))
  assert all(name.startswith('Conv_0/') for name in first)
  assert {name.partition('/')[0] for name in second} == {'Conv_1', 'BatchNorm_0'}


def test_layers_below_a_head_are_seen_one_by_one():
  whole = network_transforms.with_head(
    linen(mlp.Critic(widths=(4, 4))), linen(minibatch.MinibatchHead(2))
  )
  found = freezing.layers(whole, jnp.zeros((2, 4, 4, 1)))
  assert [names[0] for names in found[:2]] == [
    'body/Dense_0/weight/kernel',
    'body/Dense_1/weight/kernel',
  ]


@pytest.mark.parametrize('optimizer', [optax.adam(0.1), optax.rmsprop(0.1), optax.adamw(0.1)])
def test_held_parameters_and_their_state_stay_to_the_bit(optimizer):
  params = {'critic': {'a': {'kernel': jnp.array([-0.0, 1e-30, 2.0])}, 'b': jnp.ones(2)}}
  held = freezing.without(optimizer, ['critic/a/kernel'])
  state = held.init(params)
  grads = jax.tree.map(lambda x: x + 3, params)
  updates, after = held.update(grads, state, params)
  moved = optax.apply_updates(params, updates)
  before = np.asarray(params['critic']['a']['kernel']).tobytes()
  assert np.asarray(moved['critic']['a']['kernel']).tobytes() == before
  assert not np.array_equal(moved['critic']['b'], params['critic']['b'])
  pairs = zip(jax.tree_util.tree_leaves_with_path(state), jax.tree.leaves(after), strict=True)
  for (path, old), new in pairs:
    name = jax.tree_util.keystr(path, simple=True, separator='/')
    assert np.array_equal(old, new) == name.endswith('a/kernel'), name


def test_the_rest_moves_as_without_freezing():
  """Frozen layers take no part in a norm of all gradients, and change no other update."""
  params = {'critic': {'a': jnp.ones(2), 'b': jnp.ones(2)}}
  grads = {'critic': {'a': jnp.full(2, 1e6), 'b': jnp.full(2, 0.5)}}
  clipped = optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(0.1))
  held = freezing.without(clipped, ['critic/a'])
  updates, _ = held.update(grads, held.init(params), params)
  np.testing.assert_allclose(updates['critic']['b'], -0.1 * 0.5, rtol=1e-6)


def tiny(freeze, variant='gan'):
  config = variants.configure(variant, image_size=8, widths=(4, 4), batch_size=4, freeze=freeze)
  return variants.build(config, Spec(8, 1)).stages[0]


def test_too_many_layers_are_refused():
  with pytest.raises(ValueError, match=r'--freeze=3 leaves nothing to train .* has 3 layers'):
    tiny(3)
  assert tiny(2)


def played(stage, size, batch, channels=1):
  """Return a state and the one two steps later: blocks that end in zeros need the second."""
  state = jax.jit(lambda key: game.init(stage.game, key, dict(stage.example)))(jax.random.key(0))
  shape = (stage.game.microbatches, batch, size, size, channels)
  noise = lambda seed: jax.random.normal(jax.random.key(seed), shape)
  given = {'image': noise(1), 'target': noise(2), 'label': jnp.zeros(shape[:2], jnp.int32)}
  step = jax.jit(game.train_step, static_argnums=0)
  return state, step(stage.game, step(stage.game, state, given)[0], given)[0]


def same(one, other):
  """Return the names of all arrays of two trees that are equal to the bit."""
  after = named({name: other[name] for name in one})
  equal = lambda x, y: np.asarray(x).tobytes() == np.asarray(y).tobytes()
  return {name for name, x in named(one).items() if equal(x, after[name])}


NARROW = dict(
  **dict(width=4, widths=(4, 4), generator_width=4, critic_width=4, base=16, latent_size=3),
  **dict(blocks=1, growth=2, pool=4, unroll=1, mapping_layers=1, shared_size=4, cardinality=4),
  **dict(pack=1, group=2, pretrain=2, scale=2, stage_images=8, path_weight=0.0, augment='none'),
)


@pytest.mark.parametrize(
  'variant', ['gan', *(pytest.param(v, marks=pytest.mark.slow) for v in variants.VARIANTS)]
)
def test_steps_leave_the_frozen_layers_and_move_the_others(variant):
  images = {'cyclegan': 32, 'cut': 32, 'pix2pix': 32, 'spade': 16, 'srgan': 16, 'esrgan': 16}
  size = images.get(variant, 8)
  names = {field.name for field in dataclasses.fields(variants.module(variant).Config)}
  narrow = {name: value for name, value in NARROW.items() if name in names}
  config = variants.configure(variant, **narrow, image_size=size, batch_size=4, freeze=1)
  stage = variants.build(config, Spec(size, 1, 3)).stages[-1]
  frozen = set(freezing.first(stage.game, stage.example, 1))
  state, after = played(stage, size, 4)
  critics = {name: x for name, x in state.params.items() if name.startswith('critic')}
  still = same(critics, after.params)
  assert frozen and frozen <= still
  assert len(still - frozen) <= 1  # the last bias of some critics has no gradient, rightly
  others = {name: x for name, x in state.params.items() if name.startswith('generator')}
  assert not any(name.endswith('kernel') for name in same(others, after.params))


def test_no_freezing_is_the_same_game():
  stage = tiny(0)
  assert freezing.frozen(stage.game, stage.example, 0) is stage.game
  assert freezing.most(stage.game, stage.example) == 2
  alone = dataclasses.replace(
    stage.game,
    networks={'generator': stage.game.networks['generator']},
    players={'generator': stage.game.players['generator']},
    turns=[turn for turn in stage.game.turns if turn.player == 'generator'],
  )
  assert freezing.most(alone, stage.example) == 0
