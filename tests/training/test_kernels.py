"""Which kernels a run uses: what --native says, what the machine has, and what it began with."""

import json
import os
import subprocess
import sys

import chex
import jax
import jax.numpy as jnp
import pytest

from jaxgan import variants
from jaxgan.core.typing import Spec
from jaxgan.main import main
from jaxgan.ops import native, native_library
from jaxgan.ops.native_library import CASES, Unavailable
from jaxgan.parallel import devices
from jaxgan.recipes import stages
from jaxgan.training import kernels as kernels_of
from jaxgan.training.run import load
from jaxgan.training.steps import Steps

ONE = devices.mesh(2, jax.devices()[:1])


def steps(mesh=ONE):
  config = variants.configure('lsgan', width=16, batch_size=2, image_size=8)
  return Steps(variants.build(config, Spec(8, 1, 0)), mesh)


@pytest.fixture
def machine(monkeypatch):
  """A machine with kernels that are faster for `tconv` alone."""
  gains = {**dict.fromkeys(CASES, 0.8), 'tconv': 1.3}
  monkeypatch.setattr(native_library, 'load', lambda folder: 'any')
  monkeypatch.setattr(native_library, 'gains', lambda target, folder: gains)
  return gains


@pytest.fixture
def bare(monkeypatch):
  """A machine without a compiler."""

  def load(folder):
    raise Unavailable('there is no compiler')

  monkeypatch.setattr(native_library, 'load', load)


def chosen(wanted, before=None, mesh=ONE):
  """The classes that have kernels, what is kept of the choice, and what is said."""
  made = steps(mesh)
  (said,) = kernels_of.choose(made, wanted, before) or ['']
  return made.kernels and made.kernels.classes, kernels_of.record(made, wanted), said


def test_without_the_option_nothing_is_loaded_or_kept(bare):
  assert chosen('off') == (None, {}, '')


def test_auto_takes_what_is_faster_and_keeps_it(machine):
  classes, kept, said = chosen('auto')
  assert classes == ('tconv',) and kept == {'kernels': ['tconv']}
  assert said == 'native convolutions where they are faster here (times as fast): tconv 1.3'
  machine |= {'conv': 2.0, 'tconv': 0.5}  # timed again, as after the cache was emptied
  classes, kept, said = chosen('auto', kept['kernels'])
  assert classes == ('tconv',) and kept == {'kernels': ['tconv']}
  assert said == 'native convolutions, as this run began: tconv'


def test_a_run_that_began_in_plain_jax_stays_there(machine):
  classes, kept, said = chosen('auto', [])
  assert (classes, kept) == (None, {'kernels': []}) and said.endswith('as this run began')


def test_auto_where_nothing_is_faster(machine):
  machine |= {'tconv': 1.0}
  assert chosen('auto') == (
    *(None, {'kernels': []}),
    'convolutions in plain JAX: native ones are not faster here',
  )


def test_on_takes_all(machine):
  classes, kept, said = chosen('on')
  assert classes == tuple(CASES) and kept == {'kernels': list(CASES)} and 'wherever' in said


@pytest.mark.parametrize(
  'before, end', [(None, 'no compiler'), (['conv'], 'so its numbers change by rounding')]
)
def test_auto_says_why_there_are_none(bare, before, end):
  classes, kept, said = chosen('auto', before)
  assert classes is None and kept == {'kernels': []}
  assert said.startswith('convolutions in plain JAX: there is no compiler') and said.endswith(end)


def test_on_is_refused_where_there_are_none(bare):
  with pytest.raises(ValueError, match='^--native=on: there is no compiler .*--native=auto'):
    chosen('on')


def test_a_batch_that_is_split_is_plain(machine):
  several = devices.mesh(2, jax.devices()[:2])
  assert chosen('auto', mesh=several)[0] is None
  with pytest.raises(ValueError, match='for one device, and this run has 2'):
    chosen('on', mesh=several)


def test_the_command_refuses_in_one_line(bare, tmp_path, capsys):
  base = ['--variant=gan', '--batch-size=8', f'--workdir={tmp_path}/run']
  assert main([*base, '--native=on']) == 2
  (line,) = capsys.readouterr().err.splitlines()
  assert '--native=on: native ones are for one device, and this run has 8' in line
  assert not (tmp_path / 'run' / 'config.json').exists()
  with pytest.raises(ValueError, match='--native=on computes in float32 and has no effect'):
    variants.configure('lsgan', native='on', precision='bfloat16')


def test_the_training_step_has_them_and_samples_have_not(kernels):
  made = steps()
  stage, placed = made.recipe.stages[0], devices.replicated(ONE)
  state = stages.shapes_of(stage, placed)
  batch = {'image': jnp.zeros((stage.game.microbatches, 2, 8, 8, 1), jnp.uint8)}
  text = lambda chosen, mesh: str(
    devices.compile_step(stage.game, mesh, 1, chosen).lower(state, batch).as_text()
  )
  assert kernels.target in text(kernels, ONE)
  assert kernels.target not in text(None, ONE)
  assert native.used() is None


@pytest.mark.slow
def test_a_run_goes_on_to_the_bit(kernels, tmp_path):
  """Also if the figures of the calibration are lost meanwhile."""
  command = [sys.executable, '-m', 'jaxgan.main', '--variant=lsgan', '--width=16', '--native=auto']
  command += ['--batch-size=16', '--report=False', '--sample-every=100', '--log-every=2']
  env = {**os.environ, 'XDG_CACHE_HOME': str(tmp_path / 'cache'), 'XLA_FLAGS': ''}

  def play(name, length):
    more = [f'--steps={length}', f'--workdir={tmp_path / name}']
    done = subprocess.run([*command, *more], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr

  assert 'native convolutions where' in play('whole', 6)
  play('parts', 4)
  for path in (tmp_path / 'cache/jaxgan/native').glob('*.json'):
    path.write_text(json.dumps(dict.fromkeys(CASES, 0.5)))
  assert 'as this run began' in play('parts', 6)
  whole, parts = (load(tmp_path / name).state for name in ('whole', 'parts'))
  assert int(whole.step) == 6
  chex.assert_trees_all_equal(whole, parts)
