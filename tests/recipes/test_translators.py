"""Image to image: what fits, what is refused, how the ways are named."""

import pytest

from jaxgan import variants
from jaxgan.core.typing import Spec


@pytest.mark.parametrize('size, fits', [(16, True), (28, True), (30, False), (12, False)])
def test_cyclegan_takes_multiples_of_four(size, fits):
  build = lambda: variants.build(variants.configure('cyclegan', width=4, blocks=1), Spec(size, 3))
  if fits:
    assert build().needs == 'target'
  else:
    with pytest.raises(ValueError, match='multiple of 4|16 pixels or more'):
      build()


def test_patches_larger_than_the_image_are_refused():
  for layers in (3, 0):
    config = variants.configure('pix2pix', critic_layers=layers)
    with pytest.raises(ValueError, match='give larger images or --critic-layers=2'):
      variants.build(config, Spec(64, 3))


def test_options_without_use_are_refused():
  with pytest.raises(ValueError, match='cyclegan has no --n-critic: .* cyclegan has no --r1'):
    variants.configure('cyclegan', n_critic=2, r1=1.0)


def test_ways_are_named_by_the_data():
  """Of data the other way round, the first generator makes A of B."""
  for direction, names in (('AtoB', ['AtoB', 'BtoA']), ('BtoA', ['BtoA', 'AtoB'])):
    config = variants.configure('cyclegan', direction=direction, width=4, blocks=1)
    interface = variants.build(config, Spec(16, 3)).interface
    assert list(interface.ways) == names
    first, second = names[0].split('to')
    assert interface.shown[:4] == (first, f'{first} to {second}', f'back to {first}', second)


@pytest.mark.parametrize(
  'variant', ['cyclegan', 'cut', 'stargan', 'pix2pix', 'spade', 'srgan', 'esrgan']
)
def test_transparent_images_are_for_variants_that_draw_from_latents(variant):
  with pytest.raises(ValueError, match='--channels=4 is for variants that draw from latents'):
    variants.configure(variant, channels=4)
