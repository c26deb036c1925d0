"""Cases of convolutions, and what they are compared with."""

import itertools
from functools import partial
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax


class Case(NamedTuple):
  kernel: int
  stride: int
  size: int
  channels: tuple[int, int]
  pads: int | None


CHANNELS = ((3, 5), (5, 3), (16, 16), (1, 8), (8, 1))
EVERY = [
  Case(*values)
  for values in itertools.product((1, 3, 4, 5), (1, 2), (7, 8, 13, 14), CHANNELS, (None, 1, 2))
  if values[4] is None or values[4] < values[0]
]


# Every value of every field, every formulation, and odd sizes with every kernel at stride 2.
SELECTED = [
  Case(1, 1, 7, (16, 16), None),
  Case(1, 1, 8, (8, 1), None),
  Case(1, 2, 13, (3, 5), None),
  Case(1, 2, 14, (16, 16), None),
  Case(3, 1, 8, (5, 3), None),
  Case(3, 1, 13, (16, 16), 1),
  Case(3, 2, 7, (5, 3), 2),
  Case(3, 2, 14, (1, 8), None),
  Case(4, 1, 7, (3, 5), 2),
  Case(4, 1, 14, (8, 1), None),
  Case(4, 2, 8, (16, 16), 1),
  Case(4, 2, 13, (5, 3), None),
  Case(5, 1, 14, (1, 8), 1),
  Case(5, 2, 7, (16, 16), None),
  Case(5, 2, 8, (3, 5), None),
  Case(5, 2, 13, (8, 1), 2),
]


over_cases = pytest.mark.parametrize(
  'cases',
  [pytest.param([c], id=f'{c.kernel}s{c.stride}-{c.size}-{c.channels}-{c.pads}') for c in SELECTED]
  + [
    pytest.param(list(cases), id=f'every-{k}s{s}', marks=pytest.mark.slow)
    for (k, s), cases in itertools.groupby(EVERY, lambda case: case[:2])
  ],
)


# Nearly all of the time is compilation.
quick_jit = partial(jax.jit, compiler_options={'xla_backend_optimization_level': 0})


def normal(*shape, scale=1.0):
  """In float64 where that is on, else float32. Not by `jax.random`, which compiles each shape."""
  return jnp.asarray(scale * np.random.default_rng(sum(shape)).normal(size=shape), float)


def kernel(*shape):
  """Scaled to keep the variance of what it is applied to."""
  return normal(*shape, scale=np.prod(shape[:3]) ** -0.5)


def operands(case):
  w = kernel(case.kernel, case.kernel, *case.channels)
  return normal(2, case.size, case.size, case.channels[0]), w


def reference(x, w, stride=1, pads=None):
  """The convolution as `lax` has it, its SAME padding included."""
  pads = 'SAME' if pads is None else ((pads, pads),) * 2
  return lax.conv_general_dilated(
    x, w, (stride, stride), pads, dimension_numbers=('NHWC', 'HWIO', 'NHWC')
  )


def relative(tree, expected):
  """The largest relative distance between two leaves."""
  chex.assert_trees_all_equal_shapes_and_dtypes(tree, expected)
  tree, expected = jax.device_get((tree, expected))
  distance = lambda a, b: np.linalg.norm(a - b) / np.linalg.norm(b)
  return max(jax.tree.leaves(jax.tree.map(distance, tree, expected)))
