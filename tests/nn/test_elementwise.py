"""Functions of single elements in closed form."""

import chex
import jax.numpy as jnp
import numpy as np
import pytest

from arrays import draw
from jaxgan.nn import elementwise


def test_leaky_relu():
  chex.assert_trees_all_close(
    elementwise.leaky_relu(jnp.array([-2.0, 0, 3])), jnp.array([-0.4, 0, 3])
  )


@pytest.mark.parametrize('shape', [(4, 3), (4, 2, 5, 3)])
def test_affine_of_channels_and_of_each_image(shape):
  x = draw(*shape)
  by_channel = np.asarray(draw(2, 3, seed=1))
  made = elementwise.affine(x, *by_channel)
  np.testing.assert_allclose(
    made, np.float64(x) * by_channel[0] + by_channel[1], rtol=1e-5, atol=1e-6
  )
  scale, shift = np.asarray(draw(2, 4, 3, seed=2))
  made = elementwise.affine(x, scale, shift)
  for i in range(4):
    expected = np.float64(x[i]) * scale[i] + shift[i]
    np.testing.assert_allclose(made[i], expected, rtol=1e-5, atol=1e-6)


def test_affine_without_a_scale_adds():
  x, shift = draw(4, 2, 5, 3), draw(3, seed=1)
  made = elementwise.affine(x, None, shift)
  np.testing.assert_array_equal(made, np.asarray(x) + np.asarray(shift))


def test_affine_keeps_the_type_of_what_it_is_given():
  x = draw(2, 3).astype(jnp.bfloat16)
  assert elementwise.affine(x, draw(3), draw(3)).dtype == jnp.bfloat16
