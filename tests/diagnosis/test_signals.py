"""Signals say what they should of logits, images and updates whose truth is known."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import variants
from jaxgan.core import game
from jaxgan.core.typing import Spec
from jaxgan.diagnosis import signals
from jaxgan.losses import energies, objectives
from jaxgan.recipes import stages

ALWAYS = {'gap', 'accuracy_real', 'accuracy_fake', 'saturated', 'logit'}


@pytest.mark.parametrize(('log_every', 'expected'), [(1, 50), (50, 50), (30, 60), (200, 200)])
def test_signals_come_with_lines_of_the_log(log_every, expected):
  assert signals.rhythm(log_every) == expected


@pytest.mark.parametrize(
  ('name', 'real', 'fake', 'right'),
  [
    ('nonsaturating', [1.0, -1.0], [-1.0, -1.0], (0.5, 1.0)),  # the middle is 0
    ('least_squares', [0.6, 0.9], [0.4, 0.7], (1.0, 0.5)),  # 1/2
    ('least_squares_pearson', [0.6, -0.1], [0.4, 0.7], (0.5, 0.0)),  # 0
    ('hinge', [0.6, 0.9], [-0.4, 0.7], (1.0, 0.5)),  # 0, of a flat bottom
    ('wasserstein', [9.0, 9.0], [3.0, 3.0], (1.0, 1.0)),  # halfway
    ('relativistic', [9.0, 9.0], [3.0, 3.0], (1.0, 1.0)),
  ],
)
def test_accuracy_is_in_units_of_the_objective(name, real, fake, right):
  critic = objectives.OBJECTIVES[name]().critic
  found = signals.judgement(critic, jnp.array(real), jnp.array(fake))
  assert (float(found['accuracy_real']), float(found['accuracy_fake'])) == right
  assert float(found['gap']) == pytest.approx(np.mean(real) - np.mean(fake))


def test_energies_have_no_middle_of_their_own():
  """All logits are at most 0, and none suits real and fake images best: halfway it is."""
  critic = energies.margin(0.36).critic
  found = signals.judgement(critic, -jnp.array([0.1, 0.2]), -jnp.array([0.3, 0.12]))
  assert (float(found['accuracy_real']), float(found['accuracy_fake'])) == (0.5, 0.5)


def test_no_share_is_right_where_fakes_may_have_the_larger_logits():
  """In the balance of BEGAN fakes have half the energy of real images: that is no wrong critic."""
  assert not energies.boundary(0.1).opposed and energies.margin(0.36).opposed
  found = signals.judgement(None, -jnp.array([0.1, 0.3]), -jnp.array([0.05, 0.15]))
  assert {name: round(float(x), 6) for name, x in found.items()} == {'gap': -0.1, 'logit': -0.2}


@pytest.mark.parametrize(
  ('name', 'share'), [('nonsaturating', 0.75), ('hinge', 0.75), ('wasserstein', 0.0)]
)
def test_logits_are_saturated_where_the_loss_is_flat(name, share):
  critic = objectives.OBJECTIVES[name]().critic
  found = signals.judgement(critic, jnp.array([9.0, 8.0]), jnp.array([-9.0, 0.5]))
  assert float(found['saturated']) == share


def test_spread_is_the_mean_distance_of_all_pairs():
  x = np.random.default_rng(0).normal(size=(7, 3, 3, 1)).astype(np.float32)
  rows = x.reshape(7, -1)
  pairs = [np.linalg.norm(a - b) for i, a in enumerate(rows) for b in rows[:i]]
  assert float(signals.spread(jnp.asarray(x))) == pytest.approx(np.mean(pairs), rel=1e-5)


def test_diversity_of_equal_samples_is_none():
  real = jnp.asarray(np.random.default_rng(0).normal(size=(8, 4)))
  assert float(signals.diversity(real, jnp.ones((8, 4)))) == pytest.approx(0, abs=1e-3)
  assert float(signals.diversity(real, 0.5 * real)) == pytest.approx(0.5, rel=1e-5)
  assert signals.diversity(real, real[:1]) is None


def test_resemblance_of_known_images():
  random = np.random.default_rng(0)
  real, other = (jnp.asarray(random.normal(size=(64, 16)), jnp.float32) for _ in range(2))
  found = lambda fake: {k: float(x) for k, x in signals.resemblance(real, fake).items()}
  alike, noise, alone, copies = found(other), found(3 * other), found(0 * other), found(real)
  assert alike['distance'] == pytest.approx(0, abs=0.03) and alike['reach'] == pytest.approx(
    1, abs=0.1
  )
  assert noise['distance'] > 0.3 and noise['nearness'] > 2 and alone['reach'] > 1.05
  assert alone['diversity'] < 1e-3 and alone['distance'] > 0.3
  assert copies['nearness'] == pytest.approx(0, abs=1e-3)  # copies of training images
  apart = lambda a, b: np.linalg.norm(np.asarray(a)[:, None] - np.asarray(b)[None], axis=-1)
  own, them, both = apart(real, real), apart(other, other), apart(real, other)
  mean = lambda x: x.sum() / (64 * 63)
  expected = (2 * both.mean() - mean(own) - mean(them)) / mean(own)
  assert alike['distance'] == pytest.approx(expected, abs=1e-4)
  assert signals.resemblance(real, real[:1]) == {}


def test_steepness_of_a_linear_critic_along_its_direction():
  x, y = jnp.zeros((3, 2, 2, 1)), jnp.ones((3, 2, 2, 1))
  slope = signals.steepness(x, y, x.sum((1, 2, 3)), y.sum((1, 2, 3)))
  assert float(slope) == pytest.approx(2.0)  # 4 / ||1|| of four pixels
  assert signals.steepness(x, y, jnp.zeros(1), jnp.zeros(1)) is None  # a critic of packs


def _state(name, spec, **options):
  recipe = variants.build(variants.configure(name, **options), spec)
  stage = recipe.stages[-1]
  place = jax.sharding.SingleDeviceSharding(jax.devices()[0])
  return stage, lambda: stages.first_state(stage, jax.random.key(0), place)


def test_movement_is_that_of_a_known_step():
  stage, make = _state('gan', Spec(4, 1), widths=(4,))
  state = make()
  before = state.params
  after = replace(state, params=jax.tree.map(lambda x: 1.1 * x, before))
  found = signals.movement(stage.game, before, after)
  assert float(found['critic/update']) == pytest.approx(0.1 / 1.1, rel=1e-4)
  assert float(found['generator/gradient']) == 0
  ones = jax.tree.map(jnp.ones_like, state.params['critic'])
  opt = optax.adam(1e-3, b1=0.0)
  moved = opt.update({'critic': ones}, opt.init({'critic': ones}))[1]
  found = signals.movement(stage.game, before, replace(after, opt={**state.opt, 'critic': moved}))
  size = sum(x.size for x in jax.tree.leaves(ones))
  assert float(found['critic/gradient']) == pytest.approx(size**0.5, rel=1e-5)


SPECS = {
  'cyclegan': (Spec(16, 3), dict(width=4)),
  'cut': (Spec(16, 3), dict(width=4)),
  'pix2pix': (Spec(16, 3), dict(width=4)),
  'spade': (Spec(16, 3), dict(width=4)),
  'srgan': (Spec(16, 3), dict(width=4, blocks=1, crop=16)),
  'esrgan': (Spec(16, 3), dict(width=4, blocks=1, crop=16)),
  'ctgan': (Spec(16, 1, 3), dict(pack=4)),
}


@pytest.mark.parametrize('name', sorted(variants.VARIANTS))
def test_every_kind_of_game_shows_what_its_critic_compares(name):
  """Traced alone: a state and a batch of shapes, no compiling."""
  spec, options = SPECS.get(name, (Spec(16, 1, 3), {}))
  stage, make = _state(name, spec, **options)
  image = jax.ShapeDtypeStruct((16, *spec.shape), jnp.uint8)
  batch = {'image': image, 'target': image, 'label': jax.ShapeDtypeStruct((16,), jnp.int32)}
  found = jax.eval_shape(signals.program(stage.game), jax.eval_shape(make), batch)
  names = {key.removesuffix('_a').removesuffix('_b') for key in found}
  always = {'gap', 'logit'} if name == 'began' else ALWAYS  # its fakes may have the larger logits
  assert {one for one in ALWAYS if f'critic/{one}' in names} == always
  assert {'samples/diversity', 'samples/extreme'} <= names
  assert all(x.shape == () for x in found.values())
  assert ('critic/gap_a' in found) == (name == 'cyclegan')


def test_the_witness_changes_nothing_of_the_step():
  """The program of a step is the same text, whether losses can show or not."""
  stage, make = _state('gan', Spec(4, 1), widths=(4,))
  state = make()
  nets = game.nets(stage.game, state, train=True)
  assert nets.witness is None and hash(jax.tree.structure(nets)) is not None
