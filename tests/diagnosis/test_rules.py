"""Verdicts of made-up logs and looks."""

from dataclasses import replace

import numpy as np
import pytest

from jaxgan import variants
from jaxgan.diagnosis import rules, verdicts
from jaxgan.diagnosis.look import Look
from jaxgan.diagnosis.rules import Case

LOOK = Look(
  spread=1.0,
  contrast=0.7,
  extreme=0.0,
  checker=1.0,
  grain=1.0,
  precision=0.7,
  recall=0.6,
  coverage=0.5,
  nearness=1.4,
  real_contrast=0.7,
  real_recall=0.9,
)
LOG = {
  'critic/loss': 1.0,
  'generator/loss': 1.0,
  'critic/accuracy_real': 0.75,
  'critic/accuracy_fake': 0.75,
  'critic/overfit': 0.1,
  'critic/slope': 0.3,
  'generator/update': 2e-3,
  'samples/diversity': 0.95,
  'skipped': 0.0,
}
GUESSING = {'critic/accuracy_real': 0.5, 'critic/accuracy_fake': 0.5}
RIGHT = {'critic/accuracy_real': 1.0, 'critic/accuracy_fake': 1.0}


def case(log=(), look=LOOK, lines=20, **seen):
  values = {**LOG, **dict(log)}
  history = {name: np.full(lines, value) for name, value in values.items()}
  history['step'] = 50 * np.arange(1, lines + 1)
  return Case(variants.configure('dcgan'), history, 50 * lines, look and look._replace(**seen))


def names(one):
  return [verdict.name for verdict in rules.verdicts_of(one)]


def test_a_well_run_is_healthy():
  assert names(case()) == [verdicts.HEALTHY]


@pytest.mark.parametrize(
  ('name', 'log', 'seen'),
  [
    (verdicts.FULL, {}, dict(spread=0.05, recall=0.0)),
    (verdicts.PARTIAL, {}, dict(spread=0.75, recall=0.05, coverage=0.2)),
    (verdicts.STRONG, RIGHT, dict(recall=0.0, precision=0.0, grain=2.6)),
    (verdicts.STRONG, {'generator/gradient': 0.0}, dict(recall=0.0, precision=0.0, grain=2.6)),
    (verdicts.WEAK, GUESSING, dict(recall=0.0, precision=0.0, grain=2.6)),
    (verdicts.OVERFIT, {'critic/overfit': 1.0, 'critic/accuracy_real': 1.0}, {}),
    (verdicts.MEMORIZED, {}, dict(nearness=0.1)),
    (verdicts.PENALTY, {'critic/slope': 90.0}, {}),
    (verdicts.DEAD, {}, dict(contrast=0.0, spread=0.0, recall=0.0)),
    (verdicts.DEAD, {}, dict(extreme=0.8)),
    (verdicts.CHECKERBOARD, {}, dict(checker=9.0)),
    (verdicts.LEARNING, {'generator/update': 4e-4}, dict(recall=0.0, grain=2.6, contrast=0.3)),
  ],
)
def test_each_failure_is_named_first(name, log, seen):
  found = rules.verdicts_of(case(log, **seen))
  assert found[0].name == name
  assert found[0].evidence and 0.5 <= found[0].sure <= 1
  assert found[0].remedies or name in (verdicts.PENALTY,)


def test_a_critic_that_guesses_about_good_samples_is_healthy():
  """The aim of training, which losses and logits do not tell from a broken critic."""
  assert names(case(GUESSING)) == [verdicts.HEALTHY]


def test_a_critic_that_is_right_about_good_samples_is_healthy():
  assert names(case(RIGHT)) == [verdicts.HEALTHY]


def test_a_critic_that_guessed_for_most_of_a_run_is_weak_though_it_ends_well():
  ends = case(GUESSING, recall=0.0, precision=0.0)
  for name in GUESSING:
    ends.history[name][-6:] = 0.95
  assert names(ends)[0] == verdicts.WEAK


def test_samples_between_few_training_images_are_copies():
  assert names(case(nearness=0.9, distinct=64, recall=0.2))[0] == verdicts.MEMORIZED
  assert verdicts.MEMORIZED not in names(case(nearness=0.9, distinct=1024))


def test_losses_that_grow_are_a_divergence():
  grown = case()
  grown.history['critic/loss'] = -np.geomspace(1, 1e6, 20)
  assert names(grown)[0] == verdicts.DIVERGENCE


def test_diversity_that_swings_is_an_oscillation():
  swinging = case()
  swinging.history['samples/diversity'] = np.where(np.arange(20) % 2, 0.5, 1.0)
  assert names(swinging)[0] == verdicts.OSCILLATION


@pytest.mark.parametrize(('lines', 'look'), [(0, None), (1, None), (1, LOOK)])
def test_too_little_gives_no_verdict(lines, look):
  assert names(case(lines=lines, look=look)) == [verdicts.UNKNOWN]


def test_the_log_alone_shows_a_collapse():
  assert names(case({'samples/diversity': 0.05}, look=None))[0] == verdicts.FULL
  assert names(case(look=None)) == [verdicts.HEALTHY]


def test_bad_samples_at_huge_rates_are_a_divergence_whatever_they_show():
  bad = case({}, recall=0.0, precision=0.0, checker=9.0)
  assert names(bad)[0] == verdicts.CHECKERBOARD
  huge = replace(bad, config=replace(bad.config, generator_lr=0.1, critic_lr=0.1))
  found = rules.verdicts_of(huge)
  assert verdicts.DIVERGENCE in [one.name for one in found[:2]]
  good = replace(case(), config=huge.config)
  assert names(good) == [verdicts.HEALTHY], 'such rates made the best images of a run'


@pytest.mark.parametrize(('rate', 'name'), [(0.05, verdicts.DIVERGENCE), (2e-4, verdicts.STRONG)])
def test_players_without_a_gradient_were_thrown_off_where_rates_are_huge(rate, name):
  still = {'generator/gradient': 0.0, 'critic/gradient': 0.0}
  one = case(still, recall=0.0, precision=0.0, grain=2.6)
  one = replace(one, config=replace(one.config, generator_lr=rate, critic_lr=rate))
  first = rules.verdicts_of(one)[0]
  assert first.name == name
  if name == verdicts.DIVERGENCE:
    assert first.remedies[0] == '--generator-lr=0.001 --critic-lr=0.001', 'as usual'


@pytest.mark.parametrize(
  ('variant', 'rate', 'name'),
  [
    ('lsgan', 1e-5, verdicts.SLOW),
    ('lsgan', 1e-3, verdicts.LEARNING),
    ('stylegan2', 1e-5, verdicts.LEARNING),
  ],
)
def test_small_steps_are_slow_where_the_rate_is_low_and_no_penalty_is_lazy(variant, rate, name):
  one = case({'generator/update': 1e-5}, recall=0.0, precision=0.0, contrast=0.3)
  one = replace(one, config=variants.configure(variant, generator_lr=rate))
  assert rules.verdicts_of(one)[0].name == name


def test_dim_samples_near_all_real_images_are_no_collapse():
  """A low recall alone: each real image has a sample nearby, as healthy runs on MNIST have."""
  dim = dict(spread=0.83, recall=0.2, real_recall=0.9, precision=0.9, coverage=0.64)
  assert names(case(GUESSING, **dim)) == [verdicts.HEALTHY]
  assert names(case(**dim | dict(coverage=0.2)))[0] == verdicts.PARTIAL


def with_options(one, variant, **options):
  return replace(one, config=variants.configure(variant, **options))


def test_players_that_no_longer_move_were_thrown_off_though_they_have_gradients():
  stuck = {'generator/update': 5e-6, 'critic/update': 2e-7, 'critic/slope': 5.4}
  bad = case(stuck, recall=0.0, precision=0.0, grain=2.2, coverage=0.0)
  huge = with_options(bad, 'gan', generator_lr=0.02, critic_lr=0.02)
  assert rules.verdicts_of(huge)[0].name == verdicts.DIVERGENCE
  assert rules.verdicts_of(bad)[0].name != verdicts.DIVERGENCE


def test_a_critic_whose_rate_is_a_tenth_of_the_usual_is_weak_whatever_its_logits_say():
  poor = case(RIGHT, recall=0.0, precision=0.4, grain=2.0, coverage=0.03, checker=5.5, spread=0.45)
  slow = with_options(poor, 'wgan_gp', generator_lr=5e-4, critic_lr=5e-5)
  assert names(slow)[0] == verdicts.WEAK and verdicts.STRONG not in names(slow)
  assert rules.verdicts_of(slow)[0].remedies[0] == '--critic-lr=0.0005'
  well = with_options(case(), 'wgan_gp', generator_lr=5e-4, critic_lr=5e-5)
  assert names(well) == [verdicts.HEALTHY], 'good samples need no cure'


@pytest.mark.parametrize(
  ('sizes', 'name', 'log'),
  [
    (dict(generator=23232, critic=67), verdicts.WEAK, {k: 0.9 for k in RIGHT}),
    (dict(generator=396, critic=16641), verdicts.STRONG, {k: 0.9 for k in RIGHT}),
  ],
)
def test_a_network_with_next_to_no_parameters_is_seen(sizes, name, log):
  bad = case(log, recall=0.0, precision=0.0, grain=2.6, coverage=0.0)
  assert name not in names(bad)
  first = rules.verdicts_of(replace(bad, sizes=sizes))[0]
  assert first.name == name and first.remedies == ()
  assert any('parameters' in one.name for one in first.evidence)


def test_a_generator_of_width_one_is_seen_by_its_option():
  bad = case({k: 0.95 for k in RIGHT}, recall=0.0, precision=0.04, grain=1.7, coverage=0.01)
  first = rules.verdicts_of(with_options(bad, 'sngan', generator_width=1))[0]
  assert first.name == verdicts.STRONG and first.remedies == ('--generator-width=32',)
