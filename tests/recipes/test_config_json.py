"""Configs in JSON: those of jaxgan 0.1.0 are read, or refused in one sentence."""

import pathlib

import pytest

from jaxgan import variants
from jaxgan.recipes.config_json import VERSIONS, from_json, to_json

OLD = dict(
  **dict(augment='none', batch_size=2, beta1=0.5, beta2=0.999, blocks=2, channels=3),
  **dict(checkpoint_every=10, compilation_cache=True, cr=0.0, cr_fake=0.0, critic_layers=None),
  **dict(critic_lr=2e-4, cycle=10.0, data_dir=None, dataset='domains', direction='AtoB'),
  **dict(ema_images=0.0, ema_rampup=0.05, eval_every=0, eval_metric='fid', eval_num=1000),
  **dict(feature_matching='off', folder='/data/d', generator_lr=2e-4, history=0.0),
  **dict(identity=0.5, idle_biases=False, image_size=32, images=None, in_memory_limit=2.0),
  **dict(instance_noise=0.0, jitter=True, keep=2, latent='normal', latent_size=100, lecam=0.0),
  **dict(lecam_start=1000, log_every=1, minibatch=0, n_critic=1, optimizer='adam', pack=1),
  **dict(policy='color,translation,cutout', pool=50, precision='float32', preset='laptop'),
  **dict(r1=0.0, r2=0.0, sample_every=10, schedule='constant_linear', seed=3),
  **dict(share_generator=False, steps=20, target_folder=None, top_k=1.0, top_k_images=3.5e6),
  **dict(variant='cyclegan', virtual_batch=0, width=4, without_classes=[], zcr=0.0),
  **dict(zcr_deviation=0.05, zcr_generator=0.0),
)
"""The config.json of a CycleGAN, as jaxgan 0.1.0 wrote it."""


def read(variant='cyclegan', **changed):
  return from_json(variants.module(variant).Config, {**OLD, 'variant': variant, **changed})


def test_an_old_run_is_read_without_the_options_that_did_nothing():
  given = dict(folder=pathlib.Path('/data/d'), batch_size=2, blocks=2, channels=3, image_size=32)
  rhythm = dict(checkpoint_every=10, log_every=1, sample_every=10, steps=20, seed=3, width=4)
  assert read() == variants.configure('cyclegan', **given, **rhythm)


@pytest.mark.parametrize(('name', 'value'), [('lecam', 0.3), ('pack', 2), ('eval_every', 5)])
def test_an_old_run_with_an_option_that_did_nothing_is_refused(name, value):
  with pytest.raises(ValueError) as error:
    read(**{name: value})
  said = str(error.value)
  assert f'--{name.replace("_", "-")}={value}' in said and 'jaxgan 0.1.0' in said


@pytest.mark.parametrize('variant', ['progan', 'stylegan', 'stylegan2'])
def test_an_old_run_is_not_continued_with_a_trick_that_works_only_now(variant):
  kind = variants.module(variant).Config
  written = to_json(variants.configure(variant, lecam=0.3))
  with pytest.raises(ValueError, match='--lecam=0.3: go on with that version'):
    from_json(kind, written)
  today = {**written, VERSIONS: {'jaxgan': '0.2.0', 'jax': '0.10.0'}}
  assert from_json(kind, today) == variants.configure(variant, lecam=0.3)


def test_an_old_option_without_effect_is_at_its_default():
  """It changed nothing there, and changes nothing here."""
  kind = variants.module('gan').Config
  written = {**to_json(variants.configure('gan')), 'lecam_start': 7, 'eval_num': 9}
  assert from_json(kind, written) == variants.configure('gan')


def test_values_of_another_type_are_refused():
  values = to_json(variants.configure('gan'))
  with pytest.raises(ValueError, match="steps must be .*, it is 'many'"):
    from_json(variants.module('gan').Config, {**values, 'steps': 'many'})


def test_an_option_that_an_older_run_had_not_has_the_value_of_that_time():
  """New U-Nets have biases beside instance norm; older ones are read as they were."""
  kind = variants.module('pix2pix').Config
  for norm, biases in (('instance', 'last'), ('batch', 'effective')):  # with batch: of no effect
    written = to_json(variants.configure('pix2pix', norm=norm, folder='/data/d'))
    del written['biases']
    assert from_json(kind, {**written, VERSIONS: {'jaxgan': '0.2.0'}}).biases == biases
