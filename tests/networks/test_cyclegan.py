"""Networks from image to image: published sizes, who sees what, sizes of any kind."""

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
from jaxgan.networks.cyclegan import ResNetGenerator
from jaxgan.networks.patch_discriminator import PatchCritic, field, most_layers
from jaxgan.networks.pix2pix import UNet, halvings


@pytest.mark.parametrize(
  'variant, generator, critic',
  [('cyclegan', 11_378_179, 2_764_737), ('pix2pix', 54_413_955, 2_768_705)],
)
def test_published_sizes(variant, generator, critic):
  stage = variants.build(variants.configure(variant, 'paper'), Spec(256, 3)).stages[0]
  state = jax.eval_shape(partial(game.init, stage.game), jax.random.key(0), dict(stage.example))
  sizes = {'generator': generator, 'critic': critic}
  assert len(state.params) == (4 if variant == 'cyclegan' else 2)
  for name, params in state.params.items():
    assert count(params) == sizes[name.split('_')[0]], name


@pytest.mark.parametrize('layers, seen', [(1, 16), (2, 34), (3, 70)])
def test_a_logit_sees_a_patch(filled, images, layers, seen):
  """A mask of the gradient of one logit inside; without norms, which see everything."""
  size, net = 80, PatchCritic(layers, 1, norm='batch')
  x = images(1, size, size, 1)
  variables = filled(net, x, train=False)
  logits = lambda x: net.apply(variables, x, train=False)
  middle = jax.eval_shape(logits, x).shape[1] // 2
  slope = jax.jit(jax.grad(lambda x: logits(x)[0, middle, middle]))(x)
  rows, columns = np.nonzero(np.asarray(slope)[0, :, :, 0])
  assert np.ptp(rows) + 1 == np.ptp(columns) + 1 == seen == field(layers)


def test_critics_fit_into_images():
  assert [most_layers(size) for size in (16, 33, 34, 69, 70, 256)] == [1, 1, 2, 2, 3, 3]
  with pytest.raises(ValueError, match='16 pixels or more, these are 15'):
    most_layers(15)
  net = PatchCritic(3, 64)
  start = lambda: net.init_with_output(jax.random.key(0), jnp.zeros((2, 256, 256, 3)), train=True)
  chex.assert_shape(jax.eval_shape(start)[0], (2, 30, 30))


@pytest.mark.parametrize('shape', [(16, 16), (28, 28), (24, 40)])
def test_generators_keep_sizes(key, shape):
  x = jnp.zeros((2, *shape, 3))
  for net in (ResNetGenerator(1, 4, 2), UNet(1, halvings(min(shape)), 4)):
    made = jax.eval_shape(lambda net=net: net.init_with_output(key, x, train=False)[0])
    chex.assert_shape(made, (2, *shape, 1))


def test_halvings():
  assert [halvings(size) for size in (8, 9, 16, 28, 64, 128, 256, 512)] == [3, 4, 4, 5, 6, 7, 8, 8]
  with pytest.raises(ValueError, match='8 pixels or more'):
    halvings(7)


def test_instance_norm_keeps_images_apart(filled, images):
  net, x = ResNetGenerator(3, 4, 1), images(3, 16, 16, 3)
  apply = jax.jit(partial(net.apply, filled(net, x)))
  chex.assert_trees_all_close(apply(x)[1:2], apply(x[1:2]), atol=1e-5)


def test_noise_is_drawn_where_a_key_is_given(filled, images):
  net, x = UNet(1, 4, 4), images(2, 16, 16, 1)
  variables = filled(net, x, train=False)
  noise = lambda key: {} if key is None else {'dropout': key}
  apply = jax.jit(lambda key=None: net.apply(variables, x, train=False, rngs=noise(key)))
  still, one, two = apply(), *(apply(jax.random.key(i)) for i in (0, 1))
  assert (one != still).any() and (one != two).any()
  chex.assert_trees_all_equal(one, apply(jax.random.key(0)))


def test_only_batch_norm_has_statistics(key):
  for norm, kinds in (('batch', {'params', 'batch_stats'}), ('instance', {'params'})):
    for net in (UNet(1, 4, 4, norm), PatchCritic(1, 4, norm)):
      start = lambda net=net: net.init(key, jnp.zeros((2, 16, 16, 1)), train=True)
      assert set(jax.eval_shape(start)) == kinds
