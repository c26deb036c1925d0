"""The FID's network, against torch-fidelity 0.4.0 of the same weights."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.evaluation import random_weights
from jaxgan.networks.pretrained import inception
from jaxgan.networks.pretrained.inception import Inception, pool, resize


@pytest.fixture(scope='module')
def weights():
  return random_weights()


def image(shape):
  return np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)


GOLDEN = {
  (1, 32, 32, 3): (
    (135.840384, 2.28067327, 2.51644087, 1.26555693, 2.73893905),
    (100.226871, 1.75576091, 0.707241297, -2.43682742, 2.80442953),
  ),
  (1, 40, 96, 3): (
    (147.867881, 2.44694853, 2.67135811, 1.39804411, 2.9887867),
    (109.044518, 1.81953669, 0.729318857, -2.54466915, 3.03502035),
  ),
}


@pytest.mark.parametrize('shape', GOLDEN)
def test_matches_torch_fidelity(weights, shape):
  """Norm and first features, norm and first logits."""
  apply = jax.jit(lambda x: Inception().apply({'params': inception.converted(weights)}, x))
  for found, expected in zip(apply(image(shape)), GOLDEN[shape], strict=True):
    values = np.asarray(found, np.float64)[0]
    chex.assert_trees_all_close(np.linalg.norm(values), expected[0], rtol=1e-5)
    chex.assert_trees_all_close(
      values[:4], np.array(expected[1:]), atol=1e-5 * np.abs(values).max()
    )


def apart(weights, **patched):
  """How far the features are from the golden ones where the network is not quite the FID's."""
  with pytest.MonkeyPatch.context() as patch:
    for name, value in patched.items():
      patch.setattr(inception, name, value)
    shape, params = (1, 32, 32, 3), inception.converted(weights)
    found = jax.jit(lambda x: Inception().apply({'params': params}, x))(image(shape))[0]
  golden = GOLDEN[shape][0]
  return abs(float(jnp.linalg.norm(found)) / golden[0] - 1)


@pytest.mark.slow
def test_near_relatives_are_told_apart(weights):
  """An average in the last block, padding that counts, a resize by half pixels."""
  blocks = {**inception.BLOCKS, 'Mixed_7c': inception.BLOCKS['Mixed_7b']}

  def counting(x, kind, stride=1):
    if kind == 'max' or stride == 2:
      return pool(x, kind, stride)
    pads = ((0, 0), (1, 1), (1, 1), (0, 0))
    return jax.lax.reduce_window(x, 0.0, jax.lax.add, (1, 3, 3, 1), (1, 1, 1, 1), pads) / 9

  half = lambda x, size=299: jax.image.resize(x, (*x.shape[:1], size, size, 3), 'bilinear')
  assert apart(weights) < 1e-5
  for patched in ({'BLOCKS': blocks}, {'pool': counting}, {'resize': half}):
    assert apart(weights, **patched) > 1e-4, patched


def test_has_its_parameters(weights):
  """23 850 960 with the 1008 biases of the logits, which scores leave out."""
  params = inception.converted(weights)
  assert sum(x.size for x in jax.tree.leaves(params)) + 1008 == 23_850_960


def test_resize_is_that_of_tensorflow_1():
  """Output i lies at i n / size, and the last pixel repeats."""
  ramp = jnp.arange(4.0)[None, :, None, None] * jnp.ones((1, 4, 5, 1))
  x = resize(ramp, 8)
  chex.assert_shape(x, (1, 8, 8, 1))
  chex.assert_trees_all_close(x[0, :, 0, 0], jnp.array([0, 0.5, 1, 1.5, 2, 2.5, 3, 3]))
  chex.assert_trees_all_close(resize(ramp, 4)[:, :, :1], ramp[:, :, :1])


def test_padding_does_not_count_in_averages():
  chex.assert_trees_all_close(pool(jnp.ones((1, 5, 5, 2)), 'average'), jnp.ones((1, 5, 5, 2)))
  chex.assert_shape(pool(jnp.ones((1, 7, 7, 2)), 'max', 2), (1, 3, 3, 2))
  assert pool(-jnp.ones((1, 3, 3, 1)), 'max').max() == -1


def test_other_weights_are_refused(weights):
  with pytest.raises(ValueError, match='not the weights of the FID Inception'):
    inception.converted({k: v for k, v in weights.items() if k != 'Mixed_5b.branch1x1.bn.bias'})
  with pytest.raises(ValueError, match='fc.weight'):
    inception.converted({})
