"""Arrays to test layers on."""

import jax.numpy as jnp
import numpy as np


def draw(*shape, seed=0):
  """N(0, 1), by NumPy: to compile JAX's generator for each shape would take seconds."""
  return jnp.float32(np.random.default_rng(seed).standard_normal(shape))


def matrix(w):
  return np.float64(w).reshape(-1, w.shape[-1])


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
