"""Small networks of styles, whose Jacobian is known."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core.game import Nets
from jaxgan.core.network import Network
from jaxgan.losses.style_mixing import Drawing

LAYERS, SIZE = 3, 2


def latent(key, n):
  return jax.random.normal(key, (n, 4))


def nets(mean=0.0):
  """Small networks: w = z A, images = tanh of a linear map of all styles."""
  draw = np.random.default_rng(0).standard_normal
  mapping = Network(None, lambda v, z, *y, train, key: (z @ v['params'], {**v, 'seen': z.mean()}))
  flat = lambda w: w.reshape(len(w), -1)
  paint = lambda v, w, *given, train, key: (
    jnp.tanh(flat(w) @ v['params']).reshape(-1, SIZE, SIZE, 1),
    v,
  )
  params = {
    'mapping': jnp.float32(draw((4, 5))),
    'synthesis': jnp.float32(draw((LAYERS * 5, SIZE * SIZE))) / 5,
  }
  return Nets(
    {'mapping': mapping, 'synthesis': Network(None, paint)},
    params,
    {'mapping': {'seen': 0.0}, 'synthesis': {}},
    {'path_mean': jnp.float32(mean)},
  )


BATCH = {'image': jnp.zeros((6, SIZE, SIZE, 1))}


def drawing(mixing=0.0):
  return Drawing(latent, LAYERS, mixing=mixing)
