"""Networks of super-resolution: published sizes, what comes out, where nothing is added."""

from functools import partial

import chex
import jax
import jax.numpy as jnp
import pytest

from by_path import count
from jaxgan import variants
from jaxgan.core import game
from jaxgan.core.typing import Spec
from jaxgan.networks.esrgan import RRDBNet
from jaxgan.networks.srgan import Critic, SRResNet


@pytest.mark.parametrize(
  'variant, size, generator, critic',
  [('srgan', 96, 1_547_350, 23_563_649), ('esrgan', 128, 16_697_987, 14_499_400)],
)
def test_published_sizes(variant, size, generator, critic):
  """ESRGAN's critic is 14 502 281 with biases before its norms and after its last layer."""
  stage = variants.build(variants.configure(variant, 'paper'), Spec(size, 3)).stages[-1]
  state = jax.eval_shape(partial(game.init, stage.game), jax.random.key(0), dict(stage.example))
  sizes = {name: count(params) for name, params in state.params.items()}
  assert sizes == {'generator': generator, 'critic': critic}


@pytest.mark.parametrize('net', [SRResNet(1, 4, 1), RRDBNet(1, 4, 1, 4)])
@pytest.mark.parametrize('shape', [(4, 4), (5, 9)])
def test_four_times_as_large(key, net, shape):
  x = jnp.zeros((2, *shape, 3))
  made = jax.eval_shape(lambda: net.init_with_output(key, x, train=False)[0])
  chex.assert_shape(made, (2, 4 * shape[0], 4 * shape[1], 1))


def test_critics_score_an_image_each(key):
  for net, size in ((Critic((4, 8)), 16), (Critic((4, 8, 8), down=4, hidden=5, bias=False), 28)):
    scored = jax.eval_shape(
      lambda net=net, n=size: net.init_with_output(key, jnp.zeros((3, n, n, 1)), train=True)[0]
    )
    chex.assert_shape(scored, (3,))
