"""Curves keep their peaks when they are thinned, and share charts by what they are."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxgan.reports import curves

VALUES = st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1, max_size=400)


@settings(max_examples=60, deadline=None)
@given(VALUES, st.integers(10, 60))
def test_thinning_keeps_ends_and_extremes(values, points):
  steps, kept = curves.thinned(range(len(values)), values, points)
  assert steps[0] == 0 and steps[-1] == len(values) - 1 and steps == sorted(set(steps))
  assert len(steps) <= 1.5 * points + 4
  known = [x for x in values if x is not None]
  for extreme in (min, max):
    if known:
      assert math.isclose(extreme(x for x in kept if x is not None), extreme(known), rel_tol=1e-4)
  assert (None in kept) == (None in values) or len(values) <= points


def test_a_short_curve_is_kept_whole():
  assert curves.thinned([1, 2, 3], [0.5, None, 1.0]) == ([1, 2, 3], [0.5, None, 1.0])


def test_what_is_no_number_is_no_curve():
  lines = [
    {'step': 1, 'images': 8, 'a/loss': 1.0, 'warning': 'text', 'on': True, 'skipped': 0.0},
    {'step': 2, 'images': 16, 'a/loss': None, 'b': math.inf, 'rolled_back_from': 4},
  ]
  found = {one.name: one for one in curves.curves(lines)}
  assert set(found) == {'a/loss', 'b'}
  assert found['a/loss'] == ('a/loss', [1, 2], [1.0, None]) and found['b'].values == [None]


def test_skipped_steps_are_drawn_only_if_there_are_any():
  lines = [{'step': i, 'skipped': float(i == 3)} for i in range(5)]
  assert [one.name for one in curves.curves(lines)] == ['skipped']
  assert not curves.curves(lines[:3])


def test_charts_join_players_and_logits():
  names = ['images_per_second', 'critic/real_a', 'path/loss', 'critic/fake_a', 'critic/loss']
  assert curves.charts([*names, 'evaluation/frechet', 'critic/gradient_norm']) == [
    ('loss', ['path/loss', 'critic/loss']),
    ('score', ['evaluation/frechet']),
    ('real and fake', ['critic/real_a', 'critic/fake_a']),
    ('gradient norm', ['critic/gradient_norm']),
    ('speed', ['images_per_second']),
  ]


def test_a_long_run_is_small():
  lines = [{'step': i, 'a/loss': float(x)} for i, x in enumerate(np.sin(np.arange(20_000)))]
  (one,) = curves.curves(lines)
  assert len(one.steps) <= curves.POINTS + 4
