"""LSGAN's two settings, and runs that began with another."""

import pytest

from jaxgan import main, variants
from jaxgan.recipes.config_json import from_json, to_json
from jaxgan.training import session

BEFORE = dict(critic_norm=True, r1=0.0, generator_lr=2e-4, critic_lr=2e-4, beta1=0.5, beta2=0.999)
"""The laptop's defaults of earlier runs."""


def test_the_published_setting_has_none_of_the_departures():
  paper = variants.configure('lsgan', 'paper')
  rates = dict(generator_lr=1e-3, critic_lr=1e-3)
  assert {name: getattr(paper, name) for name in BEFORE} == {**BEFORE, **rates}


def test_an_earlier_run_keeps_its_options():
  written = to_json(variants.configure('lsgan', **BEFORE))
  read = from_json(variants.module('lsgan').Config, written)
  assert {name: getattr(read, name) for name in BEFORE} == BEFORE


def test_a_run_of_before_labels_were_used_draws_without_classes():
  written = to_json(variants.configure('lsgan'))
  assert written.pop('conditional') is None
  assert from_json(variants.module('lsgan').Config, written).conditional is False


def test_an_earlier_run_is_not_continued_with_other_options(tmp_path):
  """The message says how to continue it with its own."""
  small = dict(data_dir=tmp_path / 'data', width=8, batch_size=8, steps=1)
  config = variants.configure('lsgan', **BEFORE, **small)
  with session.prepared(config, tmp_path / 'run', quiet=True):
    pass
  with (
    pytest.raises(session.Refused, match=f'r1: 0.0 -> 1.0(.|\n)*by --config={tmp_path / "run"}'),
    session.prepared(variants.configure('lsgan', **small), tmp_path / 'run', quiet=True),
  ):
    pass
  own, _, _ = main.parse([f'--config={tmp_path / "run"}', f'--workdir={tmp_path / "run"}'])
  with session.prepared(own, tmp_path / 'run', quiet=True) as resumed:
    assert {name: getattr(resumed.config, name) for name in BEFORE} == BEFORE
