"""Remedies are flags that the run's own variant accepts."""

import pytest

from jaxgan import variants
from jaxgan.diagnosis import remedies, verdicts
from jaxgan.main import parse


@pytest.mark.parametrize('variant', ['gan', 'lsgan', 'wgan_gp', 'stylegan2', 'cyclegan', 'srgan'])
def test_every_flag_is_accepted(variant):
  config = variants.configure(variant)
  named = {name: remedies.flags(name, config) for name in verdicts.SICK}
  for flags in {flag for found in named.values() for flag in found}:
    read = parse([f'--variant={variant}', '--workdir=runs/x', *flags.split()])[0]
    assert read != config
  assert named[verdicts.STRONG], 'a rate at least'


def test_a_remedy_changes_what_the_run_has():
  found = remedies.flags(verdicts.WEAK, variants.configure('dcgan', critic_lr=1e-5))
  assert found[0] == '--critic-lr=0.001', 'the generator has this rate, too'


def test_options_of_other_variants_are_not_named():
  assert not any(
    'penalty' in x for x in remedies.flags(verdicts.PENALTY, variants.configure('gan'))
  )
  broken = variants.configure('wgan_gp', penalty_weight=0.0)
  assert remedies.flags(verdicts.PENALTY, broken)[0] == '--penalty-weight=10.0'


def test_without_a_config_there_are_none():
  assert remedies.flags(verdicts.STRONG, None) == ()


@pytest.mark.parametrize(
  ('name', 'sizes', 'rates'),
  [
    (verdicts.SLOW, (2e-5, 2e-4), (0.1, 0.2)),
    (verdicts.SLOW, (2e-5, 3e-3), (0.1, None)),
    (verdicts.OSCILLATION, (0.3, 3e-3), (1e-5, 2e-5)),
    (verdicts.OSCILLATION, (), (2e-4, 4e-4)),
  ],
)
def test_rates_change_as_much_as_the_size_of_updates_asks(name, sizes, rates):
  config = variants.configure('lsgan', generator_lr=1e-3, critic_lr=2e-3)
  seen = zip(('generator/update', 'critic/update'), sizes, strict=False)
  found = remedies.options(name, config, [verdicts.Evidence(x, size, 50) for x, size in seen])
  assert (found[0].get('generator_lr'), found[0].get('critic_lr')) == rates


def test_no_option_helps_against_a_wrong_data_set():
  config = variants.configure('gan')
  one_image = verdicts.Evidence('samples: distinct', 1.0, 500)
  assert remedies.flags(verdicts.MEMORIZED, config, [one_image]) == ()
  assert remedies.flags(verdicts.MEMORIZED, config)


def updates(generator, critic):
  seen = {'generator': generator, 'critic': critic}
  return [verdicts.Evidence(f'{player}/update', size, 50) for player, size in seen.items()]


def test_rates_that_are_too_low_rise_to_the_usual_ones_at_least():
  low = variants.configure('dcgan', generator_lr=1e-5, critic_lr=4e-6)
  found = remedies.flags(verdicts.SLOW, low, updates(1e-4, 1e-4))
  assert found[0] == '--generator-lr=0.001 --critic-lr=0.001', 'updates alone ask for ten times'
  short = variants.configure('bigan', generator_lr=5e-6, critic_lr=5e-6)
  found = remedies.flags(verdicts.SLOW, short, updates(2e-5, 2e-5))
  assert found[0] == '--generator-lr=0.0005 --critic-lr=0.0005', 'more than the usual 0.0002'


def test_huge_rates_fall_to_the_usual_ones_and_not_below():
  huge = variants.configure('dcgan', generator_lr=0.1, critic_lr=0.04)
  usual = '--generator-lr=0.001 --critic-lr=0.001'
  for name in (verdicts.OSCILLATION, verdicts.CHECKERBOARD, verdicts.FULL, verdicts.STRONG):
    assert remedies.flags(name, huge, updates(0.5, 0.5))[0] == usual, name


@pytest.mark.parametrize('name', [verdicts.WEAK, verdicts.CHECKERBOARD])
def test_a_critic_that_is_outpaced_gets_the_rate_that_suits_the_generators(name):
  slow = variants.configure('wgan_gp', generator_lr=5e-4, critic_lr=5e-5)
  assert remedies.flags(name, slow)[0] == '--critic-lr=0.0005', 'as the generator, as is usual'


def test_a_critic_that_outpaces_the_generator_comes_back_to_it():
  fast = variants.configure('bigan', critic_lr=1e-3)
  assert remedies.flags(verdicts.STRONG, fast)[0] == '--critic-lr=0.0002'


def test_r1_is_never_lowered():
  for name in (verdicts.STRONG, verdicts.OVERFIT, verdicts.PARTIAL):
    assert not any('r1' in x for x in remedies.flags(name, variants.configure('stylegan')))


@pytest.mark.parametrize(
  ('name', 'player'), [(verdicts.WEAK, 'critic'), (verdicts.STRONG, 'generator')]
)
def test_a_network_that_is_too_small_needs_its_width_and_nothing_else_helps(name, player):
  wide = variants.configure('sngan', **{f'{player}_width': 1})
  shown = [verdicts.Evidence(f'{player}_width', 1.0, 500)]
  assert remedies.flags(name, wide, shown) == (f'--{player}-width=32',)
  own = [verdicts.Evidence(f'{player} parameters', 67, 500)]
  assert remedies.flags(name, variants.configure('gan'), own) == ()


@pytest.mark.parametrize(
  ('variant', 'first'),
  [
    ('bigan', '--r1=1.0 --generator-lr=0.001 --critic-lr=0.001'),
    ('vaegan', '--r1=1.0 --critic-norm=False --generator-lr=0.001 --critic-lr=0.001'),
    ('sagan', '--r1=1.0'),
    ('wgan_gp', '--r1=1.0'),
  ],
)
def test_r1_comes_with_the_rates_that_it_bears(variant, first):
  assert remedies.flags(verdicts.STRONG, variants.configure(variant))[0] == first
