"""An option without what it needs is refused, with a sentence that names both."""

import pytest

from jaxgan import variants
from jaxgan.recipes.option_groups import flag

ALONE = {
  'policy': ('gan', 'color', '--augment=none', '--augment=diffaugment'),
  'top_k_images': ('gan', 5.0, '--top-k=1.0', '--top-k=0.5'),
  'lecam_start': ('gan', 5, '--lecam=0.0', '--lecam=0.3'),
  'zcr_deviation': ('gan', 0.5, '--zcr=0.0', '--zcr=5.0'),
  'beta1': ('wgan', 0.9, '--optimizer=rmsprop', '--optimizer=adam'),
  'beta2': ('wgan', 0.9, '--optimizer=rmsprop', '--optimizer=adam'),
  'eval_num': ('gan', 10, '--eval-every=0', '--eval-every=100'),
  'eval_metric': ('gan', 'kernel', '--eval-every=0', '--eval-every=100'),
  'ema_rampup': ('cyclegan', 0.5, '--ema-images=0.0', '--ema-images=1000.0'),
  'psi_layers': ('stylegan', 3, '--psi=1.0', '--psi=0.7'),
}


@pytest.mark.parametrize('name', ALONE)
def test_an_option_without_effect_is_refused_with_what_it_needs(name):
  variant, value, has, wants = ALONE[name]
  with pytest.raises(ValueError) as error:
    variants.configure(variant, **{name: value})
  flag = '--' + name.replace('_', '-')
  said = f'{flag}={value} has no effect with {has}: give {wants}, or leave {flag} out'
  assert str(error.value) == said


@pytest.mark.parametrize(
  ('variant', 'given', 'name'),
  [
    ('stylegan2', dict(augment='diffaugment', ada_target=0.5), 'ada_target'),
    ('stylegan2', dict(augment='none', ada_images=5.0), 'ada_images'),
    ('stylegan2', dict(policy='color'), 'policy'),
    ('stylegan2', dict(r1=0.0, r1_every=4), 'r1_every'),
    ('stylegan2', dict(path_weight=0.0, path_every=8), 'path_every'),
    ('r3gan', dict(schedule='constant', rate_end=0.5), 'rate_end'),
    ('r3gan', dict(schedule='constant', horizon=5), 'horizon'),
    ('r3gan', dict(schedule='constant', beta2_end=0.5), 'beta2_end'),
    ('r3gan', dict(r1=0.0, r2=0.0, slopes_end=0.5), 'slopes_end'),
    ('cgan', dict(maxout=True, width=8), 'width'),
    ('cgan', dict(maxout=True, bias=False), 'bias'),
    ('cgan', dict(maxout=True, critic_norm=True), 'critic_norm'),
    ('gan', dict(top_k=0.5, feature_matching='squared'), 'top_k'),
    ('gan', dict(objective='minimax', feature_matching='squared'), 'objective'),
    ('gan', dict(images=640, steps=5), 'steps'),
    ('pix2pix', dict(norm='instance', test_statistics='running'), 'test_statistics'),
    ('sngan', dict(pack=2, conditional=True), 'pack'),
  ],
)
def test_an_option_whose_parent_is_off_is_refused(variant, given, name):
  with pytest.raises(ValueError, match=f'^{flag(name)}=.* with --.*: give --'):
    variants.configure(variant, **given)
  variants.configure(variant, **{key: value for key, value in given.items() if key != name})


def test_defaults_of_a_preset_are_not_refused():
  """`paper` sets ada_images; without ada the user did not ask for it."""
  assert variants.configure('stylegan2', 'paper', augment='none').ada_images == 500_000
  with pytest.raises(ValueError, match='--ada-images=7.0 has no effect with --augment=none'):
    variants.configure('stylegan2', 'paper', augment='none', ada_images=7.0)


def test_slopes_go_with_the_maxout_critic_of_cgan():
  """It has no batch norm that would mix the images."""
  assert variants.configure('cgan', maxout=True, r1=1.0).r1 == 1.0
