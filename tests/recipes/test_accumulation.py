"""The option --accumulate itself. What it computes is tested in core and training."""

import pytest

from jaxgan import variants
from jaxgan.recipes.accumulation import parts_of


def test_the_parts_of_a_config():
  assert parts_of(variants.configure('r3gan', accumulate=2)) == 2
  assert parts_of(variants.configure('sngan')) == 1  # which does not have the option


def test_parts_of_a_batch_are_not_normalized_each_for_itself():
  with pytest.raises(ValueError, match='would change the statistics of batch norm'):
    variants.configure('wgan_gp', accumulate=2)


def test_no_parts_are_refused():
  with pytest.raises(ValueError, match='--accumulate must be above 0, it is 0'):
    variants.configure('r3gan', accumulate=0)
