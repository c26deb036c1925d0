"""Official weights give official numbers: one test for each golden file, to 1e-5."""

import jax.numpy as jnp
import numpy as np
import pytest

from golden import Official
from jaxgan.networks import progan
from jaxgan.ops.truncation import towards_mean
from jaxgan.published.families import FAMILIES, family
from jaxgan.published.layouts import Unfit, Weights


@pytest.fixture
def official(test_data, request):
  return Official(test_data, request.param)


def each(*names):
  return pytest.mark.parametrize('official', names, indirect=True)


STYLES = ('stylegan2_g_uncond', 'stylegan2_g_cond')
STYLE_CRITICS = ('stylegan2_d_orig_uncond', 'stylegan2_d_resnet_uncond', 'stylegan2_d_resnet_cond')
FROM_LATENTS = (
  *('biggan_g32', 'biggan_g32_cifar_unshared', 'biggan_g64_attn32', 'sngan32_g_mimicry'),
  *('cgan_pd32_g_mimicry', 'dcgan_g64'),
)
UNCLIPPED = ('r3gan_g_cifar_uncond', 'r3gan_g_cifar_cond', 'r3gan_g_ffhq64_uncond')
CRITICS = (
  *('biggan_d32', 'sngan32_d_mimicry', 'cgan_pd32_d_mimicry'),
  *('r3gan_d_cifar_uncond', 'r3gan_d_cifar_cond'),
)
OTHER = ('biggan_deep_g128', 'dcgan_d64', 'pgan_g16_ganzoo', 'pgan_d16_ganzoo')
ENLARGERS = ('esrgan_basicsr_names', 'esrgan_repo_names', 'esrgan_oldest_names')
PLAIN = ('msrresnet_x4_basicsr_names',)
OF_IMAGES = (
  *('cyclegan_resnet6', 'pix2pix_unet128_bn', 'pix2pix_unet_downs5_instance'),
  *('patchgan70_instance', 'patchgan70_batch_in6'),
)
PUBLISHED = ('realesrgan_x4plus_crop', 'realesrgan_x4plus_anime_crop')
"""Crops made by weights that are not in the folder: tests/published/test_ncnn.py."""


def test_every_file_has_its_test(test_data):
  there = {path.stem for path in (test_data / 'golden').glob('*.npz')}
  tested = {*STYLES, *STYLE_CRITICS, *FROM_LATENTS, *UNCLIPPED, *CRITICS, *OTHER}
  assert there == {*tested, *ENLARGERS, *PLAIN, *OF_IMAGES, *PUBLISHED}


@each(*STYLES)
def test_stylegan2(official):
  z, layers = official.numbers['in/z'], official.numbers['out/w'].shape[1]
  w = official(z, *official.labels, network='mapping')
  w = jnp.repeat(w[:, None], layers, 1)
  official.near(w, 'w')
  official.near(official(w, network='synthesis'), 'image')
  mean = jnp.asarray(official.variables['mapping']['average']['style'])
  shorter = towards_mean(w, mean, 0.5, 4)
  official.near(shorter, 'w_psi05_cutoff4')
  official.near(official(shorter, network='synthesis'), 'image_psi05_cutoff4')
  official.near(official(towards_mean(w, mean, 0.7, layers), network='synthesis'), 'image_psi07')
  mixed = np.resize(official.numbers['in/ws_mixed'], w.shape)  # as many rows: compiled once
  images = official(mixed, network='synthesis')
  official.near(images[: len(official.numbers['out/image_mixed'])], 'image_mixed')
  for noise in official.variables['synthesis']['noise'].values():
    noise *= 0
  official.near(official(w, network='synthesis'), 'image_nonoise')


@each(*STYLE_CRITICS)
def test_stylegan2_critics(official):
  official.near(official(official.numbers['in/image'], *official.labels), 'logits')


@pytest.mark.slow
@each(*STYLE_CRITICS)
def test_groups_of_two_in_a_batch(official):
  labels = [jnp.tile(y, 2) for y in official.labels]
  official.near(official(official.numbers['in/image8'], *labels), 'logits8')


@each(*FROM_LATENTS)
def test_generators(official):
  z = official.numbers['in/z'].reshape(3, -1)
  official.near(official(z, *official.labels), 'image')
  if official.name == 'dcgan_g64':
    official.near(official(z, train=True), 'image_batchstats')


@each(*UNCLIPPED)
def test_r3gan_which_is_clipped_only_in_use(official):
  images = official(official.numbers['in/z'], *official.labels, train=True)
  official.near(images, 'image')


@each(*CRITICS)
def test_critics(official):
  official.near(official(official.numbers['in/image'], *official.labels), 'logits')


@each('dcgan_d64')
def test_dcgan_critic(official):
  official.near(official(official.numbers['in/image']), 'logit')


@each('biggan_deep_g128')
def test_biggan_deep(official):
  """Its statistics of the batch depend on the truncation."""
  from jaxgan.published import runs

  z = official.numbers['in/z']
  official.near(official(z, *official.labels), 'image_t10')
  for truncation, name in ((0.7, 'image_t07'), (0.5, 'image_t05')):
    (part,) = runs.parts(official.weights, truncation)
    official.variables = runs.variables(part, official.recipe)
    official.near(official(z, *official.labels), name)


@each('pgan_g16_ganzoo')
def test_progressive_generator(official):
  z = official.numbers['in/z']
  official.near(official(z, jnp.ones(())), 'image')


@each('pgan_d16_ganzoo')
def test_progressive_critic(official):
  official.near(official(official.numbers['in/image'], jnp.ones(())), 'logits')


@pytest.mark.slow
@each('pgan_g16_ganzoo', 'pgan_d16_ganzoo')
def test_progressive_networks_that_fade(official):
  """The zoo's alpha is the weight of the old image."""
  (name,) = official.variables
  widths = (32, 32, 32, 16)
  if name == 'generator':
    module, given = progan.Generator((4, 8, 16), widths[1:], 3, True, True), 'in/z'
    old, theirs, factor = 'image_8', 'toRGBLayers.1', 2**0.5
  else:
    module, given = progan.Critic((4, 8, 16), widths, True, zoo=True), 'in/image'
    old, theirs, factor = 'image_8', 'fromRGBLayers.1', 1.0
  params = dict(official.variables[name]['params'])
  kernel = official.weights[f'{theirs}.module.weight']
  params[old] = {
    'weight': {'kernel': jnp.asarray(kernel.transpose(2, 3, 1, 0) * np.float32(factor))},
    'bias': jnp.asarray(
      official.weights[f'{theirs}.module.bias'] * np.float32((2 / kernel.shape[1]) ** 0.5)
    ),
  }
  images = jnp.asarray(official.numbers[given])
  made = module.apply({'params': params}, images, jnp.float32(0.7), train=False)
  official.near(made, 'image_alpha03' if name == 'generator' else 'logits_alpha03')


@each(*ENLARGERS, *PLAIN)
def test_enlargers(official):
  made = official(2 * official.numbers['in/x'] - 1)
  official.near((made + 1) / 2, 'y')


@each(*OF_IMAGES)
def test_translators_and_critics_of_patches(official):
  x = official.numbers['in/x']
  images = np.split(x, 2, -1) if x.shape[-1] == 6 else [x]
  official.near(official(*images), 'y')
  if 'out/y_batchstats' in official.numbers:
    official.near(official(*images, train=True), 'y_batchstats')


def test_other_names_are_of_no_family():
  with pytest.raises(Unfit, match='such as conv1.weight, are of no network known here: StyleGAN2'):
    family(Weights({'conv1.weight': np.zeros((3, 3))}))


def test_families_do_not_hide_each_other():
  """The names of a family must not be those of one before it."""
  for i, one in enumerate(FAMILIES):
    for before in FAMILIES[:i]:
      assert not set(before.signs) <= set(one.signs)
