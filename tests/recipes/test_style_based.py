"""Styles: mixing, path lengths against a Jacobian, truncation, and the way through a recipe."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import variants
from jaxgan.core import game
from jaxgan.core.typing import Spec


@pytest.mark.parametrize('variant', ['stylegan', 'stylegan2'])
def test_images_follow_from_latents_by_way_of_styles(variant):
  options = dict(width=4, base=16, latent_size=4, mapping_layers=1)
  recipe = variants.build(variants.configure(variant, **options), Spec(8, 1, 3))
  stage, sampler = recipe.stages[0], recipe.interface
  z, labels = jnp.float32(np.random.default_rng(0).standard_normal((3, 4))), jnp.arange(3)

  @jax.jit
  def run(key):
    state = game.init(stage.game, key, dict(stage.example))
    bound = game.nets(stage.game, state)
    w = sampler.styles.map(bound, z, labels)
    direct, average = sampler.generate(bound, z, labels), sampler.styles.mean(bound)
    kept = state.variables['mapping']['average']['style']
    return w, sampler.styles.synthesize(bound, w, None), direct, average, kept

  w, images, direct, average, kept = run(jax.random.key(0))
  chex.assert_shape(w, (3, 4, 4))
  chex.assert_trees_all_equal(w[:, 0], w[:, -1])
  chex.assert_shape(images, (3, 8, 8, 1))
  chex.assert_trees_all_close(jnp.clip(images, -1, 1), direct, atol=1e-6)
  chex.assert_trees_all_equal(average, kept)
