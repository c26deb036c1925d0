"""Options that make compiling quicker."""

import jax
import jax.numpy as jnp

from jaxgan.core import compiling


def test_a_quick_program_computes_the_same_bits(monkeypatch, key):
  monkeypatch.delenv('XLA_FLAGS', raising=False)
  options = compiling.quick()
  assert options == {'xla_backend_optimization_level': 1}
  draw = lambda key: 0.02 * jax.random.normal(key, (3, 3, 8, 5)) + 1
  usual = {'xla_backend_optimization_level': 3}  # the level of XLA itself, whatever tests set
  quick, slow = (jax.jit(draw, compiler_options=given)(key) for given in (options, usual))
  assert jnp.array_equal(quick, slow)


def test_a_level_that_the_user_chose_stays(monkeypatch):
  monkeypatch.setenv('XLA_FLAGS', '--xla_backend_optimization_level=0')
  assert compiling.quick() == {}
