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
  return Case(variants.configure('lsgan'), history, 50 * lines, look and look._replace(**seen))


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
    (verdicts.SLOW, {'generator/update': 1e-5}, dict(recall=0.0, grain=2.6, contrast=0.3)),
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
  ('variant', 'name'), [('lsgan', verdicts.SLOW), ('stylegan2', verdicts.LEARNING)]
)
def test_small_steps_between_lazy_penalties_are_no_low_rates(variant, name):
  one = case({'generator/update': 1e-5}, recall=0.0, precision=0.0, contrast=0.3)
  one = replace(one, config=variants.configure(variant))
  assert rules.verdicts_of(one)[0].name == name
