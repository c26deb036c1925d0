"""Normalization against closed forms, NumPy and Flax's own."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from arrays import axes_of, draw, features, unlike
from by_path import count
from jaxgan.nn import normalization
from jaxgan.nn.normalization import (
  BatchNorm,
  ConditionalBatchNorm,
  InstanceNorm,
  VectorBatchNorm,
  VirtualBatchNorm,
)
from jaxgan.nn.spectral_norm import spectral_norm


@pytest.mark.parametrize('shape', [(64, 4), (16, 3, 3, 4)])
def test_batch_norm_standardizes_in_training(key, shape):
  x = features(shape)
  layer = BatchNorm()
  y, _ = layer.apply(layer.init(key, x, train=True), x, train=True, mutable=['batch_stats'])
  np.testing.assert_allclose(y.mean(axes_of(y)), np.zeros(4), atol=1e-6)
  var = np.float64(x).var(axes_of(x))
  np.testing.assert_allclose(y.var(axes_of(y)), var / (var + 1e-5), rtol=1e-5)


@pytest.mark.parametrize('momentum', [0.9, 0.5])
def test_running_statistics_follow_the_formula(key, momentum):
  layer, x = BatchNorm(momentum), features()
  variables = layer.init(key, x, train=True)
  mean, var = np.zeros(4), np.ones(4)
  kept = variables['batch_stats']['statistics']
  chex.assert_trees_all_equal(kept, {'mean': jnp.zeros(4), 'var': jnp.ones(4)})
  for i in range(3):
    x = features(seed=i)
    _, moved = layer.apply(variables, x, train=True, mutable=['batch_stats'])
    variables = {**variables, **moved}
    mean = momentum * mean + (1 - momentum) * np.float64(x).mean((0, 1, 2))
    var = momentum * var + (1 - momentum) * np.float64(x).var((0, 1, 2))
    kept = variables['batch_stats']['statistics']
    np.testing.assert_allclose(kept['mean'], mean, rtol=1e-5)
    np.testing.assert_allclose(kept['var'], var, rtol=1e-5)


@pytest.mark.parametrize('kind', ['plain', 'conditional'])
def test_modes_agree_where_the_running_statistics_are_the_batchs(key, kind):
  x = features()
  labels = () if kind == 'plain' else (jnp.arange(16) % 3,)
  layer = BatchNorm() if kind == 'plain' else ConditionalBatchNorm(3)
  variables = unlike(layer.init(key, x, *labels, train=True))
  trained, _ = layer.apply(variables, x, *labels, train=True, mutable=['batch_stats'])
  stats = {'mean': x.mean((0, 1, 2)), 'var': x.var((0, 1, 2))}
  frozen = {**variables, 'batch_stats': {'statistics': stats}}
  at_rest = layer.apply(frozen, x, *labels, train=False)
  chex.assert_trees_all_close(at_rest, trained, rtol=1e-5, atol=1e-5)
  # At rest each image is judged by itself.
  one = [a[:1] for a in (x, *labels)]
  chex.assert_trees_all_close(
    layer.apply(frozen, *one, train=False), at_rest[:1], rtol=1e-6, atol=1e-6
  )


@pytest.mark.parametrize('shape', [(64, 4), (16, 3, 3, 4)])
@pytest.mark.parametrize('train', [True, False])
def test_batch_norm_is_flaxs(key, shape, train):
  """Value and gradient. Both sum some 100 float32 of order 10 in one pass: 1e-6 relative, each."""
  x, c = features(shape), draw(*shape, seed=3)
  ours, theirs = BatchNorm(), nn.BatchNorm(not train, momentum=0.9)
  variables = unlike(ours.init(key, x, train=True))
  stats = {'mean': jnp.linspace(-1, 1, 4), 'var': jnp.linspace(0.5, 4, 4)}

  def value(params, x):
    given = {'params': params, 'batch_stats': {'statistics': stats}}
    y, moved = ours.apply(given, x, train=train, mutable=['batch_stats'])
    return (c * jnp.sin(y)).sum(), (y, moved['batch_stats']['statistics'])

  def flaxs(params, x):
    y, moved = theirs.apply({'params': params, 'batch_stats': stats}, x, mutable=['batch_stats'])
    return (c * jnp.sin(y)).sum(), (y, moved['batch_stats'])

  results = [
    jax.value_and_grad(f, argnums=(0, 1), has_aux=True)(variables['params'], x)
    for f in (value, flaxs)
  ]
  chex.assert_trees_all_close(*results, rtol=1e-5, atol=2e-5)


def test_running_statistics_have_no_gradient(key):
  layer, x = BatchNorm(), features()
  variables = layer.init(key, x, train=True)
  kept = lambda x: layer.apply(variables, x, train=True, mutable=['batch_stats'])[1]
  slopes = jax.grad(lambda x: sum(leaf.sum() for leaf in jax.tree.leaves(kept(x))))(x)
  chex.assert_trees_all_equal(slopes, jnp.zeros_like(x))


def test_statistics_of_half_precision_are_float32(key):
  x = (features() + 30).astype(jnp.bfloat16)
  layer = BatchNorm()
  variables = layer.init(key, x, train=True)
  y, moved = layer.apply(variables, x, train=True, mutable=['batch_stats'])
  chex.assert_type([y, *jax.tree.leaves(moved)], [jnp.bfloat16, jnp.float32, jnp.float32])
  kept, wide = moved['batch_stats']['statistics'], np.float64(x)
  np.testing.assert_allclose(kept['mean'], 0.1 * wide.mean((0, 1, 2)), rtol=1e-5)
  np.testing.assert_allclose(kept['var'], 0.9 + 0.1 * wide.var((0, 1, 2)), rtol=1e-3)


def test_a_constant_channel_comes_out_as_the_bias(key):
  """Its variance is zero, not the little below that rounding makes of it."""
  x = jnp.full((8, 5, 5, 3), 123.456)
  layer = BatchNorm()
  variables = unlike(layer.init(key, x, train=True))
  y, moved = layer.apply(variables, x, train=True, mutable=['batch_stats'])
  assert np.isfinite(y).all()
  assert (moved['batch_stats']['statistics']['var'] >= 0.9 * (1 - 1e-6)).all()


@pytest.mark.parametrize('dtype', [jnp.float32, jnp.bfloat16])
def test_instance_norm_is_of_each_image(key, dtype):
  """Mean 0 and variance v / (v + eps), whatever the offset; a flat channel becomes zero."""
  x = jax.random.normal(key, (3, 8, 8, 2)) * jnp.array([1.0, 0.0])[None, None, None] + 5
  made = jax.jit(normalization.instance_norm)(x.astype(dtype))
  assert made.dtype == dtype
  values = np.asarray(made, np.float64)
  tolerance = 1e-4 if dtype == jnp.float32 else 1e-2
  np.testing.assert_allclose(values.mean((1, 2)), 0, atol=tolerance)
  np.testing.assert_allclose(values.var((1, 2))[:, 0], 1, atol=3 * tolerance)
  assert (values[..., 1] == 0).all()


def test_conditional_batch_norm_of_equal_tables_is_batch_norm(key):
  x, labels = features(), jnp.arange(16) % 3
  plain, conditional = BatchNorm(), ConditionalBatchNorm(3)
  variables = unlike(plain.init(key, x, train=True))
  tables = jax.tree.map(lambda row: jnp.tile(row, (3, 1)), variables['params'])
  assert count(conditional.init(key, x, labels, train=True)['params']) == 2 * 3 * 4
  y, stats = plain.apply(variables, x, train=True, mutable=['batch_stats'])
  twin = {**variables, 'params': tables}
  z, same_stats = conditional.apply(twin, x, labels, train=True, mutable=['batch_stats'])
  chex.assert_trees_all_close(z, y, rtol=1e-6, atol=1e-6)
  chex.assert_trees_all_close(same_stats, stats, rtol=1e-6)


def test_each_class_has_its_gain_and_bias(key):
  x, labels = features(), jnp.arange(16) % 3
  layer = ConditionalBatchNorm(3)
  variables = unlike(layer.init(key, x, labels, train=True))
  y, _ = layer.apply(variables, x, labels, train=True, mutable=['batch_stats'])
  wide, params = np.float64(x), variables['params']
  standard = (wide - wide.mean((0, 1, 2))) / np.sqrt(wide.var((0, 1, 2)) + 1e-5)
  for label in range(3):
    gain, bias = np.float64(params['scale'][label]), np.float64(params['bias'][label])
    chosen = labels == label
    np.testing.assert_allclose(y[chosen], standard[chosen] * gain + bias, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('shape', [(7, 4), (7, 3, 2, 4)])
def test_virtual_batch_norm_by_hand(key, shape):
  """Reference rows by their own statistics; each other joined to them as one more."""
  count, x = 5, features(shape)
  layer = VirtualBatchNorm(count)
  variables = unlike(layer.init(key, x, train=True))
  assert set(variables) == {'params'}
  gain, bias = (np.float64(variables['params'][name]) for name in ('scale', 'bias'))
  wide, axes = np.float64(x), tuple(range(len(shape) - 1))
  mean, square = wide[:count].mean(axes), (wide[:count] ** 2).mean(axes)
  expected = []
  for i, row in enumerate(wide):
    own = row.mean(axes[:-1]), (row**2).mean(axes[:-1])
    m, s = ((count * c + o) / (count + 1) for c, o in zip((mean, square), own, strict=True))
    m, s = (mean, square) if i < count else (m, s)
    expected.append((row - m) / np.sqrt(s - m**2 + 1e-5) * gain + bias)
  for train in (True, False):
    y = layer.apply(variables, x, train=train)
    np.testing.assert_allclose(y, np.stack(expected), rtol=2e-4, atol=2e-5)


def test_virtual_batch_norm_keeps_images_apart(key):
  x, layer = features((7, 3, 2, 4)), VirtualBatchNorm(5)
  variables = layer.init(key, x, train=True)
  moved = layer.apply(variables, x.at[6].add(3.0), train=True)
  still = layer.apply(variables, x, train=True)
  chex.assert_trees_all_equal(moved[:6], still[:6])
  assert (moved[6] != still[6]).any()


def test_batch_norm_by_a_vector_is_the_same_in_training_and_at_rest(key):
  """With the batch's own statistics; gain 1 + Wc and bias Vc, both kernels divided by sigma."""
  x, c = features(), draw(16, 5)
  layer = VectorBatchNorm()
  variables = layer.init(key, x, c, train=True)
  trained, _ = layer.apply(variables, x, c, train=True, mutable=['batch_stats', 'spectral'])
  stats = {'mean': x.mean((0, 1, 2)), 'var': x.var((0, 1, 2))}
  frozen = {**variables, 'batch_stats': {'statistics': stats}}
  at_rest = layer.apply(frozen, x, c, train=False)
  chex.assert_trees_all_close(at_rest, trained, rtol=1e-5, atol=1e-5)
  kernels = (variables['params'][name]['weight']['kernel'] for name in ('gain', 'bias'))
  vectors = (variables['spectral'][name]['weight']['u'] for name in ('gain', 'bias'))
  gain, bias = (c @ spectral_norm(w, u)[0] for w, u in zip(kernels, vectors, strict=True))
  wide = np.float64(x)
  standard = (wide - wide.mean((0, 1, 2))) / np.sqrt(wide.var((0, 1, 2)) + 1e-5)
  spread = lambda a: np.float64(a)[:, None, None]
  expected = standard * (1 + spread(gain)) + spread(bias)
  np.testing.assert_allclose(at_rest, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('dtype', [jnp.float32, jnp.bfloat16])
def test_pixel_norm_has_a_mean_square_of_one(dtype):
  y = normalization.pixel_norm((100 * draw(2, 3, 3, 8)).astype(dtype))
  chex.assert_type(y, dtype)
  np.testing.assert_allclose(
    (y.astype(jnp.float32) ** 2).mean(-1), 1, rtol=1e-5 if dtype == jnp.float32 else 1e-2
  )


def test_instance_norm_with_gain_and_bias_follows_the_formula(key):
  x, layer = features((3, 5, 4, 2)), InstanceNorm()
  variables = layer.init(key, x)
  np.testing.assert_allclose(layer.apply(variables, x), normalization.instance_norm(x), rtol=1e-6)
  gain, bias = jnp.array([2.0, -1.0]), jnp.array([0.5, 3.0])
  y = layer.apply({'params': {'scale': gain, 'bias': bias}}, x)
  np.testing.assert_allclose(y.mean((1, 2)), np.tile(bias, (3, 1)), atol=1e-5)
  wide = np.float64(x)
  share = wide.var((1, 2)) / (wide.var((1, 2)) + 1e-5)
  np.testing.assert_allclose(y.var((1, 2)), np.square(gain) * share, rtol=1e-4)
