"""Self-attention in closed form."""

import chex
import jax.numpy as jnp
import numpy as np

from arrays import draw
from jaxgan.nn.attention import SelfAttention


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
