"""Adversarial losses with networks of one number, whose logits are known by hand."""

from dataclasses import replace
from functools import partial

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from by_hand import (
  BATCH,
  BLACK,
  LATENTS,
  REAL,
  SCALE,
  SLOPE,
  bound,
  by_hand,
  enlarge,
  fixed,
  identity,
  logits,
  score,
  simple,
)
from by_path import leaves
from jaxgan.core import game
from jaxgan.core.game import Game, Nets, Player, Turn
from jaxgan.core.network import Network, linen
from jaxgan.losses import adversarial, gradient_penalties, objectives
from jaxgan.losses.objectives import OBJECTIVES, Objective
from jaxgan.nn.normalization import BatchNorm


@pytest.mark.parametrize('conditional', [False, True])
@pytest.mark.parametrize('name', OBJECTIVES)
def test_values_are_the_objectives(key, name, conditional):
  objective = OBJECTIVES[name]()
  critic, generator = adversarial.adversarial(objective, latent=fixed, conditional=conditional)
  real, fake = (jnp.float32(x) for x in logits(conditional))
  value, _, logs = critic(simple(), BATCH, key)
  np.testing.assert_allclose(value, objective.critic(real, fake), rtol=1e-5)
  chex.assert_trees_all_close(logs, {'real': real.mean(), 'fake': fake.mean()}, rtol=1e-5)
  value, _, logs = generator(simple(), BATCH, key)
  np.testing.assert_allclose(value, objective.generator(real, fake), rtol=1e-5)
  assert logs == {}


def test_without_conditional_labels_are_not_touched(key):
  critic, generator = adversarial.adversarial(objectives.hinge(), latent=fixed)
  for loss in (critic, generator):
    value = loss(simple(), {'image': REAL}, key)[0]
    chex.assert_trees_all_equal(loss(simple(), BATCH, key)[0], value)


def test_conditional_needs_labels(key):
  for loss in adversarial.adversarial(objectives.hinge(), latent=fixed, conditional=True):
    with pytest.raises(KeyError, match='label'):
      loss(simple(), {'image': REAL}, key)


def test_as_many_fakes_as_reals(key):
  drawn = []

  def latent(key, n):
    drawn.append(n)
    return LATENTS[:n]

  for loss in adversarial.adversarial(objectives.hinge(), latent=latent):
    loss(simple(), {'image': REAL[:2]}, key)
  assert drawn == [2, 2]


@pytest.mark.parametrize('name', OBJECTIVES)
def test_reals_are_judged_for_the_generator_only_where_they_count(key, name):
  seen = []

  def judge(slope, x):
    seen.append(np.asarray(x))
    return x @ slope

  nets = bound(enlarge(jnp.float32(SCALE)), by_hand(judge)(SLOPE))
  objective = OBJECTIVES[name]()
  _, generator = adversarial.adversarial(objective, latent=fixed)
  generator(nets, {'image': REAL}, key)
  expected = [SCALE * LATENTS] + [REAL] * objective.uses_real
  chex.assert_trees_all_close(seen, expected)


# --- noise


def seen_by(take, noise):
  """What the critic sees of black reals and fakes: `take` of both, as the loss."""
  objective = Objective(lambda r, f: take(r, f), lambda r, f: take(r, f), uses_real=True)
  nets = bound(by_hand(lambda _, z: z)(jnp.ones(())), identity(jnp.ones(())))
  pair = adversarial.adversarial(objective, latent=lambda key, n: BLACK['image'][:n], noise=noise)
  return [loss(nets, BLACK, jax.random.key(3))[0] for loss in pair]


@pytest.mark.parametrize('noise', [0.1, 2.0])
def test_noise_falls_on_all_that_the_critic_sees(noise):
  n = 64 * 256
  for real in seen_by(lambda r, f: r, noise):
    np.testing.assert_allclose(real.std(), noise, rtol=5 / np.sqrt(2 * n))
    assert abs(real.mean()) < 5 * noise / np.sqrt(n)
  for fake in seen_by(lambda r, f: f, noise):
    np.testing.assert_allclose(fake.std(), noise, rtol=5 / np.sqrt(2 * n))
  for shared in seen_by(lambda r, f: r * f, noise):  # real and fake have noise of their own
    assert abs(shared.mean()) < 5 * noise**2 / np.sqrt(n)


def test_no_noise_changes_nothing():
  for both in seen_by(lambda r, f: jnp.stack([r, f]), 0.0):
    chex.assert_trees_all_equal(both, jnp.zeros((2, *BLACK['image'].shape)))


def test_penalties_see_clean_images_and_a_noisy_score(key):
  look = lambda score, real, fake, key: jnp.stack([score(real).std(), real.std(), fake.std()])
  nets = bound(by_hand(lambda _, z: z)(jnp.ones(())), identity(jnp.ones(())))
  objective = Objective(lambda r, f: jnp.zeros(3), lambda r, f: jnp.zeros(3))
  critic, _ = adversarial.adversarial(
    objective, look, latent=lambda key, n: BLACK['image'][:n], noise=0.5
  )
  noisy, real, fake = critic(nets, BLACK, key)[0]
  np.testing.assert_allclose(noisy, 0.5, rtol=0.05)
  assert real == fake == 0


# --- augmentation


@pytest.mark.parametrize('name', ['nonsaturating', 'relativistic'])
def test_augmentation_falls_on_all_that_the_critic_sees(key, name):
  """Of real and fake, in both turns, by draws of their own; it may read the memory."""
  seen = []

  def augment(nets, images, key):
    seen.append((images, tuple(jax.random.key_data(key).tolist())))
    return nets.memory['strength'] * images

  nets, fakes = replace(simple(), memory={'strength': jnp.float32(2.0)}), SCALE * LATENTS
  objective = OBJECTIVES[name]()
  pair = adversarial.adversarial(objective, latent=fixed, augment=augment)
  real, fake = (2 * jnp.float32(x) for x in logits(False))
  for loss, side, images in (
    (pair[0], objective.critic, [REAL, fakes]),
    (pair[1], objective.generator, [fakes] + [REAL] * objective.uses_real),
  ):
    np.testing.assert_allclose(loss(nets, BATCH, key)[0], side(real, fake), rtol=1e-5)
    chex.assert_trees_all_close([image for image, _ in seen], images)
    assert len({draw for _, draw in seen}) == len(images)
    seen.clear()


def test_penalties_see_clean_images_and_a_score_of_changed_ones(key):
  """As R1 of StyleGAN2-ADA: the slope is taken by the image before it is changed."""
  nets = simple()
  doubled = lambda nets, images, key: 2 * images
  critic, _ = adversarial.adversarial(
    objectives.wasserstein(), gradient_penalties.r1(3.0), latent=fixed, augment=doubled
  )
  _, _, logs = critic(nets, BATCH, key)
  np.testing.assert_allclose(logs['penalty'], 3.0 / 2 * (2 * SLOPE) @ (2 * SLOPE), rtol=1e-5)


def test_noise_lies_upon_augmented_images():
  objective = Objective(lambda r, f: r.std(), lambda r, f: f.std())
  nets = bound(by_hand(lambda _, z: z)(jnp.ones(())), identity(jnp.ones(())))
  black = lambda nets, images, key: 0 * images
  pair = adversarial.adversarial(
    objective, latent=lambda key, n: BLACK['image'][:n] + 1, noise=0.5, augment=black
  )
  for loss in pair:
    np.testing.assert_allclose(loss(nets, BLACK, jax.random.key(3))[0], 0.5, rtol=0.05)


# --- penalties


def test_penalties_are_added_logged_and_followed(key):
  """The slope of psi x is psi: gamma / 2 |psi|^2 and gamma psi, at reals and at fakes."""
  plain, _ = adversarial.adversarial(objectives.wasserstein(), latent=fixed)
  both, generator = adversarial.adversarial(
    objectives.wasserstein(), gradient_penalties.r1(3.0), gradient_penalties.r2(0.5), latent=fixed
  )
  nets, batch = simple(), {'image': REAL}

  def run(loss, slope):
    moved = replace(nets, params={**nets.params, 'critic': slope})
    value, _, logs = loss(moved, batch, key)
    return value, logs

  (value, logs), slope = jax.value_and_grad(partial(run, both), has_aux=True)(SLOPE)
  (bare, bare_logs), bare_slope = jax.value_and_grad(partial(run, plain), has_aux=True)(SLOPE)
  penalty = 3.5 / 2 * (SLOPE**2).sum()
  np.testing.assert_allclose(logs['penalty'], penalty, rtol=1e-5)
  np.testing.assert_allclose(value, bare + penalty, rtol=1e-5)
  np.testing.assert_allclose(slope, bare_slope + 3.5 * SLOPE, rtol=1e-5)
  assert 'penalty' not in bare_logs
  without = adversarial.adversarial(objectives.wasserstein(), latent=fixed)[1]
  chex.assert_trees_all_equal(generator(nets, batch, key)[0], without(nets, batch, key)[0])


def test_penalties_get_score_real_fake_and_keys_of_their_own(key):
  given = []

  def note(weight):
    def penalty(score, real, fake, key):
      given.append((real, fake, score(LATENTS), jax.random.key_data(key).tolist()))
      return jnp.float32(weight)

    return penalty

  critic, _ = adversarial.adversarial(
    objectives.wasserstein(), note(1.0), note(10.0), latent=fixed, conditional=True
  )
  _, _, logs = critic(simple(), BATCH, key)
  assert logs['penalty'] == 11
  fake = SCALE * LATENTS + BATCH['label'][:, None]
  for real_seen, fake_seen, judged, _ in given:
    chex.assert_trees_all_close((real_seen, fake_seen), (REAL, fake))
    chex.assert_trees_all_close(judged, LATENTS @ SLOPE + 10 * BATCH['label'], rtol=1e-5)
  assert given[0][3] != given[1][3]


# --- random numbers


def test_every_use_of_random_numbers_has_a_key_of_its_own(key):
  """Latents, the dropout and the augmentation of each pass, the penalties."""
  seen = []

  def note(key):
    seen.append(tuple(jax.random.key_data(key).tolist()))

  def run(variables, x, *, train, key):
    note(key)
    return x.sum(1) + 0 * jax.random.normal(key, (len(x),)), variables

  def draw(variables, z, *, train, key):
    note(key)
    return z, variables

  def latent(key, n):
    note(key)
    return LATENTS[:n]

  def penalty(score, real, fake, key):
    note(key)
    return score(real).sum()

  def changed(nets, images, key):
    note(key)
    return images

  start = lambda key, *_: {'params': jnp.ones(())}
  nets = bound(Network(start, draw), Network(start, run))
  critic, generator = adversarial.adversarial(
    objectives.relativistic(), penalty, latent=latent, noise=0.1, augment=changed
  )
  for loss, uses in ((critic, 9), (generator, 6)):
    seen.clear()
    loss(nets, {'image': REAL}, key)
    assert len(seen) == uses and len(set(seen)) == uses
    once = list(seen)
    loss(nets, {'image': REAL}, key)
    assert seen == 2 * once
    seen.clear()
    loss(nets, {'image': REAL}, jax.random.key(1))
    assert not set(seen) & set(once)


class Normed(nn.Module):
  """A critic with statistics."""

  @nn.compact
  def __call__(self, x, *, train):
    return nn.Dense(1, use_bias=False)(BatchNorm()(x, train=train))[:, 0]


class Drawn(nn.Module):
  """A generator with statistics."""

  @nn.compact
  def __call__(self, z, *, train):
    return BatchNorm()(nn.Dense(2, use_bias=False)(z), train=train)


def played_by(draws='', rate=0.1, objective=None, critic=Normed):
  """Both turns with real networks."""
  drawn = lambda key, n: jax.random.normal(key, (n, 2))
  pair = adversarial.adversarial(objective or objectives.nonsaturating(), latent=drawn)
  names = 'critic', 'generator'
  turns = [Turn(name, loss, draws=draws) for name, loss in zip(names, pair, strict=True)]
  networks = {'generator': linen(Drawn()), 'critic': linen(critic())}
  return Game(networks, {name: Player((name,), optax.sgd(rate)) for name in names}, turns)


def first(chosen):
  example = {'generator': (jnp.zeros((2, 2)),), 'critic': (jnp.zeros((2, 2)),)}
  return game.init(chosen, jax.random.key(0), example)


@pytest.mark.parametrize('name, other', [('critic', 'generator'), ('generator', 'critic')])
def test_a_turn_leaves_the_other_network_as_it_was(name, other):
  chosen = played_by()
  alone = replace(chosen, turns=[turn for turn in chosen.turns if turn.player == name])
  before = first(alone)
  after, _ = jax.jit(partial(game.train_step, alone))(before, {'image': REAL[None]})
  for kind in ('params', 'variables', 'opt'):
    old, new = getattr(before, kind), getattr(after, kind)
    chex.assert_trees_all_equal(new[other], old[other])
    still = [n for n, x in leaves(new[name]).items() if (x == leaves(old[name])[n]).all()]
    # The critic centres what it sees: the generator's bias has no gradient but by rounding.
    free = "['BatchNorm_0']['bias']" if name == 'generator' else ' '
    assert [n for n in still if not n.endswith(free)] == []


def test_real_and_fake_pass_the_critics_statistics_apart(key):
  """Its running mean has moved twice, by the reals' and then by the fakes' statistics."""
  chosen = played_by()
  state = first(chosen)
  nets = Nets(chosen.networks, state.params, state.variables)
  _, after, logs = chosen.turns[0].loss(nets, {'image': REAL}, key)
  running = after.variables['critic']['batch_stats']['BatchNorm_0']['statistics']['mean']
  np.testing.assert_allclose(logs['real'], 0, atol=1e-6)  # each is centred by itself
  np.testing.assert_allclose(logs['fake'], 0, atol=1e-6)
  reals = 0.1 * REAL.mean(0)
  # The fakes are batch normed, of mean 0 and not of the reals': only the reals' share is left.
  np.testing.assert_allclose(running, 0.9 * reals, atol=1e-6)


class Mean(nn.Module):
  """A critic that shows what it sees."""

  @nn.compact
  def __call__(self, x, *, train):
    return x.mean(1) * self.param('scale', nn.initializers.ones, ())


class Plain(nn.Module):
  """A generator that hides nothing."""

  @nn.compact
  def __call__(self, z, *, train):
    return z * self.param('scale', nn.initializers.ones, ())


@pytest.mark.parametrize('draws', ['', 'both'])
def test_turns_of_one_draw_see_the_same_fakes(draws):
  show = Objective(lambda r, f: f.mean(), lambda r, f: f.mean())
  chosen = played_by(draws, rate=0.0, objective=show, critic=Mean)
  chosen = replace(chosen, networks={**chosen.networks, 'generator': linen(Plain())})
  step, state = jax.jit(partial(game.train_step, chosen)), first(chosen)
  seen = []
  for _ in range(3):
    state, logs = step(state, {'image': REAL[None]})
    assert (float(logs['critic/fake']) == float(logs['generator/loss'])) == bool(draws)
    seen.append(float(logs['critic/fake']))
  assert len(set(seen)) == 3


# --- losses made of others


def test_the_sum_of_losses(key):
  seen = []

  def term(name, weight):
    def loss(nets, batch, key):
      seen.append(tuple(jax.random.key_data(key).tolist()))
      moved = replace(nets, memory={**nets.memory, name: weight})
      return jnp.float32(weight), moved, {name: jnp.float32(weight)}

    return loss

  one, two, three = term('a', 1.0), term('b', 20.0), term('c', 300.0)
  assert adversarial.together(one) is one
  value, nets, logs = adversarial.together(one, two, three)(simple(), BATCH, key)
  assert value == 321
  assert nets.memory == {'a': 1.0, 'b': 20.0, 'c': 300.0}
  assert logs == {'a': 1, 'b': 20, 'c': 300}
  assert seen[0] == tuple(jax.random.key_data(key).tolist()) and len(set(seen)) == 3


def test_an_objective_may_hang_on_the_step(key):
  make = lambda objective: adversarial.adversarial(objective, latent=fixed)
  weighed = lambda nets: objectives.Objective(
    lambda r, f: nets.step * (f.mean() - r.mean()), lambda r, f: -nets.step * f.mean()
  )
  plain, pair = make(objectives.wasserstein()), adversarial.depending(make, weighed)
  nets = replace(simple(), step=jnp.int32(3))
  for one, other in zip(plain, pair, strict=True):
    expected = 3 * one(nets, BATCH, key)[0]
    np.testing.assert_allclose(other(nets, BATCH, key)[0], expected, rtol=1e-6)


def test_feature_matching_is_of_the_means_of_the_critics_features(key):
  """Features of the critic are x psi, of each part: (E x psi - E G(z) psi)^2, and its slope."""
  shown = lambda variables, x, **_: ((x @ SLOPE, x * SLOPE[None]), variables)
  nets = simple()
  critic = nets.networks['critic']._replace(features=shown)
  nets = replace(nets, networks={**nets.networks, 'critic': critic})
  pair = adversarial.adversarial(objectives.matching(jnp.square), latent=fixed)
  loss = adversarial.of_features(pair[1])

  def of(scale):
    moved = replace(nets, params={**nets.params, 'generator': scale})
    value, after, _ = loss(moved, {'image': REAL}, key)
    assert after.networks['critic'] is critic
    return value

  value, slope = jax.value_and_grad(of)(jnp.float32(SCALE))
  apart = np.float64(SLOPE) * (np.float64(REAL).mean(0) - SCALE * np.float64(LATENTS).mean(0))
  np.testing.assert_allclose(value, (apart**2).mean(), rtol=1e-5)
  expected = (2 * apart * -np.float64(SLOPE) * np.float64(LATENTS).mean(0)).mean()
  np.testing.assert_allclose(slope, expected, rtol=1e-5)


# --- lazy penalties


def test_lazy_penalties_are_multiplied_by_their_interval(key):
  """The sum over real and fake images of what each says, in place of the objective."""
  first = lambda score, real, fake, key: score(real).mean() + 0 * fake.sum()
  second = lambda score, real, fake, key: 10 * fake.mean()
  nets, batch = simple(), BATCH
  given = adversarial.nothing
  ways = dict(generate=adversarial.generated(fixed, given), judge=adversarial.judged(given))
  value, _, logs = adversarial.lazily(first, second, interval=16, **ways)(nets, batch, key)
  real = nets('critic', batch['image'])[0].mean()
  fake = nets('generator', fixed(key, len(batch['image'])))[0].mean()
  np.testing.assert_allclose(logs['penalty'], real + 10 * fake, rtol=1e-5)
  np.testing.assert_allclose(value, 16 * (real + 10 * fake), rtol=1e-5)


def test_every_image_that_the_critic_sees_is_augmented(key):
  """By the hook, which sees the networks' memory."""
  twice = lambda nets, images, key: nets.memory['times'] * images
  nets, batch = simple(), BATCH
  nets = nets.replace(memory={'times': jnp.float32(2)})
  plain = adversarial.judged(adversarial.nothing)
  seen = adversarial.judged(adversarial.nothing, augment=twice)
  logits = seen(nets, batch['image'], batch, key)[0]
  chex.assert_trees_all_close(logits, plain(nets, 2 * batch['image'], batch, key)[0])


def test_what_observes_sees_real_logits_without_slope(key):
  noted = []

  def observe(nets, logits, fakes):
    noted.append(logits)
    return nets.replace(memory={'mean': logits.mean()}), {'seen': logits.max()}

  nets, batch = simple(), BATCH
  given = adversarial.nothing
  ways = dict(generate=adversarial.generated(fixed, given), judge=adversarial.judged(given))
  critic, _ = adversarial.between(objectives.hinge(), **ways, observe=observe)
  _, moved, logs = critic(nets, batch, key)
  real = nets('critic', batch['image'])[0]
  chex.assert_trees_all_close(
    (noted[0], moved.memory['mean'], logs['seen']), (real, real.mean(), real.max())
  )


@pytest.mark.parametrize('step', [0, 4])
def test_weights_of_penalties_may_be_functions_of_the_step(key, step):
  """R1 and R2 of a linear critic: the slope is the same at every image."""

  def make(step):
    slopes = (gradient_penalties.r1(0.4 / (1 + step)), gradient_penalties.r2(0.6 / (1 + step)))
    return adversarial.adversarial(objectives.relativistic(), *slopes, latent=fixed)

  bare, _ = adversarial.adversarial(objectives.relativistic(), latent=fixed)
  critic, _ = adversarial.at_step(make)
  nets = replace(simple(), step=jnp.int32(step))
  value, _, logs = jax.jit(critic)(nets, BATCH, key)
  expected = (0.4 + 0.6) / 2 * float(SLOPE @ SLOPE) / (1 + step)
  np.testing.assert_allclose(logs['penalty'], expected, rtol=1e-5)
  np.testing.assert_allclose(value - bare(nets, BATCH, key)[0], expected, rtol=1e-4)


def test_what_losses_refuse_they_refuse_before_the_first_step():
  def make(step):
    raise ValueError('no such loss')

  with pytest.raises(ValueError, match='no such loss'):
    adversarial.at_step(make)


def test_relativistic_losses_are_ln_2_where_the_critic_is_constant(key):
  nets = bound(enlarge(jnp.float32(SCALE)), score(0 * SLOPE))
  for loss in adversarial.adversarial(objectives.relativistic(), latent=fixed):
    np.testing.assert_allclose(loss(nets, BATCH, key)[0], np.log(2), rtol=1e-6)
