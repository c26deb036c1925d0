"""Linear scores, whose gradients are known by hand."""

import jax
import jax.numpy as jnp
import numpy as np

SHAPE = (6, 4, 5, 3)


def pair(key, shape=SHAPE):
  return tuple(jax.random.normal(key, (2, *shape)))


def linear(weights):
  return lambda x: x.reshape(len(x), -1) @ weights.ravel()


def of_norm(length, shape=SHAPE[1:]):
  weights = np.random.default_rng(0).standard_normal(shape)
  return jnp.asarray(length * weights / np.linalg.norm(weights), jnp.float32)
