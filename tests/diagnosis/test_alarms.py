"""Warnings: one when a failure begins, none until it has ended, the same after a resume."""

import math

import pytest

from jaxgan import variants
from jaxgan.diagnosis import verdicts
from jaxgan.diagnosis.alarms import Alarms, event, sentence

WELL = {
  'critic/loss': 1.0,
  'generator/loss': 1.0,
  'critic/update': 1e-3,
  'generator/update': 1e-3,
  'critic/accuracy_real': 0.8,
  'critic/accuracy_fake': 0.8,
  'critic/saturated': 0.1,
  'critic/overfit': 0.1,
  'critic/gap': 1.0,
  'critic/slope': 0.5,
  'samples/diversity': 0.9,
  'samples/extreme': 0.0,
  'skipped': 0.0,
}
ILL = {
  verdicts.FULL: {'samples/diversity': 0.1},
  verdicts.PENALTY: {'critic/slope': 90.0},
  verdicts.STRONG: {
    'critic/accuracy_real': 1.0,
    'critic/accuracy_fake': 1.0,
    'critic/saturated': 1.0,
  },
  verdicts.OVERFIT: {'critic/overfit': 0.9},
  verdicts.DEAD: {'samples/extreme': 0.9},
}


def alarms(variant='lsgan', **options):
  return Alarms(variants.configure(variant, steps=1000, **options))


def heard(watch, lines, start=0):
  return [
    (start + 50 * i, one.name)
    for i, line in enumerate(lines, 1)
    for one in watch.consider({'step': start + 50 * i, **WELL, **line})
  ]


@pytest.mark.parametrize('name', ILL)
def test_a_failure_is_named_once_and_again_when_it_returns(name):
  lines = [{}] * 4 + [ILL[name]] * 8 + [{}] * 4 + [ILL[name]] * 4
  assert heard(alarms(), lines) == [(350, name), (950, name)]  # three lines after 200 and after 800


AT_ONCE = {
  verdicts.MEMORIZED: {'samples/diversity': 1e6},
  verdicts.WEAK: {'critic/update': 1e-5},
  verdicts.OSCILLATION: {'critic/update': 0.3},
  verdicts.DEAD: {'samples/diversity': 30.0},
}
"""Signs that are beyond doubt."""


@pytest.mark.parametrize('name', AT_ONCE)
def test_what_is_beyond_doubt_is_named_at_the_first_line(name):
  assert heard(alarms(), [AT_ONCE[name]] * 3)[0] == (50, name)


def test_small_updates_are_named_at_once_where_the_rate_is_low():
  """Where it is the usual one, they are small beside large parameters, as those of StyleGAN are."""
  small = [{'generator/update': 1e-5}] * 3
  assert heard(alarms(generator_lr=1e-5), small)[0] == (50, verdicts.SLOW)
  assert heard(alarms(), small) == []


def test_a_critic_that_is_wrong_while_samples_get_better_is_not_too_weak():
  """An autoencoder restores the first fakes better than real images, and teaches all the same."""
  wrong = {'critic/accuracy_real': 0.2, 'critic/accuracy_fake': 0.1, 'samples/diversity': 0.5}
  better = [{**wrong, 'samples/distance': 0.6**i} for i in range(8)]
  assert heard(alarms(), better) == []
  stays = [{**wrong, 'samples/distance': 1.0} for _ in range(8)]
  assert (150, verdicts.WEAK) in heard(alarms(), stays)


def test_samples_of_a_new_size_are_like_noise_and_that_is_no_weak_critic():
  noise = {'critic/accuracy_real': 0.5, 'critic/accuracy_fake': 0.5, 'samples/diversity': 1.3}
  lines = [{**noise, 'samples/distance': 0.5} for _ in range(8)]
  assert verdicts.WEAK in [name for _, name in heard(alarms(), lines)]
  assert heard(alarms('progan'), lines) == []


def test_large_updates_of_clipped_weights_are_no_oscillation():
  large = [{'generator/update': 0.08, 'critic/update': 0.08}] * 6
  assert heard(alarms(), large)[0] == (150, verdicts.OSCILLATION)
  assert heard(alarms('wgan'), large) == []


def test_samples_without_any_diversity_are_named_sooner_than_alike_ones():
  assert heard(alarms(), [{'samples/diversity': 0.05}] * 4) == [(150, verdicts.FULL)]


def test_what_another_failure_explains_is_not_named_besides():
  slow = {'generator/update': 1e-5, 'critic/update': 1e-5, 'samples/diversity': 0.1}
  assert heard(alarms(generator_lr=1e-5), [slow] * 9) == [(50, verdicts.SLOW)]


def test_a_penalty_makes_a_moderate_slope_a_failure():
  steep = {'critic/slope': 2.0}
  limited = Alarms(variants.configure('wgan_gp', steps=1000))
  assert heard(alarms(), [steep] * 4) == []
  assert heard(limited, [steep] * 2) == [(50, verdicts.PENALTY)]


def test_a_gap_of_nothing_is_no_overfitting():
  """Where the critic guesses, the place of held-out images beside generated ones is noise."""
  assert heard(alarms(), [{**ILL[verdicts.OVERFIT], 'critic/accuracy_real': 0.5}] * 6) == []


def test_a_short_dip_is_no_failure():
  assert heard(alarms(), [{}] * 4 + [ILL[verdicts.FULL]] * 2 + [{}] * 6) == []


def test_early_samples_are_alike_and_that_is_no_collapse():
  assert heard(alarms(), [{'samples/diversity': 0.1}] * 2 + [{}] * 4) == []
  assert heard(alarms(), [{'samples/diversity': 0.1}] * 6) == [(250, verdicts.FULL)]


def test_a_loss_that_is_not_finite_is_named_at_once():
  assert heard(alarms(), [{}, {'critic/loss': math.nan}]) == [(100, verdicts.DIVERGENCE)]


def test_lines_read_again_give_the_same_warnings():
  lines = [{}] * 4 + [ILL[verdicts.PENALTY]] * 8
  whole, parts = alarms(), alarms()
  heard(whole, lines[:6])
  heard(parts, [{}] * 3)
  parts.reset()
  heard(parts, lines[:6])
  rest = heard(whole, lines[6:], 300)
  assert rest == heard(parts, lines[6:], 300) == [(350, verdicts.PENALTY)]


def test_events_and_other_lines_are_passed_over():
  assert alarms().consider({'step': 100.0, 'images': 3.0}) == []


def test_what_a_warning_says():
  watch = alarms()
  found = [
    one
    for i in range(1, 9)
    for one in watch.consider({'step': 50 * i, **WELL, **ILL[verdicts.FULL]})
  ]
  assert event(found[0])['warning'] == verdicts.FULL
  assert event(found[0])['remedy'] == found[0].remedies[0]
  assert sentence(found[0]).startswith(
    'warning: full mode collapse: the samples are nearly all the'
  )
  assert '\n' not in sentence(found[0]) and '--generator-lr' in sentence(found[0])


def far(distances, **line):
  return heard(alarms(), [{'samples/distance': x, **line} for x in distances])


def test_samples_that_will_still_be_far_away_at_the_end_are_bad():
  """Halved every 100 steps of 1000, a distance of 1 is about 0 in the end; at 0.95 it is not."""
  guesses = {'critic/accuracy_real': 0.5, 'critic/accuracy_fake': 0.5}
  right = {'critic/accuracy_real': 0.9, 'critic/accuracy_fake': 0.9}
  falls, stays = ([share ** (i / 2) for i in range(20)] for share in (0.5, 0.95))
  assert far(falls, **guesses) == far(falls, **right) == far(stays) == []
  assert far(stays, **guesses) == [(300, verdicts.WEAK)]  # a pace takes four lines
  assert far(stays, **right) == [(300, verdicts.STRONG)]


def test_a_critic_that_learns_to_tell_samples_as_near_as_can_be_overfits():
  lines = [{'critic/accuracy_fake': x, 'critic/accuracy_real': x} for x in [0.6] * 4 + [1.0] * 8]
  near = [{**line, 'samples/distance': 0.0} for line in lines]
  assert heard(alarms(), near) == [(350, verdicts.OVERFIT)]
  assert heard(alarms(), near[4:]) == []  # it was right from the beginning


def test_no_rate_helps_where_the_gradient_is_0():
  lost = {'generator/update': 0.0, 'generator/gradient': 0.0}
  assert heard(alarms(), [lost] * 4) == [(100, verdicts.STRONG)]


def test_small_steps_between_lazy_penalties_are_no_failure():
  small = {'generator/update': 1e-5, 'critic/update': 1e-5}
  watch = Alarms(variants.configure('stylegan2', steps=1000))
  assert heard(watch, [small] * 6) == heard(watch, [{**small, 'generator/update': 1e-2}] * 3) == []
