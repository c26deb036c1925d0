"""VGG19's maps, against PyTorch's layers of the same weights."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.networks.pretrained.vgg import BLOCKS, VGG19, converted


@pytest.fixture(scope='module')
def state():
  """Weights by torchvision's names, He's normal, drawn in the order of the layers."""
  draw, made, at, channels = np.random.default_rng(0), {}, 0, 3
  for width, count in BLOCKS:
    for _ in range(count):
      drawn = draw.standard_normal((width, channels, 3, 3), np.float32)
      made[f'features.{at}.weight'] = drawn * np.float32(np.sqrt(2 / (9 * channels)))
      made[f'features.{at}.bias'] = draw.uniform(-0.1, 0.1, width).astype(np.float32)
      at, channels = at + 2, width
    at += 1
  return made


@pytest.mark.parametrize(
  'rectified, norm, values',
  [
    (True, 23.0280550084, [1.1567028761, 0.3368122876, 0.0, 0.2858712077]),
    (False, 32.9145706254, [1.1567028761, 0.3368122876, -0.2010304034, 0.2858712077]),
  ],
)
def test_matches_pytorch(state, rectified, norm, values):
  """2.13.0: conv5_4 of nn.Conv2d, ReLU and MaxPool2d, after and before its ReLU."""
  x = np.random.default_rng(1).uniform(-1, 1, (1, 35, 32, 3)).astype(np.float32)
  apply = jax.jit(lambda params, x: VGG19(rectified).apply({'params': params}, x))
  maps = np.asarray(apply(converted(state), x), np.float64)
  chex.assert_shape(maps, (1, 2, 2, 512))
  chex.assert_trees_all_close(np.linalg.norm(maps), norm, rtol=1e-5)
  chex.assert_trees_all_close(maps[0, 0, 1, :4], np.array(values), atol=1e-5)


def test_has_its_parameters(state):
  assert sum(x.size for x in jax.tree.leaves(converted(state))) == 20_024_384


def test_grey_is_taken_as_rgb():
  shape = jax.eval_shape(lambda: VGG19().init(jax.random.key(0), jnp.zeros((2, 16, 16, 1))))
  assert shape['params']['conv1_1']['weight']['kernel'].shape == (3, 3, 3, 64)
  with pytest.raises(ValueError, match='VGG19 needs images of 16 pixels or more'):
    jax.eval_shape(lambda: VGG19().init(jax.random.key(0), jnp.zeros((2, 15, 16, 3))))


def test_other_weights_are_refused(state):
  with pytest.raises(ValueError, match="weights of a VGG19 of torchvision: 'features.34.bias'"):
    converted({k: v for k, v in state.items() if k != 'features.34.bias'})
  with pytest.raises(ValueError, match='features.0 has shapes'):
    converted({**state, 'features.0.weight': np.zeros((64, 1, 3, 3))})
