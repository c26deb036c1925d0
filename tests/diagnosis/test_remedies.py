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
  found = remedies.flags(verdicts.WEAK, variants.configure('lsgan', critic_lr=1e-5))
  assert found[0] == '--critic-lr=0.0001'


def test_options_of_other_variants_are_not_named():
  assert not any(
    'penalty' in x for x in remedies.flags(verdicts.PENALTY, variants.configure('gan'))
  )
  broken = variants.configure('wgan_gp', penalty_weight=0.0)
  assert remedies.flags(verdicts.PENALTY, broken)[0] == '--penalty-weight=10.0'


def test_without_a_config_there_are_none():
  assert remedies.flags(verdicts.STRONG, None) == ()


@pytest.mark.parametrize(
  ('name', 'update', 'factor'),
  [(verdicts.SLOW, 2e-5, 100), (verdicts.SLOW, 2e-4, 10), (verdicts.OSCILLATION, 0.3, 0.01)],
)
def test_rates_change_as_much_as_the_size_of_updates_asks(name, update, factor):
  config = variants.configure('lsgan', generator_lr=1e-3, critic_lr=2e-3)
  found = remedies.flags(name, config, [verdicts.Evidence('generator/update', update, 50)])
  assert found[0] == f'--generator-lr={1e-3 * factor:g} --critic-lr={2e-3 * factor:g}'
