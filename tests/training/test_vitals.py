"""Signals and warnings in a run: at their steps, with no effect, and the same after a resume."""

import json
from unittest import mock

import chex
import numpy as np
import pytest

from by_path import leaves
from jaxgan.training.loop import train
from jaxgan.training.vitals import Vitals
from small_runs import config_of

LONG = dict(steps=200, log_every=25, sample_every=200, checkpoint_every=75, generator_lr=1e-9)
"""The generator stands still."""


def lines_of(folder):
  lines = (folder / 'metrics.jsonl').read_text().splitlines()
  return [{**json.loads(line), 'images_per_second': 0} for line in lines]


@pytest.fixture(scope='module')
def watched(data_dir, tmp_path_factory):
  folder = tmp_path_factory.mktemp('watched')
  return folder, train(config_of(data_dir, **LONG), folder, quiet=True)


def test_signals_come_every_fifty_steps_at_least(watched):
  lines = [line for line in lines_of(watched[0]) if 'warning' not in line]
  assert [line['step'] for line in lines] == list(range(25, 201, 25))
  assert [line['step'] for line in lines if 'critic/gap' in line] == [50, 100, 150, 200]
  shown = lines[1]
  assert all(np.isfinite(value) for value in shown.values())
  assert {'critic/held_out', 'critic/overfit', 'generator/gradient', 'critic/update'} <= set(shown)
  assert 'critic/logit' not in shown
  assert shown['generator/update'] < 1e-6 < shown['critic/update']


def test_a_failure_is_warned_of_once(watched):
  found = [line for line in lines_of(watched[0]) if 'warning' in line]
  assert [(line['step'], line['warning']) for line in found] == [(50, 'rates too low')]
  assert 'generator/update' in found[0]['evidence'] and found[0]['remedy'].startswith('--')
  assert 'warning' not in watched[1].history and len(watched[1].history['step']) == 9


def test_a_run_that_continues_logs_the_same(watched, data_dir, tmp_path):
  """It stops between two lines with signals, one of which is the second that shows a failure."""
  stop = 125
  train(config_of(data_dir, **{**LONG, 'steps': stop}), tmp_path, quiet=True)
  parts = train(config_of(data_dir, **LONG), tmp_path, quiet=True)
  chex.assert_trees_all_equal(leaves(parts.state), leaves(watched[1].state))
  ends = lambda line: line['step'] == stop  # the first part ends there, with a line of its own
  assert [x for x in lines_of(tmp_path) if not ends(x)] == [
    x for x in lines_of(watched[0]) if not ends(x)
  ]


def test_signals_and_warnings_change_nothing(watched, data_dir, tmp_path, capsys):
  with mock.patch.object(Vitals, 'before', lambda self, step: None):
    plain = train(config_of(data_dir, **LONG, warnings=False), tmp_path)
  chex.assert_trees_all_equal(leaves(plain.state), leaves(watched[1].state))
  assert 'warning:' not in capsys.readouterr().out
  assert not any('warning' in line for line in lines_of(tmp_path))
