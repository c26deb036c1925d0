"""What options mean: optimizers and schedules in closed form, latents, penalties, shared fakes."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import variants
from jaxgan.core import game, network
from jaxgan.core.game import Nets, Turn
from jaxgan.core.typing import Spec
from jaxgan.losses import gradient_penalties
from jaxgan.recipes import two_player
from jaxgan.recipes.config import Config
from optimizing import config, rate_after

# --- schedules


def test_the_games_optimizers_are_the_configs():
  """Rates and lengths reach the players: the first move of Adam is the rate."""
  chosen = config(n_critic=3, generator_lr=0.01, critic_lr=0.03, schedule='linear', steps=10)
  players = variants.build(chosen, Spec(8, 1)).stages[0].game.players
  for name, rate, n in (('generator', 0.01, 1), ('critic', 0.03, 3)):
    optimizer = players[name].optimizer
    np.testing.assert_allclose(rate_after(optimizer, 0)[0], rate, rtol=1e-5)
    last = rate_after(optimizer, 10 * n - 1)[0]
    np.testing.assert_allclose(last, rate / (10 * n), rtol=1e-5)


# --- latents


def test_normal_latents(key):
  z = np.asarray(two_player.latents(config(latent='normal', latent_size=50))(key, 2000))
  assert z.shape == (2000, 50) and z.dtype == np.float32
  n = z.size
  assert abs(z.mean()) < 5 / np.sqrt(n)
  np.testing.assert_allclose(z.var(), 1, atol=5 * np.sqrt(2 / n))
  np.testing.assert_allclose((z**4).mean(), 3, atol=5 * np.sqrt(96 / n))
  assert np.abs(z).max() > 4


def test_uniform_latents(key):
  z = np.asarray(two_player.latents(config(latent='uniform', latent_size=50))(key, 2000))
  assert z.shape == (2000, 50) and z.dtype == np.float32
  assert -1 <= z.min() < -0.999 and 0.999 < z.max() < 1
  assert abs(z.mean()) < 5 / np.sqrt(3 * z.size)
  np.testing.assert_allclose(z.var(), 1 / 3, atol=5 * np.sqrt(4 / 45 / z.size))


# --- recipes


def built(chosen, classes=0):
  stage = variants.build(chosen, Spec(8, 1, classes)).stages[0]
  return stage.game, game.init(stage.game, jax.random.key(0), stage.example)


def batch(n=1, seed=1):
  images = jnp.float32(np.random.default_rng(seed).uniform(-1, 1, (n, 8, 8, 8, 1)))
  return {'image': images, 'label': jnp.zeros((n, 8), jnp.int32)}


@pytest.mark.parametrize('options', [{}, {'r1': 2.0}, {'r2': 3.0}, {'r1': 2.0, 'r2': 3.0}])
def test_slopes_are_penalized_where_asked(options):
  played, state = built(config(**options))
  loss = jax.jit(played.turns[0].loss)
  nets, given = Nets(played.networks, state.params, state.variables), batch()
  micro = jax.tree.map(lambda x: x[0], given)
  value, _, logs = loss(nets, micro, jax.random.key(2))
  bare, _, _ = jax.jit(built(config())[0].turns[0].loss)(nets, micro, jax.random.key(2))
  if not options:
    assert 'penalty' not in logs
    return
  np.testing.assert_allclose(value, bare + logs['penalty'], rtol=1e-5)
  score = lambda x: nets('critic', x)[0]
  at_reals = gradient_penalties.r1(options.get('r1', 0.0))(score, micro['image'], None, None)
  if 'r2' not in options:
    np.testing.assert_allclose(logs['penalty'], at_reals, rtol=1e-4)
  else:
    assert logs['penalty'] > at_reals + 1e-8


def test_only_conditional_recipes_draw_by_class():
  drawn = {}
  for variant in ('gan', 'cgan'):
    chosen = config(variant)
    made = variants.build(chosen, Spec(8, 1, 3))
    played, state = built(chosen, 3)
    bound = game.nets(played, state)
    key = jax.random.key(0)
    images = [made.interface.sample(bound, key, jnp.full(4, label)) for label in (0, 1)]
    assert np.abs(images[0]).max() <= 1 and images[0].shape == (4, 8, 8, 1)
    drawn[variant] = np.array_equal(*images)
    assert made.conditional != drawn[variant]
  assert drawn == {'gan': True, 'cgan': False}


def test_samples_are_the_averages_where_there_is_one():
  chosen = config(ema_images=100.0)
  made, (played, state) = variants.build(chosen, Spec(8, 1)), built(chosen)
  assert set(state.ema) == {'generator'}
  moved = state.replace(ema=jax.tree.map(jnp.zeros_like, state.ema))
  images = made.interface.sample(
    game.nets(played, moved), jax.random.key(0), jnp.zeros(4, jnp.int32)
  )
  assert not np.any(images)  # tanh of no weights and no biases
  without = config(ema_images=0.0)
  played, state = built(without)
  assert state.ema == {} and not played.after
  assert np.any(
    made.interface.sample(game.nets(played, state), jax.random.key(0), jnp.zeros(4, jnp.int32))
  )


def test_the_average_follows_by_the_images_seen():
  chosen = config(ema_images=64.0, ema_rampup=10.0, n_critic=2, batch_size=8)
  played, state = built(chosen)
  step = jax.jit(partial(game.train_step, played))
  for i in range(3):
    before = state
    state, _ = step(state, batch(2, i))
  # Half-life of 64 images, and of 10 * 32 seen before the third step: 16 a step, 2^(-1/4).
  beta = 0.5**0.25
  blend = lambda mean, theta: beta * mean + (1 - beta) * theta
  expected = jax.tree.map(blend, before.ema['generator'], state.params['generator'])
  worst = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), state.ema['generator'], expected)
  assert max(jax.tree.leaves(worst)) < 1e-6


def test_n_critic_is_as_many_updates_on_as_many_batches():
  played, state = built(config(n_critic=3))
  assert played.microbatches == 3
  state, _ = jax.jit(partial(game.train_step, played))(state, batch(3))
  count = {name: int(jax.tree.leaves(state.opt[name])[0]) for name in state.opt}
  assert count == {'critic': 3, 'generator': 1}


def test_sharing_the_generator_makes_its_images_once():
  """The same fakes in both turns, and a forward pass less in the compiled step."""
  flops, fake = {}, {}
  for share in (False, True):
    played, state = built(config(share_generator=share, widths=(64,), critic_lr=1e-30))
    step = jax.jit(partial(game.train_step, played)).lower(state, batch()).compile()
    flops[share] = step.cost_analysis()['flops']
    _, logs = step(state, batch())
    # The critic has not moved, so that equal fakes have equal logits: sp(-f) against sp(f).
    nets = Nets(played.networks, state.params, state.variables)
    key = jax.random.fold_in(jax.random.fold_in(state.key, 0), 0)
    micro = jax.tree.map(lambda x: x[0], batch())
    value = played.turns[1].loss(nets, micro, key)[0]
    fake[share] = abs(float(value) - float(logs['generator/loss']))
  assert fake[True] < 1e-6 < fake[False]
  passes = 2 * 8 * (100 * 64 + 64 * 64)  # of eight latents through both layers
  assert flops[False] - flops[True] >= passes
  with pytest.raises(ValueError, match='--share-generator needs --n-critic=1'):
    config(share_generator=True, n_critic=2)


def test_options_reach_the_losses():
  """Noise, smoothing and augmentation change the critic's loss; without, they are not there."""
  values = []
  augmented = {'augment': 'diffaugment'}
  shifted = {**augmented, 'policy': 'translation'}
  for options in ({}, {'instance_noise': 0.5}, {'smoothing': 0.1}, augmented, shifted):
    played, state = built(config(**options))
    nets = Nets(played.networks, state.params, state.variables)
    micro = jax.tree.map(lambda x: x[0], batch())
    values.append(float(played.turns[0].loss(nets, micro, jax.random.key(0))[0]))
  assert len(set(values)) == 5


def test_an_unknown_policy_is_refused_before_the_first_step():
  with pytest.raises(ValueError, match="--policy has 'blur'"):
    built(config(augment='diffaugment', policy='color,blur'))


def test_the_base_config_is_no_variant():
  with pytest.raises(ValueError, match="no variant ''"):
    variants.build(Config(), Spec(8, 1))


# --- lazy turns


EVERY = 4


def walked(critic, lazy, steps, start, **options):
  """Where the critic's one number is, step by step; losses are functions of it."""
  chosen = config('gan', critic_lr=0.01, beta1=0.3, beta2=0.9, ema_images=0, **options)
  number = network.Network(
    lambda key, *_: {'params': jnp.float32(start)}, lambda v, *_, train, key: (v['params'], v)
  )
  of = lambda name, f: lambda nets, batch, key: (f(nets.params[name]), nets, {})
  turns = [Turn('critic', of('critic', lazy), 'lazy', every=EVERY)] if lazy else []
  pair = of('critic', critic), of('generator', lambda x: x**2)
  played = two_player.duel(chosen, {'generator': number, 'critic': number}, pair, lazy=turns)
  state = game.init(played, jax.random.key(0), {'generator': (), 'critic': ()})
  batch = {'image': jnp.zeros((1, 1))}

  def step(state, _):
    state = game.train_step(played, state, batch)[0]
    return state, state.params['critic']

  return np.asarray(jax.jit(lambda s: jax.lax.scan(step, s, length=steps)[1])(state))


def test_a_lazy_turn_makes_the_way_no_longer():
  """Of a constant slope, 4 + 1 updates of 4 / 5 of the rate."""
  x = walked(lambda x: x, lambda x: x, 20, start=0.0)
  np.testing.assert_allclose(x[EVERY - 1 :: EVERY], -0.01 * EVERY * np.arange(1, 6), rtol=1e-3)


def test_lazy_penalties_end_where_those_of_every_step_do():
  """(x - 1)^2 / 2 + x^2 / 2 is least at 1/2; x^2 / 2 lazily and not multiplied by 4, at 4/5."""
  fit, penalty = lambda x: (x - 1) ** 2 / 2, lambda x: x**2 / 2
  ends = {
    'every step': walked(lambda x: fit(x) + penalty(x), None, 800, 2.0),
    'lazily': walked(fit, lambda x: EVERY * penalty(x), 800, 2.0),
    'lazily, not multiplied': walked(fit, penalty, 800, 2.0),
  }
  means = [x[-200:].mean() for x in ends.values()]
  np.testing.assert_allclose(means, [0.5, 0.5, 0.8], atol=0.03)
