"""The triple against plain `lax` in float64, to the second derivative, and what XLA makes of it."""

import re
from functools import partial

import chex
import jax
import jax.numpy as jnp
import pytest
from jax import lax
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from convolution_cases import kernel, normal, operands, over_cases, quick_jit, reference, relative
from jaxgan.ops import convolution, resample
from jaxgan.ops.convolution import convolve, convolve_pool, convolve_transposed, upsample_convolve


@pytest.fixture
def double():
  with jax.enable_x64(True):
    yield


def transposed_reference(g, w, x_shape, stride=1, pads=None):
  x = jax.ShapeDtypeStruct(x_shape, g.dtype)
  return jax.linear_transpose(lambda x: reference(x, w, stride, pads), x)(g)[0]


def derivatives(f, *inputs):
  """Value, gradient and gradient of its square; a sine, or the last would be trivial."""
  every = tuple(range(len(inputs)))
  loss = lambda *inputs: jnp.sin(f(*inputs)).sum()
  penalty = lambda *inputs: sum((g**2).sum() for g in jax.grad(loss, every)(*inputs))
  return f(*inputs), jax.grad(loss, every)(*inputs), jax.grad(penalty, every)(*inputs)


def assert_same_to_second_order(ours, plain, *inputs, message=''):
  both = lambda *inputs: (derivatives(ours, *inputs), derivatives(plain, *inputs))
  assert relative(*quick_jit(both)(*inputs)) < 1e-12, message


# Values and derivatives.


@over_cases
def test_convolve_to_second_order(cases, double):
  for case in cases:
    args = case.stride, case.pads
    ours, plain = (partial(by_position(f), args) for f in (convolve, reference))
    assert_same_to_second_order(ours, plain, *operands(case), message=case)


@over_cases
def test_convolve_transposed_to_second_order(cases, double):
  for case in cases:
    (x, w), args = operands(case), (case.stride, case.pads)
    ours = partial(by_position(convolve_transposed), (x.shape[1:3], *args))
    plain = partial(by_position(transposed_reference), (x.shape, *args))
    g = normal(*jax.eval_shape(partial(by_position(reference), args), x, w).shape)
    assert_same_to_second_order(ours, plain, g, w, message=case)


def by_position(f):
  """(static, *arrays) -> f(*arrays, *static), to bind what is static."""
  return lambda static, *arrays: f(*arrays, *static)


@pytest.mark.parametrize('kernel_size, stride', [(3, 1), (4, 2)])
def test_rectangles_and_lopsided_padding(kernel_size, stride, double):
  pads = ((0, 2), (3, 1))
  x, w = normal(2, 7, 10, 5), kernel(kernel_size, 2, 5, 6)
  plain = lambda x, w: lax.conv_general_dilated(
    x, w, (stride, stride), pads, dimension_numbers=('NHWC', 'HWIO', 'NHWC')
  )
  assert_same_to_second_order(lambda x, w: convolve(x, w, stride, pads), plain, x, w)


def test_padding_beyond_the_kernel(double):
  for channels in ((5, 6), (5, 3), (3, 5)):
    ours, plain = (lambda x, w: convolve(x, w, 1, 2)), (lambda x, w: reference(x, w, 1, 2))
    assert_same_to_second_order(ours, plain, normal(2, 4, 4, channels[0]), kernel(1, 1, *channels))


@pytest.mark.parametrize('size, small', [(7, 4), (13, 7), (14, 7)])
def test_transposed_is_the_transpose(size, small, double):
  x, y, w = normal(2, size, size, 5), normal(2, small, small, 6), kernel(5, 5, 5, 6)
  back = convolve_transposed(y, w, (size, size))
  chex.assert_shape(back, x.shape)
  chex.assert_trees_all_close((convolve(x, w, 2) * y).sum(), (x * back).sum(), rtol=1e-12)


@pytest.mark.parametrize('k, stride', [(3, 1), (3, 2), (4, 2), (5, 2), (5, 1)])
@pytest.mark.parametrize('size', [4, 7])
def test_transposed_is_that_of_lax_with_the_kernel_turned(k, stride, size, double):
  x, w = normal(2, size, size, 5), kernel(k, k, 5, 6)
  turned = jnp.flip(w, (0, 1)).swapaxes(2, 3)
  ours = convolve_transposed(x, turned, (size * stride, size * stride), stride)
  plain = lax.conv_transpose(
    x, w, (stride, stride), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC')
  )
  assert relative(ours, plain) < 1e-12


def test_gradient_penalty_through_a_critic(double):
  def score(convolve, weights, x):
    first, second, third, last = weights
    x = jnp.tanh(convolve(x, first, 2))
    x = jnp.tanh(convolve(x, second, 1, 1))
    x = jnp.tanh(convolve(x, third, 2))
    return convolve(x, last, 1, 0).squeeze((1, 2, 3))

  def loss(convolve, weights, x):
    slopes = jax.grad(lambda x: score(convolve, weights, x).sum())(x)
    norms = jnp.sqrt((slopes**2).sum((1, 2, 3)))
    return ((norms - 1) ** 2).mean() - score(convolve, weights, x).mean()

  weights = kernel(5, 5, 1, 8), kernel(3, 3, 8, 16), kernel(4, 4, 16, 8), kernel(2, 2, 8, 1)
  grads = quick_jit(jax.grad(loss, 1), static_argnums=0)
  x = normal(3, 7, 7, 1)
  assert relative(grads(convolve, weights, x), grads(reference, weights, x)) < 1e-12


# Groups of channels.


@pytest.mark.parametrize('channels, groups', [((8, 12), 4), ((80, 40), 5), ((6, 3), 1)])
def test_grouped_to_second_order(channels, groups, double):
  """Groups joined, each by itself (of 16 inputs, an odd number), and a single one."""

  def plain(x, w):
    layout = ('NHWC', 'HWIO', 'NHWC')
    return lax.conv_general_dilated(
      x, w, (1, 1), 'SAME', dimension_numbers=layout, feature_group_count=groups
    )

  w = kernel(3, 3, channels[0] // groups, channels[1])
  ours = partial(convolution.convolve_grouped, groups=groups)
  assert_same_to_second_order(ours, plain, normal(2, 5, 4, channels[0]), w)
  with convolution.plain():
    assert (
      relative(ours(normal(2, 5, 4, channels[0]), w), plain(normal(2, 5, 4, channels[0]), w))
      < 1e-12
    )


# Fused resampling.


def pooled(x, w):
  return resample.pool(reference(x, w))


def upsampled(x, w):
  return reference(resample.upsample(x), w)


@pytest.mark.parametrize('fused, apart', [(convolve_pool, pooled), (upsample_convolve, upsampled)])
@pytest.mark.parametrize('k, channels', [(1, (5, 6)), (3, (5, 6)), (3, (3, 5)), (3, (5, 3))])
def test_fused_resampling_to_second_order(fused, apart, k, channels, double):
  assert_same_to_second_order(fused, apart, normal(2, 6, 4, channels[0]), kernel(k, k, *channels))


@pytest.mark.parametrize('fused, apart', [(convolve_pool, pooled), (upsample_convolve, upsampled)])
@pytest.mark.parametrize('k', [1, 3])
def test_plain_resampling(fused, apart, k, double):
  x, w = normal(2, 6, 4, 5), kernel(k, k, 5, 6)
  with convolution.plain():
    assert relative(fused(x, w), apart(x, w)) < 1e-12


# The back end.


def test_fast_on_cpu_alone(monkeypatch):
  for backend, fast in [('cpu', True), ('gpu', False), ('tpu', False)]:
    monkeypatch.setattr(jax, 'default_backend', lambda backend=backend: backend)
    assert convolution.fast() is fast
    assert bool(convolution.compiler_options()) <= fast


def test_plain_ends_with_its_block_whatever_happens():
  with pytest.raises(KeyError), convolution.plain():
    with convolution.plain():
      assert not convolution.fast()
    assert not convolution.fast()
    raise KeyError
  assert convolution.fast()


def test_plain_reaches_what_is_already_traced():
  layer = jax.jit(convolve)
  by_triple = lambda: 'custom_vjp' in str(layer.trace(jnp.ones((1, 4, 4, 8)), w).jaxpr)
  w = jnp.ones((3, 3, 8, 8))
  assert by_triple()
  with convolution.plain():
    assert not by_triple()
  assert by_triple()


def layers(x, w):
  """Everything that a layer calls, in turn: `[B, 4, 4, 8]` to the same."""
  x = convolve_pool(upsample_convolve(x, w), w)
  return convolve_transposed(convolve(x, w, 2), w, (4, 4))


def test_forward_mode_is_for_plain_only(double):
  x, w, t = normal(2, 4, 4, 8), kernel(3, 3, 8, 8), normal(2, 4, 4, 8)
  push = lambda x, t: jax.jvp(lambda x: layers(x, w), (x,), (t,))[1]
  with pytest.raises(TypeError, match='forward-mode'):
    push(x, t)
  with convolution.plain():
    assert relative(push(x, t), layers(t, w)) < 1e-12  # linear in x


@pytest.mark.parametrize(
  'dtype, tolerance', [(jnp.bfloat16, 2**-8), (jnp.float32, 2**-20), (jnp.float64, 2**-49)]
)
@pytest.mark.parametrize('channels', [(8, 8), (8, 3), (3, 8)])
def test_dtype_is_kept_and_sums_are_rounded_once(dtype, tolerance, channels, double):
  cast = lambda tree, dtype: jax.tree.map(lambda a: a.astype(dtype), tree)

  def pulled(f, stride, x, w, g):
    y, pull = jax.vjp(lambda x, w: f(x, w, stride), x, w)
    return y, *pull(g)

  for k, stride in [(1, 1), (3, 1), (4, 2)]:
    x, w = normal(2, 8, 8, channels[0]), kernel(k, k, *channels)
    g = normal(2, 8 // stride, 8 // stride, channels[1])
    inputs = cast((x, w, g), dtype)
    outputs = quick_jit(partial(pulled, convolve, stride))(*inputs)
    chex.assert_type(outputs, dtype)
    expected = quick_jit(partial(pulled, reference, stride))(*cast(inputs, float))
    assert relative(cast(outputs, float), expected) < tolerance


# Transformations and compilation.


@pytest.mark.parametrize('channels', [(8, 8), (8, 3), (3, 8)])
def test_vmap_over_images(channels, double):
  x, w = normal(3, 2, 6, 6, channels[0]), kernel(3, 3, *channels)

  def loss(x, w):
    return jnp.sin(convolve(x, w)).sum() + jnp.sin(convolve_pool(x, w)).sum()

  pull = jax.value_and_grad(loss, (0, 1))
  each = quick_jit(jax.vmap(pull, (0, None)))(x, w)
  assert relative(each, quick_jit(lambda x, w: lax.map(lambda x: pull(x, w), x))(x, w)) < 1e-12


def test_checkpoint(double):
  x, w = normal(2, 4, 4, 8), kernel(3, 3, 8, 8)
  loss = lambda x, w: jnp.sin(layers(x, w)).sum()
  grad = lambda f: quick_jit(jax.grad(f, (0, 1)))(x, w)
  assert relative(grad(jax.checkpoint(loss)), grad(loss)) < 1e-12


def step(weights, x):
  """A step on a score with gradient penalty: every kind of layer, few channels, odd sizes."""
  down, up, image = weights

  def score(weights, x):
    down, up, image = weights
    small = jnp.tanh(convolve(x, down, 2))
    large = jnp.tanh(convolve_transposed(small, up, x.shape[1:3]))
    return (convolve(large, image) ** 2).sum()

  def loss(weights):
    return (jax.grad(score, 1)(weights, x) ** 2).sum() + score(weights, x)

  return jax.tree.map(lambda w, g: w - 1e-3 * g, weights, jax.grad(loss)(weights)), None


def step_inputs():
  weights = kernel(5, 5, 3, 8), kernel(4, 4, 8, 8), kernel(3, 3, 8, 3)
  return weights, normal(8, 7, 7, 3)


def test_layouts_inside_a_scan():
  weights, x = step_inputs()
  loop = jax.jit(
    lambda weights, x: lax.scan(step, weights, x),
    compiler_options=convolution.compiler_options(),
  )
  text = loop.lower(weights, jnp.stack([x, x, x])).compile().as_text()
  assert 'while(' in text
  # In `f01b_i01o->01bf`, which plain `lax` has here, the step runs tens of times slower.
  assert set(re.findall(r'dim_labels=([^\s,]+)', text)) == {'b01f_01io->b01f'}
  assert 'group_count' not in text


def test_data_parallel_gradients_move_no_images():
  weights, x = step_inputs()
  mesh = jax.make_mesh((8,), ('data',), axis_types=(AxisType.Auto,))
  replicated, split = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in ((), ('data',)))
  inputs = jax.device_put(weights, replicated), jax.device_put(x, split)
  compiled = jax.jit(step).lower(*inputs).compile()
  chex.assert_trees_all_close(compiled(*inputs), jax.jit(step)(weights, x), atol=1e-5)
  text = compiled.as_text()
  assert 'all-reduce' in text
  assert not re.search('all-gather|all-to-all|collective-permute', text)


def test_compiler_option_took_effect():
  options = convolution.compiler_options()
  if not options:
    pytest.skip('this jaxlib does not know xla_cpu_experimental_ynn_fusion_type')
  text = lambda f, *a: jax.jit(f, compiler_options=options).lower(*a).compile().as_text()
  assert '__ynn' in text(jnp.matmul, normal(256, 256), normal(256, 256))
  convolved = text(convolve, normal(8, 16, 16, 16), kernel(3, 3, 16, 16))
  assert ' convolution(' in convolved
  assert '__ynn' not in convolved


def test_unknown_compiler_option_is_left_out(monkeypatch):
  def refuse(*args, **kwargs):
    raise jax.errors.JaxRuntimeError('INVALID_ARGUMENT: No such compile option')

  convolution._ynn_option.cache_clear()
  with monkeypatch.context() as patched:
    patched.setattr(jax, 'jit', refuse)
    assert convolution.compiler_options() == {}
  convolution._ynn_option.cache_clear()


# What is refused, and padding.


@pytest.mark.parametrize(
  'size, k, stride, pads',
  [(7, 5, 2, (2, 2)), (28, 5, 2, (1, 2)), (8, 4, 2, (1, 1)), (8, 4, 1, (1, 2)), (7, 1, 2, (0, 0))],
)
def test_same_pads(size, k, stride, pads):
  assert convolution.same_pads(size, k, stride) == pads


@pytest.mark.parametrize(
  'call, message',
  [
    (lambda x, w: convolve(x, w[:, :, :3]), 'as many input channels'),
    (lambda x, w: convolve(x.astype(jnp.bfloat16), w), 'same dtype'),
    (lambda x, w: convolve(x[0], w), 'expected images'),
    (lambda x, w: convolve(x[:, :2], w, 1, 0), 'no smaller than the kernel'),
    (lambda x, w: convolve(x, w, 1, -1), 'padding of 0 or more'),
    (lambda x, w: convolve(x, w, 0), 'stride of 1 or more'),
    (lambda x, w: convolve_transposed(x, w, (17, 16)), r'expected input of size \(9, 8\)'),
    (lambda x, w: convolve_transposed(x, w, (16, 16), 2, 0), r'expected input of size \(7, 7\)'),
    (lambda x, w: convolve_pool(x[:, 1:], w), 'even height and width'),
    (lambda x, w: convolve_pool(x[:, 1:], w[:1, :1]), 'even height and width'),
    (lambda x, w: convolve_pool(x, w[:2, :2]), '3x3 or 1x1'),
    (lambda x, w: upsample_convolve(x, w[:2]), '3x3 or 1x1'),
  ],
)
def test_refusals(call, message):
  with pytest.raises(ValueError, match=message):
    call(jnp.ones((2, 8, 8, 4)), jnp.ones((3, 3, 4, 4)))


# --- filters around convolutions


def test_upsample_fir_convolve_is_that_of_the_filtered_image_inside_the_border():
  x, w = normal(2, 5, 4, 3), normal(3, 3, 3, 6)
  y = convolution.upsample_fir_convolve(x, w)
  expected = convolution.convolve(resample.upsample_fir(x), w)
  chex.assert_shape(y, (2, 10, 8, 6))
  chex.assert_trees_all_close(y[:, 2:-2, 2:-2], expected[:, 2:-2, 2:-2], atol=1e-4)


def test_fir_convolve_downsample_is_every_other_pixel_of_the_filtered_convolution():
  x, w = normal(2, 8, 6, 3), normal(3, 3, 3, 6)
  y = convolution.fir_convolve_downsample(x, w)
  filtered = resample.filtered(x, (1, 3, 3, 1), (2, 2))
  full = convolution.convolve(filtered, w, 1, 0)
  chex.assert_trees_all_close(y, full[:, ::2, ::2], atol=1e-4)
  chex.assert_shape(y, (2, 4, 3, 6))


@pytest.mark.parametrize('channels, groups', [((8, 8), 3), ((9, 8), 3), ((8, 9), 4)])
def test_groups_that_do_not_divide(channels, groups):
  w = jnp.zeros((3, 3, channels[0] // groups, channels[1]))
  with pytest.raises(ValueError, match=f'channels in {groups} groups'):
    convolution.convolve_grouped(jnp.zeros((1, 4, 4, channels[0])), w, groups)


def test_options_that_are_known_one_by_one_are_used_together():
  """Else one misspelt value would silently switch all of them off."""
  kinds = 'LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT'
  known = {'xla_cpu_experimental_ynn_fusion_type': kinds, 'xla_llvm_disable_expensive_passes': True}
  try:
    jax.jit(lambda: 0, compiler_options=known).lower().compile()
  except jax.errors.JaxRuntimeError:
    pytest.skip('this jaxlib does not know the options')
  assert set(known) < set(convolution.compiler_options())
