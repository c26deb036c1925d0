"""Networks from image to image: published sizes, who sees what, sizes of any kind."""

from functools import partial

import chex
import jax
import jax.numpy as jnp
import pytest

from by_path import count
from jaxgan import variants
from jaxgan.core import game
from jaxgan.core.typing import Spec
from jaxgan.networks.cyclegan import ResNetGenerator
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


@pytest.mark.parametrize('shape', [(16, 16), (28, 28), (24, 40)])
def test_generators_keep_sizes(key, shape):
  x = jnp.zeros((2, *shape, 3))
  for net in (ResNetGenerator(1, 4, 2), UNet(1, halvings(min(shape)), 4)):
    made = jax.eval_shape(lambda net=net: net.init_with_output(key, x, train=False)[0])
    chex.assert_shape(made, (2, *shape, 1))


def test_instance_norm_keeps_images_apart(filled, images):
  net, x = ResNetGenerator(3, 4, 1), images(3, 16, 16, 3)
  apply = jax.jit(partial(net.apply, filled(net, x)))
  chex.assert_trees_all_close(apply(x)[1:2], apply(x[1:2]), atol=1e-5)
