import chex
import flax.errors
import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest

from jaxgan.core.typing import Array
from jaxgan.nn.parameters import parameter


class Scale(nn.Module):
  """Multiply by a parameter, made by `parameter` or by flax."""

  start: nn.initializers.Initializer = nn.initializers.normal(1.0)
  by_flax: bool = False

  @nn.compact
  def __call__(self, x: Array) -> Array:
    make = self.param if self.by_flax else lambda *given: parameter(self, *given)
    return make('scale', self.start, (x.shape[-1],))[None] * x


def test_same_parameter_as_flax():
  key, x = jax.random.key(0), jnp.ones((2, 3))
  ours, theirs = (Scale(by_flax=way).init(key, x) for way in (False, True))
  chex.assert_trees_all_equal(ours, theirs)
  chex.assert_trees_all_equal(Scale().apply(ours, x), Scale(by_flax=True).apply(ours, x))


def test_initializer_is_not_called_where_the_parameter_is_given():
  variables = Scale().init(jax.random.key(0), jnp.ones((2, 3)))

  def never(*_):
    raise AssertionError('called')

  chex.assert_shape(Scale(start=never).apply(variables, jnp.ones((2, 3))), (2, 3))


def test_another_shape_is_refused_as_flax_refuses_it():
  variables = Scale().init(jax.random.key(0), jnp.ones((2, 3)))
  messages = []
  for by_flax in (False, True):
    with pytest.raises(flax.errors.ScopeParamShapeError) as raised:
      Scale(by_flax=by_flax).apply(variables, jnp.ones((2, 4)))
    messages.append(str(raised.value))
  assert messages[0] == messages[1]


def test_a_module_called_twice_has_one_parameter():
  class Twice(nn.Module):
    @nn.compact
    def __call__(self, x: Array) -> Array:
      scale = Scale()
      return scale(scale(x))

  variables = Twice().init(jax.random.key(0), jnp.ones((2, 3)))
  scale = variables['params']['Scale_0']['scale']
  chex.assert_trees_all_close(Twice().apply(variables, jnp.ones((2, 3)))[0], scale**2, rtol=1e-6)
