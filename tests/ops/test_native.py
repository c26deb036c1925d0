"""The triple by kernels of our own: the same numbers as in plain JAX, wherever it is called."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jax import lax
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from convolution_cases import kernel, normal, quick_jit, relative
from jaxgan.ops import convolution, native
from jaxgan.ops.convolution import convolve, convolve_pool, convolve_transposed, upsample_convolve
from jaxgan.ops.convolution_forms import conv_lax
from jaxgan.ops.native_library import WRONG, Case, by_numpy, operands

ROUNDING = 1e-5
"""How far two orders of a sum may be apart; a gradient of a gradient sums several times."""


def derivatives(f, *inputs):
  """Value, gradient and gradient of its square, which a gradient penalty needs."""
  every = tuple(range(len(inputs)))
  loss = lambda *inputs: jnp.sin(f(*inputs)).sum()
  penalty = lambda *inputs: sum((g**2).sum() for g in jax.grad(loss, every)(*inputs))
  return f(*inputs), jax.grad(loss, every)(*inputs), jax.grad(penalty, every)(*inputs)


def inside(kernels, f):
  """The function, traced with kernels."""

  def call(*args):
    with native.using(kernels):
      return f(*args)

  return call


def calls(f, *args, target='jaxgan_convolution'):
  """How often a program calls a kernel."""
  return jax.jit(f).lower(*args).as_text().count(f'@{target}')


# Values and derivatives.


@pytest.mark.parametrize(
  'f, channels, count',
  [
    (convolve, (16, 32), 8),
    (partial(convolve, stride=2, pads=((0, 2), (3, 1))), (32, 16), 8),
    (partial(convolve, stride=2), (3, 16), 4),
    (convolve_pool, (16, 16), 8),
    (upsample_convolve, (16, 16), 8),
  ],
)
def test_to_second_order(kernels, f, channels, count):
  x, w = normal(3, 8, 10, channels[0]), kernel(3, 3, *channels)
  ours, plain = inside(kernels, partial(derivatives, f)), partial(derivatives, f)
  assert calls(ours, x, w) >= count and not calls(plain, x, w)
  assert relative(*quick_jit(lambda *args: (ours(*args), plain(*args)))(x, w)) < ROUNDING


def test_transposed_to_second_order(kernels):
  f = lambda g, w: convolve_transposed(g, w, (7, 13))
  g, w = normal(2, 4, 7, 32), kernel(5, 5, 16, 32)
  ours = inside(kernels, partial(derivatives, f))
  assert calls(ours, g, w) >= 8
  assert relative(quick_jit(ours)(g, w), quick_jit(partial(derivatives, f))(g, w)) < ROUNDING


@st.composite
def cases(draw):
  """A convolution of any shape."""
  channels, side = st.sampled_from([1, 2, 3, 4, 5, 16, 32, 80]), st.integers(1, 20)
  edges = st.tuples(st.integers(0, 3), st.integers(0, 3))
  x = (draw(st.integers(1, 6)), draw(side), draw(side), draw(channels))
  w = (draw(st.integers(1, 5)), draw(st.integers(1, 5)), x[3], draw(st.sampled_from([16, 48, 96])))
  case = Case(x, w, draw(st.integers(1, 3)), (draw(edges), draw(edges)))
  fits = all(n + sum(pad) >= k for n, k, pad in zip(x[1:3], w[:2], case.pads, strict=True))
  return case if fits else case._replace(pads=((4, 4), (4, 4)))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_any_shape(kernels, case):
  random = np.random.default_rng(0)
  for kind in native.KINDS:
    first, second, static = operands(kind, case)
    if native.class_of(kind, first, second, static):
      a, b = (random.normal(size=shape).astype(np.float32) for shape in (first, second))
      ours = native.native(kernels.target, kind, jnp.asarray(a), jnp.asarray(b), static)
      expected = by_numpy(kind, a, b, *static)
      assert np.abs(np.asarray(ours) - expected).max() <= WRONG / 10 * np.abs(expected).max()


def test_the_same_bits_again(kernels):
  for kind in native.KINDS:
    first, second, static = operands(kind, Case((7, 9, 9, 32), (3, 3, 32, 48), 1))
    call = jax.jit(lambda a, b, k=kind, s=static: native.native(kernels.target, k, a, b, s))
    a, b = normal(*first), normal(*second)
    assert len({np.asarray(call(a, b)).tobytes() for _ in range(5)}) == 1


# Which calls have a kernel.


@pytest.mark.parametrize(
  'kind, case, name',
  [
    ('conv', Case((2, 9, 9, 16), (3, 3, 16, 16), 1), 'conv'),
    ('conv', Case((2, 6, 6, 16), (3, 3, 16, 16), 1), 'conv small'),
    ('conv', Case((2, 4, 4, 3), (3, 3, 3, 16), 2), 'conv thin'),
    ('conv', Case((2, 9, 9, 5), (3, 3, 5, 16), 1), ''),
    ('conv', Case((2, 9, 9, 16), (3, 3, 16, 3), 1), ''),
    ('conv', Case((2, 9, 9, 16), (3, 3, 16, 16), 3), ''),
    ('conv', Case((2, 9, 9, 16), (1, 1, 16, 16), 1, ((0, 0), (0, 0))), ''),
    ('conv', Case((0, 9, 9, 16), (3, 3, 16, 16), 1), ''),
    ('tconv', Case((2, 7, 7, 16), (3, 3, 16, 16), 1), 'tconv'),
    ('tconv', Case((2, 9, 9, 16), (3, 3, 16, 16), 3), 'tconv small'),
    ('tconv', Case((2, 9, 9, 3), (3, 3, 3, 16), 1), ''),
    ('wgrad', Case((2, 18, 18, 5), (3, 3, 5, 16), 2), 'wgrad'),
    ('wgrad', Case((2, 6, 6, 16), (1, 1, 16, 16), 1, ((0, 0), (0, 0))), 'wgrad small'),
    ('wgrad', Case((2, 9, 9, 2), (3, 3, 2, 16), 1), ''),
  ],
)
def test_classes_of_shapes(kind, case, name):
  assert native.class_of(kind, *operands(kind, case)) == name


@pytest.mark.parametrize('dtype', [jnp.bfloat16, jnp.float64])
def test_other_dtypes_are_plain(kernels, dtype):
  with jax.enable_x64(True):
    x, w = jnp.ones((2, 9, 9, 16), dtype), jnp.ones((3, 3, 16, 16), dtype)
    assert not calls(inside(kernels, convolve), x, w)


X, W = (2, 9, 9, 16), (3, 3, 16, 16)


def test_a_class_that_is_slower_is_plain(kernels):
  x, w = normal(*X), kernel(*W)
  assert calls(inside(kernels, convolve), x, w)
  slower = kernels._replace(classes=tuple(set(kernels.classes) - {'conv'}))
  assert not calls(inside(slower, convolve), x, w)


def test_only_what_is_traced_inside_has_kernels(kernels, monkeypatch):
  """So an exported program, and one for other devices, never names one."""
  x, w, layer = normal(*X), kernel(*W), jax.jit(convolve)
  within = inside(kernels, layer)
  assert [calls(f, x, w) for f in (layer, within, layer)] == [0, 1, 0]
  with native.using(kernels), convolution.plain():
    assert not calls(layer, x, w)
  with native.using(kernels), native.using(None):
    assert not calls(layer, x, w)
  monkeypatch.setattr(jax, 'default_backend', lambda: 'gpu')
  with native.using(kernels):
    assert native.used() is None


# Transformations.


def test_vmap_is_plain(kernels):
  x, w = normal(3, *X), kernel(*W)
  each = jax.vmap(inside(kernels, convolve), (0, None))
  assert not calls(each, x, w)
  expected = jnp.stack([convolve(one, w) for one in x])
  assert relative(quick_jit(each)(x, w), expected) < ROUNDING
  grads = lambda f: jax.vmap(jax.grad(lambda w, x: (f(x, w) ** 2).sum()), (None, 0))
  assert relative(quick_jit(grads(inside(kernels, convolve)))(w, x), grads(convolve)(w, x)) < (
    ROUNDING
  )


def step(weights, x):
  """A step on a score with a gradient penalty, with its images after it."""
  down, up = weights

  def score(weights, x):
    small = jnp.tanh(convolve(x, weights[0], 2))
    return (convolve_transposed(small, weights[1], x.shape[1:3]) ** 2).mean()

  loss = lambda weights: (jax.grad(score, 1)(weights, x) ** 2).sum() + score(weights, x)
  value, grads = jax.value_and_grad(jax.checkpoint(loss))(weights)
  return jax.tree.map(lambda w, g: w - 1e-3 * g, weights, grads), value


def test_scan_and_checkpoint(kernels):
  weights, x = (kernel(4, 4, 16, 32), kernel(4, 4, 16, 32)), normal(3, *X)
  run = lambda weights, x: lax.scan(step, weights, x)
  ours = inside(kernels, run)
  assert calls(ours, weights, x) > 4
  assert relative(quick_jit(ours)(weights, x), quick_jit(run)(weights, x)) < ROUNDING


def test_every_device_computes_its_part(kernels):
  mesh = jax.make_mesh((8,), ('data',), axis_types=(AxisType.Auto,))
  split, whole = PartitionSpec('data'), PartitionSpec()
  x, w = normal(16, *X[1:]), kernel(*W)
  total = lambda x, w: (convolve(x, w) ** 2).sum()
  both = lambda x, w: (convolve(x, w), jax.grad(total, 1)(x, w))

  def local(x, w):
    y, grad = inside(kernels, both)(x, lax.pcast(w, 'data', to='varying'))
    return y, lax.psum(grad, 'data')

  mapped = jax.shard_map(local, mesh=mesh, in_specs=(split, whole), out_specs=(split, whole))
  placed = jax.device_put(x, NamedSharding(mesh, split))
  assert calls(mapped, placed, w)
  expected = quick_jit(both)(x, w)
  assert relative(quick_jit(mapped)(placed, w), expected) < ROUNDING
  each = jax.pmap(inside(kernels, convolve), in_axes=(0, None))(x.reshape(8, 2, *X[1:]), w)
  assert relative(each.reshape(expected[0].shape), expected[0]) < ROUNDING


def test_a_wrong_call_is_an_error_and_no_crash(kernels):
  """Of shapes that `class_of` would not let through."""
  bad = lambda x, w: native.native(kernels.target, 'conv', x, w, (1, ((1, 1), (1, 1))))
  for channels in ((16, 17), (5, 16)):
    with pytest.raises(jax.errors.JaxRuntimeError, match='no kernel for these shapes'):
      jax.block_until_ready(bad(normal(1, 4, 4, channels[0]), kernel(3, 3, *channels)))


def test_plain_formulation_without_kernels():
  x, w = normal(*X), kernel(*W)
  static = 1, ((1, 1), (1, 1))
  assert native.used() is None
  assert jnp.array_equal(native.apply('conv', conv_lax, x, w, *static), conv_lax(x, w, *static))
