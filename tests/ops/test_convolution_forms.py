"""Every form of a convolution by value, and which form is taken when."""

from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from convolution_cases import operands, over_cases, quick_jit, reference, relative
from jaxgan.ops import convolution, convolution_forms


@pytest.fixture
def double():
  with jax.enable_x64(True):
    yield


def right_forms(case):
  """The formulations that are right for the case, whatever the rules would choose."""
  names = ['conv_lax', 'tconv_dilated', 'tconv_subpixel', 'tconv_few', 'wgrad_canonical']
  if case.stride == 1:
    names += ['conv_few', 'wgrad_turned']
  if case.kernel >= case.stride:
    names += ['tconv_phases']
  if case.kernel == 1:
    names += ['wgrad_product']
  if case.kernel == case.stride == 1:
    names += ['conv_product', 'tconv_product']
  return names


def by_every_form(case, x, w):
  """Each formulation's value and the expected one, by name."""
  pads = ((case.pads, case.pads),) * 2
  if case.pads is None:
    pads = (convolution.same_pads(case.size, case.kernel, case.stride),) * 2
  y, pull = jax.vjp(lambda x, w: reference(x, w, case.stride, case.pads), x, w)
  g = y * jnp.cos(y)
  dx, dw = pull(g)
  inputs = {'conv': (x, w), 'tconv': (g, w, x.shape), 'wgrad': (x, g, w.shape)}
  expected = {'conv': y, 'tconv': dx, 'wgrad': dw}
  kinds = {name: name.split('_')[0] for name in right_forms(case)}
  run = lambda name, kind: getattr(convolution_forms, name)(*inputs[kind], case.stride, pads)
  return {n: run(n, k) for n, k in kinds.items()}, {n: expected[k] for n, k in kinds.items()}


@over_cases
def test_every_formulation_by_value(cases, double):
  for case in cases:
    assert relative(*quick_jit(partial(by_every_form, case))(*operands(case))) < 1e-12, case


SAME3 = ((1, 1), (1, 1))


NONE = ((0, 0), (0, 0))


@pytest.mark.parametrize(
  'w_shape, stride, pads, forms',
  [
    ((3, 3, 8, 8), 1, SAME3, ('conv_lax', 'tconv_dilated', 'wgrad_canonical')),
    ((3, 3, 8, 4), 1, SAME3, ('conv_few', 'tconv_dilated', 'wgrad_turned')),
    ((3, 3, 4, 8), 1, SAME3, ('conv_lax', 'tconv_few', 'wgrad_canonical')),
    ((4, 4, 8, 8), 2, SAME3, ('conv_lax', 'tconv_subpixel', 'wgrad_canonical')),
    ((4, 4, 64, 8), 2, SAME3, ('conv_lax', 'tconv_phases', 'wgrad_canonical')),
    ((1, 1, 64, 8), 2, NONE, ('conv_lax', 'tconv_subpixel', 'wgrad_product')),
    ((4, 4, 3, 8), 2, SAME3, ('conv_lax', 'tconv_subpixel', 'wgrad_canonical')),
    ((4, 4, 1, 8), 2, SAME3, ('conv_lax', 'tconv_few', 'wgrad_canonical')),
    ((4, 4, 8, 3), 2, SAME3, ('conv_lax', 'tconv_subpixel', 'wgrad_canonical')),
    ((1, 1, 8, 3), 1, NONE, ('conv_product', 'tconv_product', 'wgrad_product')),
    ((1, 1, 8, 8), 2, NONE, ('conv_lax', 'tconv_subpixel', 'wgrad_product')),
    ((1, 1, 8, 8), 1, SAME3, ('conv_lax', 'tconv_dilated', 'wgrad_product')),
  ],
)
def test_rules(w_shape, stride, pads, forms):
  rules = (convolution_forms.conv_form, convolution_forms.tconv_form, convolution_forms.wgrad_form)
  assert tuple(rule(w_shape, stride, pads).__name__ for rule in rules) == forms


@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('dilation', [None, (2, 2)])
@pytest.mark.parametrize(
  'pads', [((0, 0), (-2, 1)), ((-2, 2), (0, 0)), ((2, -1), (-1, 1)), ((-1, -1), (2, 2))]
)
def test_sides_that_are_cropped_and_padded(pads, dilation, stride):
  """XLA:CPU of jax 0.10 returns wrong numbers, up to 1e21 times too large, for an axis of both."""
  draw = np.random.default_rng(0)
  x, w = (jnp.asarray(draw.normal(size=s), jnp.float32) for s in ((2, 9, 15, 5), (2, 2, 5, 16)))
  spread = [(0, 0, 0), *((low, high, 1 if dilation else 0) for low, high in pads), (0, 0, 0)]
  image = np.asarray(lax.pad(x, jnp.float32(0), spread), np.float64)
  windows = np.lib.stride_tricks.sliding_window_view(image, (2, 2), (1, 2))
  right = np.einsum('bhwcij,ijcf->bhwf', windows[:, ::stride, ::stride], np.asarray(w, np.float64))
  chex.assert_trees_all_close(
    convolution_forms.conv_lax(x, w, stride, pads, dilation),
    right.astype(np.float32),
    rtol=1e-4,
    atol=1e-4,
  )
