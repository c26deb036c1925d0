"""Options far from a variant's usual values explain a failure; those near them, or fine, do not."""

import dataclasses

import pytest

from jaxgan import variants
from jaxgan.diagnosis import causes, verdicts


@pytest.mark.parametrize(
  ('variant', 'name', 'options', 'first'),
  [
    ('wgan_gp', verdicts.PENALTY, dict(penalty_weight=0.0), dict(penalty_weight=10.0)),
    ('dcgan', verdicts.STRONG, dict(critic_lr=0.1), dict(critic_lr=1e-3)),
    ('sngan', verdicts.WEAK, dict(critic_width=1), dict(critic_width=32)),
    ('sngan', verdicts.STRONG, dict(generator_width=1), dict(generator_width=32)),
    ('sngan', verdicts.WEAK, dict(generator_width=1), None),
    ('sngan', verdicts.WEAK, dict(critic_width=16), None),
    ('lsgan', verdicts.CHECKERBOARD, dict(critic_lr=1e-4), None),
  ],
)
def test_the_usual_value_comes_back_on_the_side_that_explains_the_failure(
  variant, name, options, first
):
  found = causes.restored(name, variants.configure(variant, **options))
  assert next(iter(found), None) == first


def test_usual_are_the_values_of_the_preset():
  config = variants.configure('lsgan', preset='paper', critic_lr=1.0)
  (changed,) = causes.restored(verdicts.CHECKERBOARD, config)
  assert changed == {'critic_lr': variants.configure('lsgan', preset='paper').critic_lr}


def test_of_an_unknown_variant_nothing_is_usual():
  foreign = dataclasses.replace(variants.configure('lsgan', critic_lr=1.0), variant='mine')
  assert causes.restored(verdicts.STRONG, foreign) == [] and causes.balance(foreign) == 1.0


def test_the_balance_is_that_of_the_rates_beside_the_usual_one():
  assert causes.balance(variants.configure('sagan')) == 1.0
  both = variants.configure('sagan', generator_lr=2.5e-5, critic_lr=1e-4)
  assert causes.balance(both) == pytest.approx(1.0), 'both are low: neither outpaces the other'
  slow = variants.configure('sagan', critic_lr=1e-4)
  assert causes.balance(slow) == pytest.approx(0.1)


def test_a_narrow_player_is_named_with_its_option():
  assert causes.narrow(variants.configure('sngan', critic_width=2), 'critic') == ('critic_width', 2)
  assert causes.narrow(variants.configure('sngan', critic_width=8), 'critic') is None
  assert causes.narrow(variants.configure('lsgan'), 'critic') is None, 'no width of its own'


def test_a_rate_is_low_beside_the_usual_one_of_the_same_optimizer():
  assert not causes.is_low(variants.configure('lsgan'))
  assert not causes.is_low(variants.configure('lsgan', generator_lr=3e-4))
  assert causes.is_low(variants.configure('lsgan', generator_lr=1e-5))
  assert causes.is_low(variants.configure('lsgan', optimizer='sgd')), 'another scale of rates'
  foreign = dataclasses.replace(variants.configure('lsgan'), variant='mine')
  assert causes.is_low(foreign), 'nothing is known of it'
