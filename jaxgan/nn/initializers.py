"""Initializers of kernels: functions `(key, shape) -> array`."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.core.typing import Array

Initializer = Callable[..., Array]

normal: Initializer = nn.initializers.normal(0.02)
"""The initializer of DCGAN: a normal distribution with mean 0 and standard deviation 0.02."""


orthogonal: Initializer = nn.initializers.orthogonal()
"""Orthonormal columns of the kernel as [rest, out], or orthonormal rows where there are fewer."""


def uniform(bound: float) -> Initializer:
  """Return the initializer of the uniform distribution U(-bound, bound)."""
  return lambda key, shape, dtype=jnp.float32: jax.random.uniform(key, shape, dtype, -bound, bound)


def glorot(gain: float = 1.0) -> Initializer:
  """Return Glorot's uniform initializer, its values multiplied by `gain` (as in Chainer)."""
  return nn.initializers.variance_scaling(gain**2, 'fan_avg', 'uniform')


def swapped(start: Initializer) -> Initializer:
  """Return an initializer for kernels `[..., out, in]` from one for kernels `[..., in, out]`."""
  return lambda key, shape: start(key, (*shape[:-2], shape[-1], shape[-2])).swapaxes(-1, -2)
