"""No seed is another one."""

import jax
import numpy as np
import pytest

from jaxgan.core import seeds


@pytest.mark.parametrize('seed', [-1, 2**32 - 1, 2**32, 12345678901234567890123])
def test_seeds_outside_of_the_range_are_refused(seed):
  with pytest.raises(ValueError, match=f'--seed must lie from 0 to 4294967294, it is {seed}'):
    seeds.check_seed(seed, '--seed')
  with pytest.raises(ValueError, match='seed must lie from 0'):
    seeds.key_of(seed)


def test_seeds_inside_have_keys_of_their_own():
  keys = [jax.random.key_data(seeds.key_of(seed)) for seed in (0, 1, seeds.LAST)]
  assert len({np.asarray(key).tobytes() for key in keys}) == 3
  np.testing.assert_array_equal(keys[1], jax.random.key_data(jax.random.key(1)))
