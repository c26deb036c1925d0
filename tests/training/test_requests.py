"""Seeds and numbers, however they are given."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core.seeds import LAST
from jaxgan.core.typing import Spec
from jaxgan.training.requests import class_number, count, key_of, whole


def test_one_key_is_asked_for():
  with pytest.raises(ValueError, match=r'give one key, these are \(2,\)'):
    key_of(jax.random.split(jax.random.key(0)))
  assert len({np.asarray(jax.random.key_data(key_of(s))).tobytes() for s in (0, 1, LAST)}) == 3


def test_a_key_stays_as_it_is():
  key = jax.random.key(7, impl='rbg')
  assert key_of(key) is key


@pytest.mark.parametrize('value', [3, np.uint8(3), np.array(3), jnp.int32(3)])
def test_whole_numbers_of_any_library(value):
  assert whole(value) == 3 and type(whole(value)) is int
  assert count(value) == 3


@pytest.mark.parametrize('value', [True, 3.0, '3', None, np.True_, np.array([3]), jnp.float32(3)])
def test_what_is_no_whole_number(value):
  assert whole(value) is None
  with pytest.raises(ValueError, match='whole number of 1 or above, not'):
    count(value)


SPEC = Spec(8, 1, 4, ('cat', '3', '10', 'dog, small'))


@pytest.mark.parametrize(
  ('label', 'number'), [('cat', 0), ('3', 1), ('10', 2), ('2', 2), (3, 3), ('dog, small', 3)]
)
def test_a_class_is_a_name_or_else_a_number(label, number):
  assert class_number(label, SPEC) == number


@pytest.mark.parametrize('label', ['cow', '4', '-1', '', '9' * 5000, '²', '03', 4, -1, True])
def test_what_is_no_class_is_refused_with_those_that_are(label):
  there = 'cat, 3, 10, dog, small' if isinstance(label, str) else '0 to 3'
  with pytest.raises(ValueError, match=f'is not a class of this run: they are {there}'):
    class_number(label, SPEC)
