"""GAN-CLS: its terms against their formulas, and images drawn by texts."""

import dataclasses

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.nn import softplus

from jaxgan import variants
from jaxgan.core import game
from jaxgan.core.typing import Spec

SPEC = Spec(8, 3, 4, ('a red cat', 'a blue cat', 'a red dog', 'a blue dog'))
BATCH = {
  'image': jax.random.uniform(jax.random.key(5), (4, 8, 8, 3), minval=-1.0),
  'label': jnp.array([0, 1, 2, 2]),
}


def recipe(**options):
  options = dict(batch_size=4, width=4, latent_size=6, text_features=5, image_size=8) | options
  return variants.build(variants.configure('gan_cls', r1=0.0, **options), SPEC)


def bound(made, seed=0):
  stage = made.stages[0]
  state = game.init(stage.game, jax.random.key(seed), dict(stage.example))
  params = jax.tree.map(
    lambda x: x + 0.1 * jax.random.normal(jax.random.key(9), x.shape), state.params
  )
  return game.nets(stage.game, dataclasses.replace(state, params=params))


def test_the_laptops_critic_is_penalized_and_the_papers_is_normalized():
  laptop, paper = (variants.configure('gan_cls', preset) for preset in ('laptop', 'paper'))
  changed = lambda c: (c.critic_norm, c.r1, c.generator_lr, c.critic_lr, c.beta1, c.beta2)
  assert changed(laptop) == (False, 1.0, 1e-3, 1e-3, 0.0, 0.99)
  assert changed(paper) == (True, 0.0, 2e-4, 2e-4, 0.5, 0.999)


def turn(made, player):
  return next(turn for turn in made.stages[0].game.turns if turn.player == player)


def test_the_critic_sees_the_right_text_and_a_wrong_one():
  """E sp(-s_r) + (E sp(s_w) + E sp(s_f)) / 2; a neighbour with the same text is no wrong one."""
  made = recipe()
  nets = bound(made)
  loss, _, logs = turn(made, 'critic').loss(nets, BATCH, jax.random.key(1))
  right = nets('critic', BATCH['image'], BATCH['label'])[0]
  wrong = nets('critic', BATCH['image'], jnp.array([2, 0, 1, 2]))[0][:3]
  rest = loss - softplus(-right).mean() - softplus(wrong).mean() / 2
  fakes = logs['fake']  # a mean of logits: sp of it bounds the mean of sp from below
  assert softplus(fakes) / 2 <= rest + 1e-6 < softplus(fakes) / 2 + 0.1
  chex.assert_trees_all_close(logs['real'], right.mean(), rtol=1e-5)


def test_a_batch_of_one_text_has_no_wrong_text():
  made = recipe()
  same = {**BATCH, 'label': jnp.zeros(4, jnp.int32)}
  loss, _, _ = turn(made, 'critic').loss(bound(made), same, jax.random.key(1))
  assert np.isfinite(loss)


def test_the_divergence_is_that_of_normal_distributions():
  """(m^2 + s^2 - 1 - 2 ln s) / 2, the mean over numbers; its weight counts."""
  losses = {}
  for weight in (1.0, 3.0):
    made = recipe(conditioning=weight)
    nets = bound(made)
    losses[weight], _, logs = turn(made, 'generator').loss(nets, BATCH, jax.random.key(1))
    stats, _ = nets.features('generator', jnp.zeros((4, 11)), BATCH['label'])
    mean, log_std = np.split(np.asarray(stats), 2, -1)
    wanted = (mean**2 + np.exp(log_std) ** 2 - 1 - 2 * log_std).mean() / 2
    assert logs['divergence'] == pytest.approx(wanted, rel=1e-5)
  assert losses[3.0] - losses[1.0] == pytest.approx(2 * wanted, rel=1e-4)


def test_interpolated_texts_add_to_the_generators_loss_alone():
  plain, between = recipe(), recipe(interpolation=1.0)
  loss = lambda made, player: turn(made, player).loss(bound(made), BATCH, jax.random.key(1))[0]
  assert loss(plain, 'critic') == loss(between, 'critic')
  assert loss(between, 'generator') > loss(plain, 'generator')


def test_a_known_text_draws_what_its_number_draws():
  made = recipe()
  nets, sampler = bound(made), made.interface
  key, labels = jax.random.key(2), jnp.full(3, 1)
  code = sampler.codes['text'].read('A blue  cat')
  drawn = sampler.sample(nets, key, jnp.zeros(3, jnp.int32), {'text': code})
  chex.assert_trees_all_close(drawn, sampler.sample(nets, key, labels))
  with pytest.raises(ValueError, match='give words'):
    sampler.codes['text'].read('  ')


def test_data_without_texts_are_refused():
  config = variants.configure('gan_cls', dataset='stacked_mnist')
  with pytest.raises(ValueError, match='draws by text, and .* has no texts: give --dataset=captio'):
    variants.build(config, Spec(28, 3))
