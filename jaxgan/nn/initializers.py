"""Initializers of kernels."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.core.typing import Array

Initializer = Callable[..., Array]

normal: Initializer = nn.initializers.normal(0.02)
"""N(0, 0.02), the start of DCGAN and most that followed."""


orthogonal: Initializer = nn.initializers.orthogonal()
"""Orthonormal columns (or rows, where there are fewer) of the kernel as [rest, out]."""


def uniform(bound: float) -> Initializer:
  """U(-bound, bound)."""
  return lambda key, shape, dtype=jnp.float32: jax.random.uniform(key, shape, dtype, -bound, bound)


def glorot(gain: float = 1.0) -> Initializer:
  """Glorot's uniform start times `gain` (Chainer's form: the gain multiplies the values)."""
  return nn.initializers.variance_scaling(gain**2, 'fan_avg', 'uniform')


def swapped(start: Initializer) -> Initializer:
  """For kernels `[..., out, in]`: an initializer counts its inputs on the last axis but one."""
  return lambda key, shape: start(key, (*shape[:-2], shape[-1], shape[-2])).swapaxes(-1, -2)
