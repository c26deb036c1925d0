"""Variants whose laptop defaults depart from the article: what the published setting undoes."""

import pytest

from jaxgan import variants
from jaxgan.recipes.config_json import from_json, to_json

ADAM = dict(r1=0.0, generator_lr=2e-4, critic_lr=2e-4, beta1=0.5, beta2=0.999)
BEFORE = {
  'gan': ADAM,
  'dcgan': dict(critic_norm=True, update_clip=0.0, **ADAM),
  'cgan': dict(critic_norm=True, update_clip=0.0, **ADAM),
  'unrolled': dict(schedule='constant', unroll=5, **ADAM),
  'lsgan': dict(critic_norm=True, latent_size=100, **ADAM),
  'wgan': dict(n_critic=5, generator_lr=5e-5, critic_lr=5e-5, schedule='constant'),
  'wgan_gp': dict(generator_norm=False, n_critic=5, generator_lr=1e-4, critic_lr=1e-4, beta1=0.5),
  'biggan': dict(r1=0.0, n_critic=2, orthogonal=1e-4, generator_lr=2e-4, critic_lr=4e-4),
  'progan': dict(generator_lr=1e-3, critic_lr=1e-3),
  'stylegan': dict(mapping_layers=8, mixing=0.9, generator_lr=1e-3, critic_lr=1e-3),
  'stylegan2': dict(r1=0.1, path_weight=2.0, mixing=0.9, generator_lr=2.5e-3, critic_lr=2.5e-3),
}
"""The laptop's defaults of earlier runs."""
PAPERS = {
  'cgan': dict(r1=0.0, update_clip=0.0, optimizer='sgd', generator_lr=0.1, critic_lr=0.1),
  'gan': dict(r1=0.0, optimizer='sgd', generator_lr=0.1, critic_lr=0.1),
  'dcgan': BEFORE['dcgan'],
  'wgan': BEFORE['wgan'],
  'wgan_gp': BEFORE['wgan_gp'],
  'unrolled': dict(schedule='constant', unroll=5, r1=0.0, critic_lr=1e-4, beta1=0.5, beta2=0.999),
  'lsgan': dict(critic_norm=True, r1=0.0, latent_size=100, beta1=0.5, beta2=0.999),
  'biggan': dict(r1=0.0, n_critic=5, generator_lr=2e-4, beta2=0.999, schedule='constant'),
  'progan': BEFORE['progan'],
  'stylegan': dict(mapping_layers=8, mixing=0.9, generator_lr=1.5e-3, critic_lr=1.5e-3),
  'stylegan2': dict(r1=0.01, generator_lr=2.5e-3, critic_lr=2.5e-3),
}
"""The articles' options, as far as the laptop departs from them."""


@pytest.mark.parametrize('variant', PAPERS)
def test_the_published_setting_has_none_of_the_departures(variant):
  paper, laptop = variants.configure(variant, 'paper'), variants.configure(variant)
  assert {name: getattr(paper, name) for name in PAPERS[variant]} == PAPERS[variant]
  assert all(getattr(laptop, name) != value for name, value in PAPERS[variant].items())


@pytest.mark.parametrize(
  'variant, option',
  [('wgan_gp', 'generator_norm'), ('dcgan', 'update_clip'), ('cgan', 'update_clip')],
)
def test_a_run_of_before_the_option_goes_on_without_it(variant, option):
  kind, values = variants.module(variant).Config, to_json(variants.configure(variant))
  assert values.pop(option)
  assert not getattr(from_json(kind, values), option)


@pytest.mark.parametrize('variant', BEFORE)
def test_an_earlier_run_keeps_its_options(variant):
  written = to_json(variants.configure(variant, **BEFORE[variant]))
  read = from_json(variants.module(variant).Config, written)
  assert {name: getattr(read, name) for name in BEFORE[variant]} == BEFORE[variant]
