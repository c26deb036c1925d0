"""Options of the compiler for programs that run seldom."""

import os

import jax


def quick() -> dict[str, int]:
  """Return the options of `jax.jit(..., compiler_options=...)` for programs that run seldom.

  They compile in a third to three quarters of the time. Programs of many large arrays may run
  slower. The options are empty where `XLA_FLAGS` chooses a level of optimization, and on other
  back ends than the CPU's.

  Example:
    >>> import jax.numpy as jnp
    >>> float(jax.jit(jnp.sin, compiler_options=quick())(0.0))
    0.0
  """
  chosen = 'xla_backend_optimization_level' in os.environ.get('XLA_FLAGS', '')
  return {} if chosen or jax.default_backend() != 'cpu' else {'xla_backend_optimization_level': 1}
