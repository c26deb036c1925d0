"""Options: what they may be, and that they survive being written down."""

import dataclasses
import json
import math
import pathlib

import pytest

from jaxgan import variants
from jaxgan.core.typing import Spec
from jaxgan.recipes.config import Config, groups
from jaxgan.recipes.config_json import from_json, to_json
from jaxgan.recipes.option_groups import MAY_CHANGE

PRESETS = pytest.mark.parametrize('preset', ['laptop', 'paper'])


@pytest.fixture(params=variants.VARIANTS)
def variant(request):
  return request.param


@PRESETS
def test_every_config_survives_json(variant, preset):
  given = dict(folder=pathlib.Path('/data/cats'), images=1000, channels=3, seed=5)
  for options in ({}, given):
    config = variants.configure(variant, preset, **options)
    text = json.dumps(to_json(config))
    again = from_json(type(config), json.loads(text))
    assert again == config
    assert hash(again) == hash(config)  # lists would not be tuples again
    kinds = lambda c: {f.name: type(getattr(c, f.name)) for f in dataclasses.fields(c)}
    assert kinds(again) == kinds(config)


@PRESETS
def test_a_config_knows_its_variant_and_preset(variant, preset):
  config = variants.configure(variant, preset)
  assert (config.variant, config.preset) == (variant, preset)
  for name, value in (variants.module(variant).PAPER if preset == 'paper' else {}).items():
    assert getattr(config, name) == value


def test_options_come_before_the_preset(variant):
  config = variants.configure(variant, 'paper', image_size=32, batch_size=70)
  assert (config.image_size, config.batch_size) == (32, 70)


def test_unknown_names():
  with pytest.raises(ValueError, match="no variant 'lsgam', only gan, dcgan"):
    variants.configure('lsgam')
  with pytest.raises(ValueError, match="no preset 'papers', only laptop, paper"):
    variants.configure('lsgan', 'papers')
  with pytest.raises(ValueError, match=r"lsgan has no options \['stepz'\], only .*steps"):
    variants.configure('lsgan', stepz=3)
  with pytest.raises(ValueError, match='^lsgan has no --clip: it is an option of wgan$'):
    variants.configure('lsgan', clip=1)
  with pytest.raises(ValueError, match=r"has no options \['stepz'\]"):
    from_json(Config, {'steps': 3, 'stepz': 3})


def test_frozen():
  with pytest.raises(dataclasses.FrozenInstanceError):
    variants.configure('gan').steps = 3


POSITIVE = [
  *('log_every', 'sample_every', 'checkpoint_every', 'keep', 'in_memory_limit'),
  *('batch_size', 'n_critic', 'latent_size', 'generator_lr', 'critic_lr', 'ema_rampup'),
  *('images', 'image_size'),
]
NOT_NEGATIVE = ['steps', 'ema_images', 'instance_noise', 'r1', 'r2', 'seed']


@pytest.mark.parametrize('name', POSITIVE + NOT_NEGATIVE)
def test_impossible_numbers_are_named(name):
  flag = '--' + name.replace('_', '-')
  wrong = [-1, float('nan')] + [0] * (name in POSITIVE)
  for value in wrong:
    with pytest.raises(ValueError, match=f'{flag} must be .*, it is {value}'):
      Config(**{name: value})
  Config(**{name: 1})
  if name in NOT_NEGATIVE:
    Config(**{name: 0})


def test_problems_are_named_together():
  with pytest.raises(ValueError) as error:
    Config(steps=-1, dataset='folder', share_generator=True, n_critic=2)
  message = str(error.value)
  assert '--steps must be 0 or above, it is -1' in message
  assert '--dataset=folder needs --folder=PATH' in message
  assert '--share-generator needs --n-critic=1, it is 2' in message
  assert '\n' not in message


@pytest.mark.parametrize('variant', ['dcgan', 'lsgan', 'wgan', 'cgan'])
@pytest.mark.parametrize('name', ['r1', 'r2'])
def test_slopes_and_batch_norm_do_not_go_together(variant, name):
  with pytest.raises(ValueError, match='--critic-norm=False, or must be 0'):
    variants.configure(variant, critic_norm=True, **{name: 1.0})
  variants.configure(variant, critic_norm=False, **{name: 1.0})


def test_length():
  sizes = dict(batch_size=32, n_critic=5)
  assert Config(steps=70).length == 70
  assert Config(**sizes).images_per_step == 160
  for images, length in ((1, 1), (160, 1), (161, 2), (1600, 10), (1601, 11)):
    config = Config(images=images, **sizes)
    assert config.length == length == math.ceil(images / config.images_per_step)
  assert Config(steps=0).length == 0


def test_what_may_change_is_there_and_touches_no_number():
  names = {f.name for f in dataclasses.fields(Config)}
  assert set(MAY_CHANGE) <= names
  fixed = {
    *('seed', 'batch_size', 'n_critic', 'latent', 'latent_size', 'optimizer', 'schedule'),
    *('generator_lr', 'critic_lr', 'beta1', 'beta2', 'ema_images', 'ema_rampup'),
    *('instance_noise', 'r1', 'r2', 'share_generator', 'variant', 'dataset', 'image_size'),
  }
  assert not fixed & set(MAY_CHANGE)


# --- groups


def test_every_option_stands_in_one_group(variant):
  kind = variants.module(variant).Config
  names = [name for _, names in groups(kind) for name in names]
  assert sorted(names) == sorted(f.name for f in dataclasses.fields(kind))
  titles = [title for title, _ in groups(kind)]
  assert titles[0] == 'Run' and len(set(titles)) == len(titles)
  assert all(title and '\n' not in title and not title.endswith('.') for title in titles)


def test_an_option_belongs_to_the_group_that_has_it_first():
  """A variant that sets another default moves nothing to its own group."""
  found = dict(groups(variants.module('wgan').Config))
  assert found['Options of WGAN'] == ['clip']
  assert found['Networks'] == ['width', 'critic_norm', 'bias']
  assert {'generator_lr', 'optimizer', 'schedule'} <= set(found['Optimizer'])


def test_a_variant_has_the_options_that_it_uses_and_no_others():
  names = lambda variant: {f.name for f in dataclasses.fields(variants.module(variant).Config)}
  for variant in ('cyclegan', 'cut', 'pix2pix', 'spade', 'srgan', 'esrgan'):
    assert not names(variant) & {'latent_size', 'n_critic', 'r1', 'lecam', 'augment', 'eval_every'}
  assert {'n_critic', 'r1', 'instance_noise', 'mirror'} <= names('stargan')
  assert not names('stargan') & {'latent_size', 'jitter', 'eval_every', 'augment'}
  for variant in ('progan', 'stylegan', 'stylegan2'):
    assert {'augment', 'policy', 'lecam', 'cr', 'zcr', 'top_k', 'instance_noise'} <= names(variant)
    assert not names(variant) & {'pack', 'minibatch', 'history', 'virtual_batch'}
  assert 'pack' not in names('cgan')
  assert 'virtual_batch' not in names('sngan') | names('biggan') | names('r3gan')
  assert not names('r3gan') & {'top_k', 'optimizer'}


# --- runs that can never do what they are named for


def test_growth_that_never_grows_is_warned_of():
  warned = lambda **given: variants.configure('stylegan', steps=10, **given).cautions(Spec(16, 1))
  (text,) = warned(stage_images=640)
  assert 'never leaves the first size' in text and '--stage-images' in text and '--steps' in text
  assert not warned(stage_images=320) and not warned()


@pytest.mark.parametrize('variant', ['srgan', 'esrgan'])
def test_a_critic_that_never_plays_is_warned_of(variant):
  warned = lambda steps: variants.configure(variant, pretrain=10, steps=steps).cautions(Spec(32, 3))
  (text,) = warned(10)
  assert 'the critic never plays' in text and '--pretrain=10' in text
  assert not warned(11)


def test_classes_that_the_data_do_not_have_are_warned_of():
  warned = lambda spec, **given: variants.configure('stylegan2', **given).cautions(spec)
  assert 'no labels' in warned(Spec(16, 1))[0]
  assert not warned(Spec(16, 1, 10)) and not warned(Spec(16, 1), conditional=False)
