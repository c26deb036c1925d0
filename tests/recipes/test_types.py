"""Recipes: samples from latents, and networks in a narrower type but for the exact ones."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.core import game
from jaxgan.core.game import Game, Player, Turn
from jaxgan.core.network import linen
from jaxgan.recipes import types
from jaxgan.recipes.types import Recipe, Stage


class Enlarge(nn.Module):
  """Latents times a number; the class is added where it is given."""

  @nn.compact
  def __call__(self, z, *labels, train):
    scale = self.param('scale', nn.initializers.constant(1 / 3), ())
    return scale * z + sum(y[:, None] for y in labels)


def latent(key, n):
  return jax.random.normal(key, (n, 2))


def stage_of(conditional=False):
  idle = lambda nets, batch, key: (jnp.zeros(()), nets, {})
  names = 'generator', 'critic'
  networks = {name: linen(Enlarge()) for name in names}
  players = {name: Player((name,), optax.sgd(0.1)) for name in names}
  labels = (jnp.zeros(2, jnp.int32),) if conditional else ()
  example = {name: (jnp.zeros((2, 2)), *labels) for name in names}
  return Stage(Game(networks, players, [Turn(name, idle) for name in names]), example)


def bound(stage):
  return game.nets(stage.game, game.init(stage.game, jax.random.key(0), dict(stage.example)))


@pytest.mark.parametrize('conditional', [False, True])
def test_samples_are_images_of_latents_that_the_key_decides(key, conditional):
  stage = stage_of(conditional)
  recipe = types.from_latents((stage,), latent, conditional)
  nets, labels = bound(stage), jnp.array([4, 0, 7])
  made = recipe.interface.sample(nets, key, labels)
  np.testing.assert_array_equal(made, recipe.interface.generate(nets, latent(key, 3), labels))
  shift = np.float32(labels)[:, None] if conditional else 0
  np.testing.assert_allclose(made, latent(key, 3) / 3 + shift, rtol=1e-6)


def test_a_way_to_generate_takes_the_place_of_the_network(key):
  stage = stage_of()
  recipe = types.from_latents((stage,), latent, False, lambda nets, z, labels: -z)
  made = recipe.interface.sample(bound(stage), key, jnp.zeros(3))
  np.testing.assert_array_equal(made, -latent(key, 3))


def recipe_of(stage, **options):
  return Recipe((stage,), types.Translator({}, None), **options)


def output(recipe, name):
  """What a network makes of a third, in the recipe's precision."""
  stage = recipe.stages[0]
  network = stage.game.networks[name]
  variables = linen(Enlarge()).init(jax.random.key(0), *stage.example[name])
  return float(network.apply(variables, jnp.full((1, 2), 1 / 3), train=False)[0][0, 0])


def test_float32_is_the_recipe_itself():
  recipe = recipe_of(stage_of())
  assert types.computed_in('float32', recipe) is recipe


def test_bfloat16_rounds_all_networks_but_the_exact():
  recipe = types.computed_in('bfloat16', recipe_of(stage_of(), exact=('critic',)))
  wide = np.float32(1 / 3) * np.float32(1 / 3)
  assert output(recipe, 'critic') == wide
  assert output(recipe, 'generator') != wide
  np.testing.assert_allclose(output(recipe, 'generator'), wide, rtol=2**-7)
