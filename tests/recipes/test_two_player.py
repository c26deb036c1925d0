"""What options mean: optimizers and schedules in closed form, latents, penalties, shared fakes."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import variants
from jaxgan.core import game, network
from jaxgan.core.game import Nets, Turn
from jaxgan.core.typing import Spec
from jaxgan.losses import gradient_penalties
from jaxgan.recipes import optimizers, two_player
from jaxgan.recipes.config import Config

RATE = 0.01


def config(variant='gan', **options):
  small = {'widths': (8,)} if variant == 'gan' else {'width': 4}
  return variants.configure(variant, **{'batch_size': 8, **small, **options})


def updates(optimizer, gradients):
  """What is added to a parameter, update by update."""
  state, made = optimizer.init(jnp.zeros(())), []
  for gradient in gradients:
    update, state = optimizer.update(jnp.float32(gradient), state)
    made.append(float(update))
  return np.array(made)


def rate_after(optimizer, count):
  """The learning rate of update number `count`: all before it have had the gradient 1."""

  @jax.jit
  def run():
    once = lambda _, s: optimizer.update(jnp.ones(()), s)[1]
    state = jax.lax.fori_loop(0, count, once, optimizer.init(jnp.zeros(())))
    return -optimizer.update(jnp.ones(()), state)[0], state

  return run()


# --- optimizers


GRADIENTS = [0.5, -2.0, 0.1, 1.0]


def test_adam():
  options = dict(optimizer='adam', beta1=0.3, beta2=0.8)
  m = v = 0.0
  expected = []
  for i, g in enumerate(GRADIENTS, 1):
    m, v = 0.3 * m + 0.7 * g, 0.8 * v + 0.2 * g * g
    expected.append(-RATE * (m / (1 - 0.3**i)) / (np.sqrt(v / (1 - 0.8**i)) + 1e-8))
  made = updates(optimizers.optimizer(config(**options), RATE), GRADIENTS)
  np.testing.assert_allclose(made, expected, rtol=1e-5)


@pytest.mark.parametrize('scale', [1.0, 1e-5])
def test_rmsprop(scale):
  """Small gradients, which clipped critics give, are brought to the same size."""
  v, expected, gradients = 0.0, [], scale * np.array(GRADIENTS)
  for g in gradients:
    v = 0.99 * v + 0.01 * g * g
    expected.append(-RATE * g / (np.sqrt(v) + 1e-8))
  made = updates(optimizers.optimizer(config(optimizer='rmsprop'), RATE), gradients)
  np.testing.assert_allclose(made, expected, rtol=1e-5)


def test_sgd_is_that_of_the_first_gans():
  m, expected = 0.0, []
  for i, g in enumerate(GRADIENTS):
    m = (0.5 + 0.2 * i / 125_000) * m + g
    expected.append(-0.1 / 1.000004**i * m)
  made = updates(optimizers.optimizer(config(optimizer='sgd'), 0.1), GRADIENTS)
  np.testing.assert_allclose(made, expected, rtol=1e-6)


@pytest.mark.parametrize('count', [1, 1000, 62_500, 125_000, 500_000, 3_000_000])
def test_momentum_sgds_rate_and_momentum(count):
  """0.1 / 1.000004^n down to 1e-6; 0.5 to 0.7 over 125 000 updates, and no further."""
  optimizer = optimizers.momentum_sgd(0.1)
  start = optimizer.init(jnp.zeros(()))
  counted = lambda x: jnp.int32(count) if x.dtype == jnp.int32 else x
  _, state = jax.jit(optimizer.update)(jnp.ones(()), jax.tree.map(counted, start))
  rate = max(0.1 / 1.000004**count, 1e-6)
  momentum = 0.5 + 0.2 * min(count / 125_000, 1)
  np.testing.assert_allclose(state.hyperparams['learning_rate'], rate, rtol=1e-5)
  np.testing.assert_allclose(state.hyperparams['momentum'], momentum, rtol=1e-6)


# --- schedules


@pytest.mark.parametrize(
  'schedule, rates',
  [
    ('constant_linear', {0: 1, 8: 1, 12: 1 / 2, 15: 1 / 8, 16: 0}),
    ('tenth', {0: 1, 7: 1, 8: 0.1, 15: 0.1}),
    ('halves', {0: 1, 1: 1, 2: 1 / 2, 4: 1 / 4, 8: 1 / 8, 11: 1 / 8, 12: 1 / 16}),
  ],
)
def test_schedules_of_a_stage(schedule, rates):
  """Of 16 steps, in a longer run."""
  made = optimizers.optimizer(config(steps=1000, schedule=schedule), RATE, steps=16)
  state = made.init(jnp.zeros(()))
  update = jax.jit(made.update)
  for step in range(17):
    moved, state = update(jnp.ones(()), state)
    if step in rates:
      np.testing.assert_allclose(-moved, RATE * rates[step], rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize('optimizer', ['adam', 'rmsprop'])
@pytest.mark.parametrize('n_critic', [1, 5])
@pytest.mark.parametrize(
  'schedule, half, quarter',
  [('constant', 1, 1), ('linear', 1 / 2, 3 / 4), ('cosine', 1 / 2, (1 + np.sqrt(1 / 2)) / 2)],
)
def test_schedules_end_with_the_run(optimizer, n_critic, schedule, half, quarter):
  """The critic makes `n_critic` updates a step and is at zero at the same step."""
  length = 40
  chosen = config(optimizer=optimizer, n_critic=n_critic, schedule=schedule, steps=length)
  for rate, n in ((chosen.generator_lr, 1), (chosen.critic_lr, n_critic)):
    made = optimizers.optimizer(chosen, rate, n)
    still = optimizers.optimizer(config(optimizer=optimizer), rate)
    for step, share in ((0, 1), (length // 4, quarter), (length // 2, half), (length, None)):
      expected = share if share is not None else float(schedule == 'constant')
      now, constant = (rate_after(o, step * n)[0] for o in (made, still))
      np.testing.assert_allclose(now / constant, expected, rtol=1e-5, atol=1e-7)


def test_the_length_may_be_given_in_images():
  chosen = config(schedule='linear', images=8 * 5 * 40, n_critic=5)
  for n in (1, 5):
    optimizer = optimizers.optimizer(chosen, RATE, n)
    assert abs(rate_after(optimizer, 40 * n)[0]) < 1e-7 * RATE  # 1 - n / n, rounded
    np.testing.assert_allclose(rate_after(optimizer, 40 * n - 1)[0], RATE / (40 * n), rtol=1e-5)


def test_the_games_optimizers_are_the_configs():
  """Rates and lengths reach the players: the first move of Adam is the rate."""
  chosen = config(n_critic=3, generator_lr=0.01, critic_lr=0.03, schedule='linear', steps=10)
  players = variants.build(chosen, Spec(8, 1)).stages[0].game.players
  for name, rate, n in (('generator', 0.01, 1), ('critic', 0.03, 3)):
    optimizer = players[name].optimizer
    np.testing.assert_allclose(rate_after(optimizer, 0)[0], rate, rtol=1e-5)
    last = rate_after(optimizer, 10 * n - 1)[0]
    np.testing.assert_allclose(last, rate / (10 * n), rtol=1e-5)


def test_sgd_has_a_schedule_of_its_own():
  """Else --schedule would be given and silently have no effect."""
  for schedule in ('linear', 'cosine'):
    with pytest.raises(ValueError, match='--schedule'):
      config(optimizer='sgd', schedule=schedule)


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
def test_slopes_are_penalised_where_asked(options):
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


def test_conditional_recipes_refuse_a_set_without_labels():
  for variant in ('cgan', 'sngan'):
    chosen = variants.configure(variant, dataset='folder', folder='/nowhere')
    with pytest.raises(ValueError, match="'folder' has no labels"):
      variants.build(chosen, Spec(16, 1))


def test_only_conditional_recipes_draw_by_class():
  drawn = {}
  for variant in ('gan', 'cgan'):
    chosen = config(variant)
    made = variants.build(chosen, Spec(8, 1, 3))
    played, state = built(chosen, 3)
    bound = game.nets(played, state)
    key = jax.random.key(0)
    images = [made.sample(bound, key, jnp.full(4, label)) for label in (0, 1)]
    assert np.abs(images[0]).max() <= 1 and images[0].shape == (4, 8, 8, 1)
    drawn[variant] = np.array_equal(*images)
    assert made.conditional != drawn[variant]
  assert drawn == {'gan': True, 'cgan': False}


def test_samples_are_the_averages_where_there_is_one():
  chosen = config(ema_images=100.0)
  made, (played, state) = variants.build(chosen, Spec(8, 1)), built(chosen)
  assert set(state.ema) == {'generator'}
  moved = state.replace(ema=jax.tree.map(jnp.zeros_like, state.ema))
  images = made.sample(game.nets(played, moved), jax.random.key(0), jnp.zeros(4, jnp.int32))
  assert not np.any(images)  # tanh of no weights and no biases
  without = config(ema_images=0.0)
  played, state = built(without)
  assert state.ema == {} and not played.after
  assert np.any(made.sample(game.nets(played, state), jax.random.key(0), jnp.zeros(4, jnp.int32)))


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


@pytest.mark.parametrize('every', [4, 16])
def test_adams_decays_are_those_of_k_over_k_plus_one(every):
  """After as many steps as before, as much is forgotten."""
  c = every / (every + 1)
  options = dict(optimizer='adam', beta1=0.5, beta2=0.99)
  lazy = [Turn('critic', None, 'lazy', every=every)]
  make = partial(optimizers.optimizer, config(**options))
  made = updates(optimizers._corrected(config(**options), make, RATE, 1, lazy), GRADIENTS)
  by_hand = optax.adam(RATE * c, 0.5**c, 0.99**c)
  np.testing.assert_allclose(made, updates(by_hand, GRADIENTS), rtol=1e-5)


# --- from end to end


@pytest.mark.parametrize(
  'shape, quarter, last', [('constant', 0, 0), ('linear', 1 / 4, 1), ('cosine', None, 1)]
)
def test_schedules_go_from_start_to_end_and_no_further(shape, quarter, last):
  at = optimizers.between_ends(shape, 2.0, 10.0, 40)
  quarter = (1 - np.sqrt(1 / 2)) / 2 if quarter is None else quarter
  shares = [0, quarter, last / 2, last, last]
  for step, share in zip((0, 10, 20, 40, 400), shares, strict=True):
    np.testing.assert_allclose(at(jnp.int32(step)), 2 + 8 * share, rtol=1e-6)
  np.testing.assert_allclose(optimizers.between_ends(shape, 2.0, 10.0, 0)(jnp.int32(0)), 2)


def test_adam_with_a_beta2_that_moves():
  """Moments decay by the beta2 of the moment, which also corrects their start."""
  m = v = 0.0
  expected = []
  for i, g in enumerate(GRADIENTS):
    b = 0.9 + 0.02 * i
    m, v = 0.3 * m + 0.7 * g, b * v + (1 - b) * g * g
    expected.append((m / (1 - 0.3 ** (i + 1))) / (np.sqrt(v / (1 - b ** (i + 1))) + 1e-8))
  made = updates(optimizers.scale_by_adam(0.3, lambda count: 0.9 + 0.02 * count), GRADIENTS)
  np.testing.assert_allclose(made, expected, rtol=1e-5)


@pytest.mark.parametrize('preset', ['laptop', 'paper'])
def test_r3gan_ends_where_it_is_told_to(preset):
  """Rates to a quarter, penalties to a tenth, the average from nothing to its half-life."""
  # With a beta2 that stays, for else Adam's correction at the start is not exact.
  small = dict(width=4, cardinality=2, depth=1, batch_size=8, n_critic=3, horizon=20, beta2_end=0.9)
  chosen = variants.configure('r3gan', preset, **small)
  plan = variants.VARIANTS['r3gan'].schedules(chosen)
  half = lambda a, b: (a + b) / 2
  for step, strength, life in ((0, 1, 0), (10, 0.55, 0.5), (20, 0.1, 1), (90, 0.1, 1)):
    np.testing.assert_allclose(plan.strength(jnp.int32(step)), strength, rtol=1e-5)
    np.testing.assert_allclose(
      plan.half_life(jnp.int32(step)), life * chosen.ema_images, rtol=1e-5, atol=1e-2
    )
  for n in (1, 3):
    optimizer = plan.optimizer(0.2, n)
    for step, rate in ((0, 0.2), (10, half(0.2, 0.05)), (20, 0.05), (30, 0.05)):
      # Gradients of one size: Adam moves by the rate itself.
      np.testing.assert_allclose(rate_after(optimizer, step * n)[0], rate, rtol=1e-4)


def test_the_paper_settings_of_r3gan():
  chosen = variants.configure('r3gan', 'paper')
  assert chosen.length == 39_063  # 20 million images in batches of 512
  assert (chosen.r1, chosen.r2, chosen.slopes_end) == (0.05, 0.05, 0.1)
  assert (chosen.beta2, chosen.beta2_end, chosen.ema_images) == (0.9, 0.99, 5e6)
  ends = chosen.generator_lr * chosen.rate_end, chosen.critic_lr * chosen.rate_end
  np.testing.assert_allclose(ends, 5e-5)


@pytest.mark.parametrize(
  'options, message',
  [
    (dict(cardinality=5), '--cardinality must'),
    (dict(optimizer='rmsprop'), 'has no beta2'),
    (dict(horizon=0), 'and --horizon must'),
    (dict(beta2_end=1.0), '--beta2-end in'),
  ],
)
def test_what_r3gan_cannot_be(options, message):
  with pytest.raises(ValueError, match=message):
    variants.configure('r3gan', **options)


@pytest.mark.parametrize('options', [dict(generator_width=0), dict(orthogonal=-1.0)])
def test_what_biggan_cannot_be(options):
  with pytest.raises(ValueError, match='must be'):
    variants.configure('biggan', **options)


@pytest.mark.parametrize('variant', ['biggan', 'r3gan'])
def test_unlabelled_data_are_drawn_without_classes_or_refused(variant):
  with pytest.raises(ValueError, match='has no labels: give --conditional=False'):
    variants.build(variants.configure(variant), Spec(16, 1))
  assert not variants.build(variants.configure(variant, conditional=False), Spec(16, 1)).conditional


def test_the_length_of_r3gan_matters_unless_a_horizon_is_given():
  matters = lambda **options: bool(variants.configure('r3gan', **options).bound_to_length())
  assert matters() and not matters(horizon=10) and not matters(schedule='constant')
