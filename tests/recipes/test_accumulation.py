"""The option --accumulate: who has it. What it computes is tested in core and training."""

import pytest

from jaxgan import variants
from jaxgan.recipes.accumulation import Accumulated, parts_of

HAVE = {'wgan_gp': {'generator_norm': False}, 'r3gan': {}}
"""Who has it, and what must stand beside it."""


@pytest.mark.parametrize('variant', variants.VARIANTS)
def test_only_variants_that_can_do_without_batch_norm_have_it(variant):
  has = issubclass(variants.module(variant).Config, Accumulated)
  assert has == (variant in HAVE)
  if has:
    assert parts_of(variants.configure(variant, accumulate=2, **HAVE[variant])) == 2
  else:
    assert parts_of(variants.configure(variant)) == 1
    with pytest.raises(ValueError, match=f'{variant} has no --accumulate: it is an option of'):
      variants.configure(variant, accumulate=2)


def test_parts_of_a_batch_are_not_normalized_each_for_itself():
  with pytest.raises(ValueError, match='--accumulate needs --generator-norm=False'):
    variants.configure('wgan_gp', accumulate=2)


def test_no_parts_are_refused():
  with pytest.raises(ValueError, match='--accumulate must be above 0, it is 0'):
    variants.configure('wgan_gp', accumulate=0)
