"""Seeds and numbers, however they are given."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core.seeds import LAST
from jaxgan.training.requests import count, key_of, whole


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
