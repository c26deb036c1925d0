"""Networks of one number, whose logits are known by hand."""

import jax.numpy as jnp
import numpy as np

from jaxgan.core.game import Nets
from jaxgan.core.network import Network

REAL = jnp.array([[1.0, -2.0], [0.5, 3.0], [-1.0, 0.25]])
LATENTS = jnp.array([[0.3, -0.7], [2.0, 1.0], [-0.4, 0.9]])
BATCH = {'image': REAL, 'label': jnp.array([2, 0, 1])}
SCALE, SLOPE = 1.5, jnp.array([0.7, -0.4])


def fixed(key, n):
  """Latents that are no surprise."""
  return LATENTS[:n]


def by_hand(apply):
  """A network of a given start, whose function is `apply(params, *inputs)`."""

  def make(value):
    run = lambda variables, *inputs, train, key=None: (
      apply(variables['params'], *inputs),
      variables,
    )
    return Network(lambda key, *_: {'params': value}, run)

  return make


enlarge = by_hand(lambda scale, z, *labels: scale * z + sum(y[:, None] for y in labels))
score = by_hand(lambda slope, x, *labels: x @ slope + 10 * sum(labels))
identity = by_hand(lambda nothing, x: x)


def bound(generator, critic):
  networks = {'generator': generator, 'critic': critic}
  made = {name: network.init(None)['params'] for name, network in networks.items()}
  return Nets(networks, made, dict.fromkeys(networks, {}))


def simple():
  return bound(enlarge(jnp.float32(SCALE)), score(SLOPE))


def logits(conditional):
  label = np.float64(BATCH['label']) if conditional else np.zeros(3)
  fakes = SCALE * np.float64(LATENTS) + label[:, None]
  slope = np.float64(SLOPE)
  return np.float64(REAL) @ slope + 10 * label, fakes @ slope + 10 * label


BLACK = {'image': jnp.zeros((64, 16, 16, 1))}
