"""GANs of the plane: many seeds at once are each as if alone, and carried on they end the same."""

import contextlib
import dataclasses
import json
import shutil
import signal

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from by_path import leaves
from jaxgan.apps import plane
from jaxgan.data import mixtures
from jaxgan.evaluation.metrics import intervals, modes
from jaxgan.training.signals import Stopped

SMALL = dict(seeds=2, steps=4, batch_size=8, widths=(8,), report_every=2)


@pytest.fixture(autouse=True)
def few_points(monkeypatch):
  monkeypatch.setattr(mixtures, 'COUNTS', {'train': 300, 'test': 100})


def options(tmp_path, **changed):
  return plane.Options(workdir=tmp_path / 'run', data_dir=tmp_path / 'data', **{**SMALL, **changed})


def played(chosen):
  game = plane.build(chosen)
  points = jnp.asarray(mixtures.draw(chosen.dataset, 'train')[0])
  return plane.program(chosen, game)(plane.init(chosen, game), points, chosen.steps)


@pytest.mark.parametrize('variant', plane.VARIANTS)
def test_seeds_together_are_seeds_alone(variant, tmp_path):
  chosen = options(tmp_path, variant=variant, n_critic=2)
  together = played(chosen)
  alone = played(dataclasses.replace(chosen, seeds=1, seed=1))
  second = leaves(jax.tree.map(lambda x: x[1:], together))
  chex.assert_trees_all_close(second, leaves(alone), rtol=2e-4, atol=1e-6)
  kernels = [x for x in jax.tree.leaves(together.params) if x.ndim > 2]
  assert kernels and all((x[0] != x[1]).any() for x in kernels)


def test_the_command_carries_a_run_on(tmp_path, capsys):
  argv = lambda name: [
    *(f'--workdir={tmp_path / name}', f'--data-dir={tmp_path / "data"}', '--seeds=2'),
    *('--steps=4', '--batch-size=8', '--report-every=2', '--widths', '8'),
  ]
  assert plane.main(argv('whole')) == 0
  assert 'of 2 seeds' in capsys.readouterr().out

  class Killed(Exception):
    pass

  save, saved = plane.Checkpoints.save, []

  def killed(self, step, state, wait):
    save(self, step, state, wait=True)
    saved.append(step)
    raise Killed

  with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
    patch.setattr(plane.Checkpoints, 'save', killed)
    plane.main(argv('halves'))
  assert saved == [2]
  assert plane.main(argv('halves')) == 0
  whole, halves = (
    json.loads((tmp_path / x / 'modes.json').read_text()) for x in ('whole', 'halves')
  )
  assert whole == halves and whole['step'] == 4 and len(whole['seeds']) == 2
  assert (tmp_path / 'halves/samples.png').stat().st_size > 1000
  lines = (tmp_path / 'halves/metrics.jsonl').read_text().splitlines()
  assert [json.loads(line)['step'] for line in lines] == [2, 4]
  capsys.readouterr()
  assert plane.main([*argv('halves'), '--lr=0.1']) == 2
  assert 'lr: 0.001 -> 0.1' in capsys.readouterr().err


def test_a_signal_saves_and_draws(tmp_path, monkeypatch):
  """Where it was stopped it goes on, but not with the checkpoints of another run."""
  chosen = options(tmp_path)

  @contextlib.contextmanager
  def heard():
    yield lambda: signal.SIGTERM

  with monkeypatch.context() as patch, pytest.raises(Stopped, match='at step 2, which is saved'):
    patch.setattr(plane, 'heard', heard)
    plane.train(chosen)
  assert json.loads((tmp_path / 'run/modes.json').read_text())['step'] == 2
  shutil.copytree(tmp_path / 'run/checkpoints', tmp_path / 'other/checkpoints')
  with pytest.raises(ValueError, match='a checkpoint of another run, of step 2'):
    plane.train(dataclasses.replace(chosen, workdir=tmp_path / 'other'))
  plane.train(chosen)
  assert json.loads((tmp_path / 'run/modes.json').read_text())['step'] == 4


def test_wrong_options_are_refused(tmp_path, capsys):
  assert plane.main([f'--workdir={tmp_path}', '--seeds=0']) == 2
  assert '--seeds must be above 0' in capsys.readouterr().err
  assert plane.main([f'--workdir={tmp_path}', '--penalty=1']) == 2
  assert '--variant=gan has no gradient penalty' in capsys.readouterr().err
  assert plane.main([f'--workdir={tmp_path}', '--variant=r3gan', '--penalty=-1']) == 2
  assert '--penalty must be 0 or above, it is -1' in capsys.readouterr().err


@pytest.mark.slow
def test_relativistic_pairs_find_the_ring(tmp_path):
  """A sixth of the default's length already has every mode, evenly."""
  chosen = options(
    tmp_path, variant='r3gan', seeds=2, steps=3000, batch_size=256, widths=(128,) * 3
  )
  points = jnp.asarray(mixtures.draw('ring8', 'train')[0])
  game = plane.build(chosen)
  states = plane.program(chosen, game)(plane.init(chosen, game), points, chosen.steps)
  means, std = mixtures.ring()
  mixture = mixtures.Mixture(points, None, means, std, '')
  for found in plane.count(mixture, plane.draw(chosen, game, states)):
    assert found.found == 8 and found.reverse_kl < 0.1 and found.high_quality > 0.5
  assert np.isfinite(plane.draw(chosen, game, states)).all()


def test_the_share_of_high_quality_has_an_interval_in_0_to_1():
  of = lambda *shares: plane.summary([modes.Modes(1, x, 0.0, 1.0) for x in shares])['high_quality']
  assert of(0.0, 0.0) == intervals.wilson(0, 5000)
  found = of(1.0, 0.5)
  assert 0 <= found.low < found.value < found.high == 1


@pytest.mark.parametrize(
  ('options', 'words'),
  [
    (['--seed=-1'], '--seed must lie from 0 to 4294967294'),
    (['--seed=4294967294', '--seeds=2'], 'the last seed, --seed + --seeds - 1, must lie'),
    (['--widths', '4', '0'], '--widths must be above 0'),
  ],
)
def test_impossible_seeds_and_widths_are_refused(options, words, tmp_path, capsys):
  assert plane.main([f'--workdir={tmp_path / "run"}', *options]) == 2
  assert words in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_large_seeds_are_not_small_ones(tmp_path):
  """JAX counts with signed numbers of 32 bits."""
  keys = lambda **given: jax.random.key_data(_begun(options(tmp_path, **given)).key)
  large, small = keys(seeds=1, seed=2**32 - 2), keys(seeds=2, seed=5)
  alone = keys(seeds=1, seed=5)
  np.testing.assert_array_equal(small[:1], alone)
  assert not (large == alone).all() and not (large == keys(seeds=1, seed=2**31)).all()


def _begun(chosen):
  return plane.init(chosen, plane.build(chosen))
