"""Changes of arrays, the vector of a spectral norm, and what does not fit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.nn.spectral_norm import spectral_norm
from jaxgan.published import layouts
from jaxgan.published.layouts import Leaf, Unfit, Weights


@pytest.fixture(name='draw')
def fixed_draw():
  """Return a generator of its own for each test, so that no test changes another's numbers."""
  return np.random.default_rng(0)


def test_a_layer_to_a_map_and_one_from_it_undo_each_other(draw):
  """Both reorder the pixels of one map [C, 2, 2]."""
  image = draw.normal(size=(3, 2, 2))
  flat, ours = image.reshape(-1), image.transpose(1, 2, 0).reshape(-1)
  to, back = draw.normal(size=(12, 5)), draw.normal(size=(4, 12))
  np.testing.assert_array_equal(layouts.bias_of_map(2)(flat), ours)
  made = (to @ np.ones(5)).reshape(3, 2, 2).transpose(1, 2, 0).reshape(-1)
  np.testing.assert_allclose(np.ones(5) @ layouts.to_map(2)(to), made)
  np.testing.assert_allclose(ours @ layouts.of_map(2)(back), back @ flat)


@pytest.mark.parametrize('turned', [0.0, 0.3, 0.9])
@pytest.mark.parametrize('shape', [(4, 9), (9, 4), (1, 6)])
def test_one_power_iteration_finds_the_published_norm(draw, turned, shape):
  """From u and v that training has not brought to the singular vectors."""
  m = draw.normal(size=shape)
  left, values, right = np.linalg.svd(m, full_matrices=False)
  unit = lambda x: x / np.linalg.norm(x)
  u = unit((1 - turned) * left[:, 0] + turned * left[:, -1])
  v = unit((1 - turned) * right[0] + turned * right[-1])
  wanted = float(u @ m @ v)
  start = layouts.leading(m, u.astype(np.float32), wanted)
  w = jnp.asarray(m.T, jnp.float32)
  found, _ = spectral_norm(w, jnp.asarray(start))
  np.testing.assert_allclose(found, m.T / wanted, rtol=2e-5, atol=1e-6)
  rounding = 1e-9  # one row has one singular value, which both bounds are
  assert values[-1] - rounding <= wanted <= values[0] + rounding


def network(**shapes):
  return {'params': {k: jax.ShapeDtypeStruct(s, jnp.float32) for k, s in shapes.items()}}


def test_a_network_is_filled():
  weights = Weights({'a': np.arange(6.0).reshape(2, 3), 'b': np.ones(1)})
  made, used = layouts.filled(
    network(one=(3, 2), two=()), [Leaf('params/one', 'a', layouts.matrix), Leaf('params/two', 'b')],
    weights,
  )  # fmt: skip
  np.testing.assert_array_equal(made['params']['one'], weights['a'].T)
  assert made['params']['two'].shape == () and used == {'a', 'b'}
  assert made['params']['one'].dtype == np.float32


@pytest.mark.parametrize(
  'leaves, shapes, said',
  [
    ([Leaf('params/x', 'c')], {'x': (2, 3)}, 'there is no c'),
    ([Leaf('params/y', 'a')], {'x': (2, 3)}, r'a \[2, 3\] has no place'),
    ([], {'x': (2, 3)}, 'the network needs params/x'),
    ([Leaf('params/x', 'a')], {'x': (3, 2)}, r'a is \[2, 3\], .* become \[2, 3\], .* has \[3, 2\]'),
    ([Leaf('params/x', 'n')], {'x': (1,)}, 'n has numbers that are not finite'),
    ([Leaf('params/x', 'a', layouts.kernel)], {'x': (2, 3)}, r'a is \[2, 3\], which does not fit'),
  ],
)
def test_what_does_not_fit(leaves, shapes, said):
  weights = Weights({'a': np.zeros((2, 3)), 'n': np.array([np.inf])})
  with pytest.raises(Unfit, match=said):
    layouts.filled(network(**shapes), leaves, weights)


def test_names_of_a_file():
  weights = Weights({'G.a.0': np.zeros(1), 'G.a.1': np.zeros(2), 'D.b': np.zeros(0)})
  assert weights.count('G.a.{}') == 2 and set(weights.below('G.')) == {'a.0', 'a.1'}
  with pytest.raises(Unfit, match=r'D.b is \[0\], and should have 1 axes'):
    weights.sizes('D.b', 1)
