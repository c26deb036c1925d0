"""What the files of networks for images say about their form."""

import numpy as np
import pytest

from golden import arrays
from jaxgan.published import images, runs
from jaxgan.published.layouts import Unfit, Weights
from jaxgan.recipes.types import Translator


def test_srresnet_has_the_layers_of_the_reimplementation():
  """Names of github.com/Lornatang/SRGAN-PyTorch; numbers are of any size."""
  n = 4
  conv = lambda out, into, side: np.full((out, into, side, side), 0.1)
  norm = dict(weight=np.ones(n), bias=np.zeros(n), running_mean=np.zeros(n), running_var=np.ones(n))
  names = {'conv_block1.0.weight': conv(n, 3, 9), 'conv_block1.0.bias': np.zeros(n)}
  for prefix in ('trunk.0.rcb.{}', 'trunk.1.rcb.{}', 'conv_block2.{}'):
    for i in (0, 3) if 'rcb' in prefix else (0,):
      names[f'{prefix.format(i)}.weight'] = conv(n, n, 3)
      names |= {f'{prefix.format(i + 1)}.{k}': x for k, x in norm.items()}
  for i in (0, 1):
    names[f'upsampling.{i}.upsample_block.0.weight'] = conv(4 * n, n, 3)
    names[f'upsampling.{i}.upsample_block.0.bias'] = np.zeros(4 * n)
  slopes = ('conv_block1.1', 'trunk.0.rcb.2', 'trunk.1.rcb.2')
  for name in (*slopes, *(f'upsampling.{i}.upsample_block.2' for i in (0, 1))):
    names[f'{name}.weight'] = np.full(1, 0.3)
  names |= {'conv_block3.weight': conv(3, n, 9), 'conv_block3.bias': np.zeros(3)}
  (part,) = runs.parts(names)
  assert part.found.options['blocks'] == 2 and part.found.options['scale'] == 4
  made = runs.variables(part, runs.configured([part.found])[2])['generator']['params']
  assert {float(made[f'PReLU_{i}']['negative_slope']) for i in range(5)} == {np.float32(0.3)}


def test_an_input_of_four_pixels_as_one(test_data):
  """Real-ESRGAN's networks of scale 2; those of scale 1 take sixteen, which is refused."""
  weights, _ = arrays(test_data, 'esrgan_basicsr_names')
  weights['conv_first.weight'] = np.zeros((16, 12, 3, 3))
  found = images.esrgan(Weights(weights))
  assert (found.options['unshuffle'], found.options['scale'], found.spec.channels) == (2, 2, 3)
  weights['conv_first.weight'] = np.zeros((16, 48, 3, 3))
  (part,) = runs.parts(weights)
  with pytest.raises(Unfit):
    runs.variables(part, runs.configured([part.found])[2])


def test_a_recipe_of_a_translator(test_data):
  (part,) = runs.parts(arrays(test_data, 'pix2pix_unet_downs5_instance')[0])
  config, _, recipe, _ = runs.configured([part.found])
  assert (config.norm, config.biases, recipe.needs) == ('instance', 'all', 'pairs')
  assert isinstance(recipe.interface, Translator)


def test_batch_norm_in_place_of_instance_norm_is_refused(test_data):
  """A CycleGAN with another norm has names that have no place."""
  weights, _ = arrays(test_data, 'cyclegan_resnet6')
  weights['model.2.weight'] = np.ones(8)
  (part,) = runs.parts(weights)
  with pytest.raises(Unfit, match=r'model.2.weight \[8\] has no place'):
    runs.variables(part, runs.configured([part.found])[2])
