"""SPADE: the article's setting, and options that mean nothing."""

import math

import jax
import jax.numpy as jnp
import pytest

from jaxgan import variants
from jaxgan.core import game
from jaxgan.core.nets import Nets
from jaxgan.core.network import Network
from jaxgan.core.typing import Spec


def test_the_setting_of_the_article():
  config = variants.configure('spade', 'paper')
  stage = variants.build(config, Spec(256, 3)).stages[0]
  state = jax.eval_shape(lambda: game.init(stage.game, jax.random.key(0), dict(stage.example)))
  count = lambda tree: sum(math.prod(x.shape) for x in jax.tree.leaves(tree))
  assert count(state.params['generator']) == 96_488_451
  critic = lambda inputs: sum(
    16 * a * b + bias
    for a, b, bias in ((inputs, 64, 64), (64, 128, 0), (128, 256, 0), (256, 512, 0), (512, 1, 1))
  )
  assert count(state.params['critic']) == 2 * critic(151 + 3)
  assert (config.generator_lr, config.critic_lr, config.beta1, config.beta2) == (
    1e-4,
    4e-4,
    0,
    0.999,
  )
  assert stage.game.memory['palette'].shape == (151, 3)


@pytest.mark.parametrize('direction', ['AtoB', 'BtoA'])
def test_it_translates_one_way_and_any_size(direction):
  config = variants.configure('spade', direction=direction, width=2)
  interface = variants.build(config, Spec(64, 3)).interface
  assert list(interface.ways) == [direction] and interface.needs == 'pairs'
  way = interface.ways[direction]
  assert (way.multiple, way.smallest, way.scale) == (8, 16, 1)


def test_translations_and_pictures_go_by_labels():
  """With a generator that shows the channel of label 1; the colors are -1, 0 and 1."""
  config = variants.configure('spade', labels=3, width=2)
  interface = variants.build(config, Spec(16, 1)).interface
  network = Network(None, lambda v, maps, train, key=None: (maps[..., 1:2], v))
  colors = {'palette': jnp.array([[-1.0], [0.0], [1.0]])}
  nets = Nets({'generator': network}, {'generator': {}}, {'generator': {}}, colors, train=False)
  image = jnp.array([-0.8, 0.1, 0.4, 0.7]).reshape(1, 2, 2, 1)
  key = jax.random.key(0)
  assert interface.ways['AtoB'].apply(nets, image, key).ravel().tolist() == [0, 1, 1, 0]
  shown = interface.show(nets, {'image': image, 'target': -image}, key)
  assert shown[0, :2, ..., 0].reshape(2, 4).tolist() == [[-1, 0, 0, 1], [0, 1, 1, 0]]
  assert len(interface.shown) == 3 and (shown[:, 2] == -image).all()


@pytest.mark.parametrize(
  ('options', 'words'),
  [
    (dict(labels=0), '--labels must be above 0'),
    (dict(scales=0), '--scales must be above 0'),
    (dict(matching=-1.0), '--matching must be 0 or above'),
  ],
)
def test_what_means_nothing_is_refused(options, words):
  with pytest.raises(ValueError, match=words):
    variants.configure('spade', **options)
