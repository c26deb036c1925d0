"""Layers against singular values, closed forms, NumPy and Flax's own."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from by_path import count
from jaxgan.nn import elementwise, initializers, normalization
from jaxgan.nn.attention import SelfAttention
from jaxgan.nn.convolutions import Conv, ConvTranspose
from jaxgan.nn.dense import Dense, Embed, Maxout
from jaxgan.nn.minibatch import MinibatchDiscrimination
from jaxgan.nn.normalization import (
  BatchNorm,
  ConditionalBatchNorm,
  VectorBatchNorm,
  VirtualBatchNorm,
)
from jaxgan.nn.spectral_norm import spectral_norm
from jaxgan.ops import convolution

SHAPES = [(7, 5), (5, 7), (3, 3, 4, 8), (4, 4, 16, 1)]


def draw(*shape, seed=0):
  """N(0, 1), by NumPy: to compile JAX's generator for each shape would take seconds."""
  return jnp.float32(np.random.default_rng(seed).standard_normal(shape))


def matrix(w):
  return np.float64(w).reshape(-1, w.shape[-1])


def iterated(w, steps, seed=1):
  """The kernel divided by what so many iterations find, and the vector they end with."""
  u = draw(w.shape[-1], seed=seed)
  return jax.lax.scan(lambda u, _: spectral_norm(w, u)[::-1], u, length=steps)[::-1]


# --- spectral norm


@pytest.mark.parametrize('shape', SHAPES)
def test_sigma_is_the_largest_singular_value(shape):
  w = 3 * draw(*shape)
  normalised, u = iterated(w, 2000)
  left, sizes, _ = np.linalg.svd(matrix(w).T)
  np.testing.assert_allclose(w / normalised[-1], np.full(shape, sizes[0]), rtol=1e-5)
  np.testing.assert_allclose(np.linalg.svd(matrix(normalised[-1]))[1][0], 1, rtol=1e-5)
  np.testing.assert_allclose(abs(left[:, 0] @ np.float64(u)), 1, rtol=1e-5)


def test_one_iteration_is_miyatos():
  """v = normalise(uW), u = normalise(v W'), sigma = u W v', with W as [out, rest]."""
  w, u = draw(3, 3, 2, 5), jnp.arange(1.0, 6.0)
  turned = matrix(w).T
  v = np.float64(u) @ turned
  v /= np.linalg.norm(v)
  after = v @ turned.T
  after /= np.linalg.norm(after)
  normalised, moved = spectral_norm(w, u)
  np.testing.assert_allclose(moved, after, rtol=1e-5)
  np.testing.assert_allclose(normalised, np.float64(w) / (after @ turned @ v), rtol=1e-5)


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


def test_spectral_embedding_divides_the_whole_table(key):
  layer = Embed(10, 6, spectral=True)
  labels = jnp.array([3, 0, 3])
  variables = layer.init(key, labels)
  table = variables['params']['weight']['kernel']
  divided, _ = spectral_norm(table, variables['spectral']['weight']['u'])
  chex.assert_trees_all_close(layer.apply(variables, labels), divided[labels], rtol=1e-6)


# --- batch norm


def features(shape=(16, 3, 3, 4), seed=0):
  """Channels of unequal means and deviations."""
  spread = np.arange(1, shape[-1] + 1, dtype=np.float32)
  return jnp.asarray(spread * np.asarray(draw(*shape, seed=seed)) + spread[::-1])


def unlike(variables):
  """Parameters away from where they start."""
  params = variables['params']
  moved = {name: draw(*x.shape, seed=i) + x for i, (name, x) in enumerate(params.items(), 7)}
  return {**variables, 'params': moved}


def axes_of(x):
  return tuple(range(x.ndim - 1))


@pytest.mark.parametrize('shape', [(64, 4), (16, 3, 3, 4)])
def test_batch_norm_standardises_in_training(key, shape):
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


def test_transposed_convolution_of_explicit_padding_and_two_sizes(key):
  """It is the transpose: <conv(x), g> = <x, tconv(g)>."""
  net = ConvTranspose(2, (6, 10), 3, pads=1, use_bias=False)
  x, g = jax.random.normal(key, (1, 6, 10, 2)), jax.random.normal(key, (1, 3, 5, 4))
  variables = net.init(key, g)
  kernel = variables['params']['weight']['kernel']
  forward = convolution.convolve(x, kernel, 2, 1)
  np.testing.assert_allclose((forward * g).sum(), (x * net.apply(variables, g)).sum(), rtol=1e-4)


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


# --- linear layers


@pytest.mark.parametrize('size, stride, kernel', [(6, 1, 3), (6, 2, 4), (7, 2, 5), (7, 2, 4)])
def test_conv_is_flaxs(key, size, stride, kernel):
  x = draw(2, size, size, 3)
  ours, theirs = Conv(5, kernel, stride), nn.Conv(5, (kernel, kernel), stride)
  params = ours.init(key, x)['params']
  assert count(params) == kernel * kernel * 3 * 5 + 5
  params = {**params, 'bias': jnp.arange(5.0)}
  y = ours.apply({'params': params}, x)
  chex.assert_shape(y, (2, -(-size // stride), -(-size // stride), 5))
  flat = {'kernel': params['weight']['kernel'], 'bias': params['bias']}
  chex.assert_trees_all_close(y, theirs.apply({'params': flat}, x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('size, stride, kernel', [(8, 2, 4), (7, 2, 5), (7, 2, 4), (4, 1, 3)])
def test_conv_transpose_is_the_transpose_of_conv(key, size, stride, kernel):
  """<conv(x), g> = <x, transpose(g)> for one kernel."""
  small = -(-size // stride)
  x, g = draw(2, size, size, 3), draw(2, small, small, 5)
  there = Conv(5, kernel, stride, use_bias=False)
  back = ConvTranspose(3, size, kernel, stride, use_bias=False)
  variables = back.init(key, g)
  assert count(variables) == kernel * kernel * 3 * 5
  chex.assert_trees_all_equal_shapes(variables, there.init(key, x))
  y = back.apply(variables, g)
  chex.assert_equal_shape([y, x])
  forward = there.apply(variables, x)
  np.testing.assert_allclose((forward * g).sum(), (x * y).sum(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('layer', [Conv(3), Conv(3, stride=2), ConvTranspose(3, 8), Dense(3)])
def test_biases_start_at_zero_and_are_added(key, layer):
  x = draw(2, 4, 4, 5)
  params = layer.init(key, x)['params']
  chex.assert_trees_all_equal(params['bias'], jnp.zeros(3))
  bare = layer.clone(use_bias=False)
  assert 'bias' not in bare.init(key, x)['params']
  y = bare.apply({'params': {'weight': params['weight']}}, x)
  chex.assert_trees_all_equal(layer.apply({'params': params}, x), y)
  moved = layer.apply({'params': {**params, 'bias': jnp.arange(3.0)}}, x)
  chex.assert_trees_all_equal(moved, y + jnp.broadcast_to(jnp.arange(3.0), y.shape))


@pytest.mark.parametrize('shape', [(4, 6), (2, 3, 6)])
def test_dense_against_numpy(key, shape):
  x, layer = draw(*shape), Dense(5)
  params = layer.init(key, x)['params']
  assert count(params) == 6 * 5 + 5
  expected = np.float64(x) @ np.float64(params['weight']['kernel'])
  np.testing.assert_allclose(layer.apply({'params': params}, x), expected, rtol=1e-5, atol=1e-7)


def test_embed_looks_rows_up(key):
  layer, labels = Embed(4, 7), jnp.array([2, 0, 2])
  variables = layer.init(key, labels)
  assert count(variables) == 4 * 7
  table = variables['params']['weight']['kernel']
  chex.assert_trees_all_equal(layer.apply(variables, labels), table[jnp.array([2, 0, 2])])


def test_maxout_is_the_largest_of_its_pieces(key):
  layer, x = Maxout(3, 4), draw(5, 6)
  variables = layer.init(key, x)
  assert count(variables) == 6 * 12 + 12
  dense = jax.tree.map(np.float64, variables['params']['Dense_0'])
  bias = np.linspace(-0.1, 0.1, 12)
  dense = {**dense, 'bias': bias}
  y = layer.apply({'params': {'Dense_0': jax.tree.map(jnp.float32, dense)}}, x)
  chex.assert_shape(y, (5, 3))
  for unit in range(3):
    pieces = [
      np.float64(x) @ dense['weight']['kernel'][:, 4 * unit + k] + bias[4 * unit + k]
      for k in range(4)
    ]
    np.testing.assert_allclose(y[:, unit], np.max(pieces, axis=0), rtol=1e-5)


def test_leaky_relu():
  chex.assert_trees_all_close(
    elementwise.leaky_relu(jnp.array([-2.0, 0, 3])), jnp.array([-0.4, 0, 3])
  )


# --- where weights start


@pytest.mark.parametrize('gain', [1.0, 2**0.5])
@pytest.mark.parametrize('shape, fans', [((40, 60), 100), ((3, 3, 40, 60), 900)])
def test_glorot_is_uniform_within_its_bound(key, gain, shape, fans):
  w = initializers.glorot(gain)(key, shape)
  bound = gain * np.sqrt(6 / fans)
  assert 0.99 * bound < np.abs(w).max() <= bound
  np.testing.assert_allclose(w.std(), bound / np.sqrt(3), rtol=0.03)  # five errors of 2400 draws
  assert abs(w.mean()) < 5 * bound / np.sqrt(3 * w.size)


def test_uniform_is_symmetric(key):
  w = initializers.uniform(0.05)(key, (200, 100))
  assert -0.05 <= w.min() < -0.0499 and 0.0499 < w.max() <= 0.05
  assert abs(w.mean()) < 5 * 0.05 / np.sqrt(3 * w.size)
  np.testing.assert_allclose(w.std(), 0.05 / np.sqrt(3), rtol=0.02)


def test_normal_has_a_deviation_of_a_fiftieth(key):
  w = initializers.normal(key, (200, 100), jnp.float32)
  np.testing.assert_allclose(w.std(), 0.02, rtol=0.03)


@pytest.mark.parametrize('layer, fan', [(Conv, 9 * 40), (ConvTranspose, 9 * 40)])
def test_fans_are_counted_from_the_inputs(key, layer, fan):
  """He's start: a deviation of sqrt(2 / fan), of the channels that come in."""
  size = {'size': 12} if layer is ConvTranspose else {}
  made = layer(10, kernel=3, **size, start=nn.initializers.he_normal())
  variables = made.init(key, jnp.zeros((1, 6, 6, 40)))
  np.testing.assert_allclose(jax.tree.leaves(variables)[1].std(), np.sqrt(2 / fan), rtol=0.05)


# --- what looks at other images


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


@pytest.mark.parametrize('batch', [1, 2, 9])
def test_minibatch_discrimination_of_equal_and_of_distant_images(key, batch):
  layer = MinibatchDiscrimination(6, 3)
  equal = jnp.broadcast_to(draw(4), (batch, 4))
  variables = layer.init(key, equal)
  start = -1.0  # the bias
  near = layer.apply(variables, equal)
  np.testing.assert_allclose(near, np.full((batch, 6), batch - 1 + start), rtol=1e-6)
  far = layer.apply(variables, 1e5 * draw(batch, 4))
  np.testing.assert_allclose(far, np.full((batch, 6), start), atol=1e-6)


def test_minibatch_discrimination_by_hand(key):
  layer, f = MinibatchDiscrimination(2, 3), draw(5, 2, 2)
  variables = jax.tree.map(lambda x: 20 * x + 0.5, layer.init(key, f))
  table = np.float64(variables['params']['Dense_0']['weight']['kernel'])
  maps = (np.float64(f).reshape(5, 4) @ table).reshape(5, 2, 3)
  expected = np.float64(variables['params']['bias'])[None].repeat(5, 0)
  for i in range(5):
    for j in range(5):
      if i != j:
        expected[i] += np.exp(-np.abs(maps[i] - maps[j]).sum(-1))
  np.testing.assert_allclose(layer.apply(variables, f), expected, rtol=1e-5)


# --- batch norm by a vector, and attention


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


def test_attention_starts_as_the_identity_and_then_is_the_closed_form(key):
  x = draw(2, 4, 6, 16)
  layer = SelfAttention(spectral=False)
  start, variables = layer.init_with_output(key, x)
  chex.assert_trees_all_equal(start, x)
  params = {**variables['params'], 'gamma': jnp.float32(0.7)}
  shapes = {name: params[name]['weight']['kernel'].shape[2:] for name in params if name != 'gamma'}
  assert shapes == {'query': (16, 2), 'key': (16, 2), 'value': (16, 8), 'output': (8, 16)}
  pixel = lambda name: np.float64(x) @ np.float64(params[name]['weight']['kernel'])[0, 0]
  largest = lambda y: y.reshape(2, 2, 2, 3, 2, -1).max((2, 4)).reshape(2, 6, -1)
  likeness = pixel('query').reshape(2, 24, 2) @ largest(pixel('key')).swapaxes(1, 2)
  shares = np.exp(likeness) / np.exp(likeness).sum(-1, keepdims=True)
  seen = (shares @ largest(pixel('value'))).reshape(2, 4, 6, 8)
  expected = np.float64(x) + 0.7 * seen @ np.float64(params['output']['weight']['kernel'])[0, 0]
  np.testing.assert_allclose(layer.apply({'params': params}, x), expected, rtol=1e-5, atol=1e-5)


def test_orthogonal_kernels_start_with_singular_values_of_one(key):
  for shape in ((3, 3, 2, 8), (5, 7)):
    sizes = np.linalg.svd(matrix(initializers.orthogonal(key, shape)))[1]
    np.testing.assert_allclose(sizes, 1, rtol=1e-5)


def test_grouped_conv_has_a_kernel_of_its_groups_inputs(key):
  x = draw(2, 4, 4, 8)
  y, variables = Conv(12, groups=4).init_with_output(key, x)
  assert variables['params']['weight']['kernel'].shape == (3, 3, 2, 12)
  chex.assert_shape(y, (2, 4, 4, 12))
