"""Super-resolution: what is prepared and what is refused."""

import jax
import numpy as np
import pytest

from jaxgan import data, variants
from jaxgan.core.typing import Spec
from jaxgan.recipes import perceptual


def configured(**options):
  small = dict(width=4, blocks=1, pretrain=0, steps=4)
  return variants.configure('srgan', **{**small, **options})


def labelled(size=16, n=40):
  draw = np.random.default_rng(0)
  pixels = draw.integers(0, 256, (n, size, size, 3)).astype(np.uint8)
  return data.from_arrays(pixels, np.arange(n) % 2)


def test_a_run_at_rest_needs_no_weights(tmp_path):
  """Shapes are enough; training is refused before it begins."""
  config = configured(perceptual='vgg', vgg_weights=tmp_path / 'missing.pth')
  source = labelled()
  recipe = variants.build(config, source.spec)
  shapes = recipe.stages[-1].game.frozen['features']
  assert sum(x.size for x in jax.tree.leaves(shapes)) == 20_024_384
  with pytest.raises(ValueError, match='vgg-weights=.*missing.pth is not there'):
    recipe.prepare(recipe, source)


def test_what_does_not_fit_is_refused():
  with pytest.raises(ValueError, match='perceptual=classifier needs labels'):
    perceptual.classifier(Spec(16, 3))
  with pytest.raises(ValueError, match='--perceptual=vgg and --vgg-weights=FILE go together'):
    configured(perceptual='vgg')
  for crop in (18, 20, 4):
    with pytest.raises(ValueError, match='give another --crop or --image-size'):
      variants.build(configured(crop=crop), Spec(16, 3))
  with pytest.raises(ValueError, match='srgan has no --latent-size'):
    configured(latent_size=7)
