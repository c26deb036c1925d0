"""Spectral norm against singular values and closed forms."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from arrays import draw, matrix
from jaxgan.nn.convolutions import Conv
from jaxgan.nn.dense import Dense
from jaxgan.nn.spectral_norm import spectral_norm

SHAPES = [(7, 5), (5, 7), (3, 3, 4, 8), (4, 4, 16, 1)]


def iterated(w, steps, seed=1):
  """The kernel divided by what so many iterations find, and the vector they end with."""
  u = draw(w.shape[-1], seed=seed)
  return jax.lax.scan(lambda u, _: spectral_norm(w, u)[::-1], u, length=steps)[::-1]


@pytest.mark.parametrize('shape', SHAPES)
def test_sigma_is_the_largest_singular_value(shape):
  w = 3 * draw(*shape)
  normalized, u = iterated(w, 2000)
  left, sizes, _ = np.linalg.svd(matrix(w).T)
  np.testing.assert_allclose(w / normalized[-1], np.full(shape, sizes[0]), rtol=1e-5)
  np.testing.assert_allclose(np.linalg.svd(matrix(normalized[-1]))[1][0], 1, rtol=1e-5)
  np.testing.assert_allclose(abs(left[:, 0] @ np.float64(u)), 1, rtol=1e-5)


def test_one_iteration_is_miyatos():
  """v = normalize(uW), u = normalize(v W'), sigma = u W v', with W as [out, rest]."""
  w, u = draw(3, 3, 2, 5), jnp.arange(1.0, 6.0)
  turned = matrix(w).T
  v = np.float64(u) @ turned
  v /= np.linalg.norm(v)
  after = v @ turned.T
  after /= np.linalg.norm(after)
  normalized, moved = spectral_norm(w, u)
  np.testing.assert_allclose(moved, after, rtol=1e-5)
  np.testing.assert_allclose(normalized, np.float64(w) / (after @ turned @ v), rtol=1e-5)


@pytest.mark.parametrize('shape', SHAPES)
def test_gradient_flows_through_sigma_and_not_through_its_vectors(shape):
  """<c, W / sigma> has the slope c / sigma - <c, W> / sigma^2 v u' for constant u and v."""
  w, c = draw(2, *shape)
  u = draw(shape[-1], seed=5)
  ours = jax.grad(lambda w: (c * spectral_norm(w, u)[0]).sum())(w)
  unit = lambda x: x / np.linalg.norm(x)
  v = unit(matrix(w) @ np.float64(u))
  moved = unit(v @ matrix(w))
  sigma = v @ matrix(w) @ moved
  expected = matrix(c) / sigma - (matrix(c) * matrix(w)).sum() / sigma**2 * np.outer(v, moved)
  np.testing.assert_allclose(ours, expected.reshape(shape), rtol=1e-4, atol=1e-5)


def test_the_next_vector_is_a_constant():
  w, u = draw(4, 3), jnp.ones(3)
  slope = jax.jacobian(lambda w: spectral_norm(w, u)[1])(w)
  chex.assert_trees_all_equal(slope, jnp.zeros((3, 4, 3)))


def test_scale_of_the_kernel_does_not_matter():
  w, u = draw(3, 3, 4, 8), jnp.ones(8)
  for scale in (1e-4, 1e4):
    chex.assert_trees_all_close(spectral_norm(scale * w, u), spectral_norm(w, u), rtol=1e-4)


SPECTRAL = {
  'Dense': (Dense(5, spectral=True), (4, 6)),
  'Conv': (Conv(5, spectral=True), (4, 6, 6, 3)),
}


@pytest.mark.parametrize('name', SPECTRAL)
def test_the_vector_moves_once_a_training_call_and_never_else(key, name):
  layer, shape = SPECTRAL[name]
  x = draw(*shape)
  variables = layer.init(key, x)
  kernel, (first,) = variables['params']['weight']['kernel'], jax.tree.leaves(variables['spectral'])
  chex.assert_shape(first, (5,))
  y, moved = layer.apply(variables, x, mutable=['spectral'])
  expected_kernel, expected = spectral_norm(kernel, first)
  chex.assert_trees_all_close(jax.tree.leaves(moved), [expected], rtol=1e-6)
  at_rest = layer.apply(variables, x)  # nothing mutable: the same kernel, the vector stays
  chex.assert_trees_all_close(at_rest, y, rtol=1e-6)
  plain = layer.clone(spectral=False)
  params = {**variables['params'], 'weight': {'kernel': expected_kernel}}
  chex.assert_trees_all_close(plain.apply({'params': params}, x), y, rtol=1e-5, atol=1e-6)


def test_the_vector_starts_as_a_normal_draw(key):
  (u,) = jax.tree.leaves(Dense(4000, spectral=True).init(key, jnp.ones((1, 1)))['spectral'])
  assert abs(u.mean()) < 5 / np.sqrt(4000)
  np.testing.assert_allclose(u.var(), 1, atol=5 * np.sqrt(2 / 4000))
