"""BigGAN's options."""

import jax
import pytest

from jaxgan import variants
from jaxgan.core.typing import Spec


@pytest.mark.parametrize('options', [dict(generator_width=0), dict(orthogonal=-1.0)])
def test_what_biggan_cannot_be(options):
  with pytest.raises(ValueError, match='must be'):
    variants.configure('biggan', **options)


def test_the_deep_form_needs_a_shared_embedding():
  with pytest.raises(ValueError, match='--deep needs an embedding .* --shared-size above 0'):
    variants.configure('biggan', deep=True, shared_size=0)


@pytest.mark.parametrize(('classes', 'options'), [(0, {}), (3, dict(conditional=False))])
def test_without_a_shared_embedding_it_also_draws_without_classes(classes, options):
  """Batch norms then have one gain and one bias, as `sagan` without classes."""
  small = dict(generator_width=2, critic_width=2, latent_size=4, shared_size=0)
  recipe = variants.build(variants.configure('biggan', **small, **options), Spec(8, 1, classes))
  stage = recipe.stages[0]
  generator, inputs = stage.game.networks['generator'], stage.example['generator']
  shapes = jax.eval_shape(generator.init, jax.random.key(0), *inputs)['params']
  first = shapes['UpBlock_0']['BatchNorm_0']
  assert not recipe.conditional and {x.ndim for x in jax.tree.leaves(first)} == {1}
