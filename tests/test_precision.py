"""Where all digits of float32 are promised, products have them on every back end.

By default a GPU multiplies in TF32 and a TPU in bfloat16, which no test on a CPU would show: so the
programs are read.
"""

from functools import partial

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from jaxgan.augmentation import ada, crops, diffaugment
from jaxgan.losses import regularizers
from jaxgan.networks import stylegan2
from jaxgan.nn import minibatch
from jaxgan.nn.spectral_norm import spectral_norm
from jaxgan.ops import resample

KEY = jax.random.key(0)
IMAGES = jnp.zeros((4, 16, 16, 3))


def discrimination(x):
  net = minibatch.MinibatchDiscrimination(3, 2)
  return net.apply(net.init(KEY, x), x).sum()


def history(w):
  return regularizers.historical('critic', 1.0)(nets(w), {}, KEY)[0]


def nets(w):
  from jaxgan.core.game import Nets

  memory = {'history': {'critic': jnp.zeros_like(w)}}
  return Nets({}, {'critic': w}, {}, memory)


EXACT = {
  'spectral_norm': (lambda w: spectral_norm(w, jnp.ones(8))[0].sum(), jnp.ones((3, 3, 4, 8))),
  'orthogonal': (lambda w: regularizers.orthogonal()({'w': w}), jnp.ones((12, 8))),
  'orthogonal_wide': (lambda w: regularizers.orthogonal()({'w': w}), jnp.ones((4, 8))),
  'resize': (lambda x: resample.resize(x, 8, 8).sum(), IMAGES),
  'jitter': (lambda x: crops.jitter(False)({'image': x}, KEY)['image'].sum(), IMAGES),
  'translation': (lambda x: diffaugment.translation(x, KEY).sum(), IMAGES),
  'ada': (lambda x: ada.ada(x, 0.5, KEY).sum(), IMAGES),
  'discrimination': (discrimination, jnp.ones((4, 6))),
  'history': (history, jnp.ones((3, 4))),
}


def products(jaxpr):
  """All products in a program, in what it calls too."""
  for equation in jaxpr.eqns:
    if equation.primitive.name in ('dot_general', 'conv_general_dilated'):
      yield equation
    for value in jax.tree.leaves(equation.params, is_leaf=lambda x: hasattr(x, 'jaxpr')):
      if hasattr(value, 'eqns') or hasattr(value, 'jaxpr'):
        yield from products(getattr(value, 'jaxpr', value))


def precisions(function, x):
  """Of the products of a function and of its gradient, apart from those of integers."""
  jaxpr = jax.make_jaxpr(jax.value_and_grad(function))(x).jaxpr
  return [equation.params['precision'] for equation in products(jaxpr)]


@pytest.mark.parametrize('name', EXACT)
def test_products_have_all_digits(name):
  found = precisions(*EXACT[name])
  assert found
  assert all(p == (lax.Precision.HIGHEST,) * 2 for p in found), found


def test_demodulation_has_all_digits():
  """The convolution beside it follows the back end."""
  still = lambda x, w: x @ w[0, 0]
  run = partial(stylegan2.modulate, jnp.ones((2, 4, 4, 3)), jnp.ones((1, 1, 3, 5)), form=still)
  found = precisions(lambda style: run(style).sum(), jnp.ones((2, 3)))
  assert (lax.Precision.HIGHEST,) * 2 in found
