"""Layers of networks that grow, against closed forms and NumPy."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.nn import equalized, minibatch
from jaxgan.nn.convolutions import Conv


def draw(*shape):
  """N(0, 1), by NumPy: to compile JAX's generator for each shape would take seconds."""
  return jnp.float32(np.random.default_rng(0).standard_normal(shape))


@pytest.mark.parametrize('rate', [1.0, 0.01])
@pytest.mark.parametrize('gain', [2**0.5, 1.0])
def test_equalised_kernels_have_hes_deviation_when_used(key, gain, rate):
  layer = equalized.EqualizedKernel((3, 3, 16, 200), gain, rate)
  variables = layer.init(key)
  np.testing.assert_allclose(variables['params']['kernel'].std(), 1 / rate, rtol=0.02)
  used = layer.apply(variables)
  np.testing.assert_allclose(used.std(), gain / np.sqrt(3 * 3 * 16), rtol=0.02)


def test_equalised_layers_scale_kernel_and_bias(key):
  x = draw(5, 4, 4, 6)
  dense = equalized.EqualizedDense(3, gain=1.0, rate=0.1, bias=2.0)
  variables = dense.init(key, x)
  w, b = variables['params']['weight']['kernel'], variables['params']['bias']
  np.testing.assert_allclose(b, 20.0)
  expected = np.asarray(x) @ np.asarray(w) * 0.1 / np.sqrt(6) + 2.0
  np.testing.assert_allclose(dense.apply(variables, x), expected, atol=1e-5)
  conv = equalized.EqualizedConv(3)
  variables = conv.init(key, x)
  w = variables['params']['weight']['kernel'] * np.sqrt(2 / 54)
  plain = Conv(3).bind({'params': {'weight': {'kernel': w}, 'bias': jnp.zeros(3)}})
  np.testing.assert_allclose(conv.apply(variables, x), plain(x), atol=1e-5)


@pytest.mark.parametrize(
  'batch, group, size', [(8, 4, 4), (6, 4, 3), (9, 4, 3), (10, 4, 2), (3, 32, 3)]
)
def test_groups_are_the_largest_that_divide_the_batch(batch, group, size):
  assert minibatch.group_size(batch, group) == size


@pytest.mark.parametrize('batch, group', [(7, 4), (1, 4), (8, 1), (35, 4)])
def test_images_that_form_no_groups_are_refused(batch, group):
  """The std of a single image is 0, whatever the image."""
  with pytest.raises(ValueError, match=f'a batch of {batch} does not divide into groups of 2 to'):
    minibatch.group_size(batch, group)
  if group > 1 < batch:
    with pytest.raises(ValueError, match='give another --batch-size'):
      minibatch.minibatch_stddev(draw(batch, 3, 3, 2), group)
