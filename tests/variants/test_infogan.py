"""InfoGAN: its information term against the formula, and images drawn by codes."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import variants
from jaxgan.augmentation import slants
from jaxgan.core import game
from jaxgan.core.typing import Spec
from jaxgan.recipes import config_json

SPEC = Spec(8, 1)
BATCH = {'image': jax.random.uniform(jax.random.key(5), (6, 8, 8, 1), minval=-1.0)}


def made(**options):
  options = (
    dict(batch_size=6, width=4, critic_hidden=5, latent_size=3, choices=4, image_size=8) | options
  )
  recipe = variants.build(variants.configure('infogan', **options), SPEC)
  stage = recipe.stages[0]
  state = game.init(stage.game, jax.random.key(0), dict(stage.example))
  return recipe, game.nets(stage.game, state)


def test_the_papers_networks_have_its_parameters():
  """z of 62 and codes of 12; dense 1024 and 7x7x128, then 4x4 kernels of 64; batch norm between."""
  stage = variants.build(variants.configure('infogan', 'paper'), Spec(28, 1)).stages[0]
  shapes = jax.eval_shape(lambda: game.init(stage.game, jax.random.key(0), dict(stage.example)))
  count = lambda name: sum(x.size for x in jax.tree.leaves(shapes.params[name]))
  assert (
    count('generator') == 74 * 1024 + 2048 + 1024 * 6272 + 256 + 16 * 128 * 64 + 128 + 16 * 64 + 1
  )
  assert count('critic') == 16 * 64 + 64 + 16 * 64 * 128 + 256 + 6272 * 1024 + 1024 + 1024 + 1


def test_the_preset_paper_has_the_critic_and_the_rates_of_the_article():
  """Batch norm in D, and Adam at 2e-4 for D and 1e-3 for G with a beta1 of 0.5 (its appendix C)."""
  c = variants.configure('infogan', 'paper')
  assert c.critic_norm and not c.r1 and not c.slant
  assert (c.critic_lr, c.generator_lr, c.beta1, c.beta2) == (2e-4, 1e-3, 0.5, 0.999)


def loss(player, **options):
  recipe, nets = made(**options)
  turn = next(turn for turn in recipe.stages[0].game.turns if turn.player == player)
  value, _, logs = turn.loss(nets, BATCH, jax.random.key(1))
  return float(value), {name: float(x) for name, x in logs.items()}


def test_the_term_is_what_finding_the_codes_costs():
  """-E log Q(choice) and E |u - m|^2 / 2, of the fakes of the turn, in both losses."""
  recipe, nets = made(slant=0.0)
  drawing, _ = jax.random.split(jax.random.key(1))
  latents = recipe.interface.latent(jax.random.split(drawing)[0], 6)
  fakes, _ = nets('generator', latents)
  seen, _ = nets.features('critic', fakes)
  found, _ = nets('head', seen)
  choice, numbers = np.asarray(latents)[:, 3:7], np.asarray(latents)[:, 7:]
  shares = np.asarray(jax.nn.softmax(found[:, :4]))
  wanted = -np.log((shares * choice).sum(1)).mean()
  apart = ((numbers - np.asarray(found[:, 4:])) ** 2).sum(1).mean() / 2
  for player in ('critic', 'generator'):
    value, logs = loss(player, information=2.0, continuous_information=3.0, slant=0.0)
    chex.assert_trees_all_close(logs['information'], wanted, rtol=1e-4)
    chex.assert_trees_all_close(logs['continuous'], apart, rtol=1e-4)
    without, _ = loss(player, information=0.0, continuous_information=0.0)
    chex.assert_trees_all_close(value - without, 2 * wanted + 3 * apart, rtol=1e-4)


def test_the_choice_is_found_in_a_slanted_image_and_the_numbers_in_the_image(monkeypatch):
  recipe, nets = made()
  drawing, _ = jax.random.split(jax.random.key(1))
  latents = recipe.interface.latent(jax.random.split(drawing)[0], 6)
  monkeypatch.setattr(slants, 'slanted', lambda images, key, slant: (images + slant) ** 2)
  turned, _ = nets.features('critic', (nets('generator', latents)[0] + 0.4) ** 2)
  shares = np.asarray(jax.nn.log_softmax(nets('head', turned)[0][:, :4]))
  _, logs = loss('critic')
  _, plain = loss('critic', slant=0.0)
  wanted = -(shares * np.asarray(latents)[:, 3:7]).sum(1).mean()
  assert logs['information'] == pytest.approx(wanted, rel=2e-5)
  assert logs['information'] != pytest.approx(plain['information'], rel=1e-4)
  assert logs['continuous'] == pytest.approx(plain['continuous'], rel=1e-5)


def test_the_head_is_the_critics():
  recipe, _ = made()
  assert recipe.stages[0].game.players['critic'].networks == ('critic', 'head')


def test_images_are_drawn_by_both_codes_or_by_the_choice_alone():
  recipe, nets = made()
  codes = recipe.interface.codes
  read = lambda given: {name: codes[name].read(text) for name, text in given.items()}
  draw = lambda **given: recipe.interface.sample(
    nets, jax.random.key(2), jnp.zeros(2, jnp.int32), read(given)
  )
  assert (draw(code='1') != draw(code='2')).any()
  assert (draw(continuous='0,1') != draw(continuous='0,-1')).any()
  recipe, _ = made(continuous=0)
  assert list(recipe.interface.codes) == ['code']


@pytest.mark.parametrize('options', [{'choices': 1}, {'continuous': -1}, {'information': -0.1}])
def test_codes_that_mean_nothing_are_refused(options):
  with pytest.raises(ValueError, match=f'--{next(iter(options))} must be'):
    variants.configure('infogan', **options)


def test_runs_of_before_do_not_slant():
  config = variants.configure('infogan')
  values = {x: y for x, y in config_json.to_json(config).items() if x != 'slant'}
  assert config.slant and config_json.from_json(type(config), values).slant == 0
