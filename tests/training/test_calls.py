"""Several steps in one call leave what as many calls of one step leave, to the bit."""

import itertools
import json
import os
import pathlib
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from jaxgan import variants
from jaxgan.ops import convolution
from jaxgan.training import calls, loop
from jaxgan.training.loop import train

AS_USERS_RUN = {'xla_backend_optimization_level': 3}
"""The flags of quick tests make loops in another way: bits are those of the programs of users."""
if 'xla_cpu_use_fusion_emitters' in os.environ.get('XLA_FLAGS', ''):
  AS_USERS_RUN['xla_cpu_use_fusion_emitters'] = True
SMALL = {'gan': {'widths': (8,)}, 'lsgan': {'width': 4}}


class After:
  """A request to stop after so many looks."""

  def __init__(self, looks):
    self.left = looks

  def is_set(self):
    self.left -= 1
    return self.left < 0


@pytest.fixture(autouse=True)
def as_users_run(monkeypatch):
  options = {**(convolution.compiler_options() or {}), **AS_USERS_RUN}
  monkeypatch.setattr(convolution, 'compiler_options', lambda: options)


@pytest.fixture(scope='module')
def images():
  return np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), np.uint8)


@pytest.fixture
def counted(monkeypatch):
  """How many steps each call played."""
  seen, original = [], calls.Calls.next

  def count(self, step, **given):
    seen.append(original(self, step, **given))
    return seen[-1]

  monkeypatch.setattr(calls.Calls, 'next', count)
  return seen


def trained(variant, folder, images, stop=None, **options):
  rhythm = dict(steps=29, log_every=7, sample_every=14, checkpoint_every=13, batch_size=8)
  config = variants.configure(variant, **{**SMALL[variant], **rhythm, 'report': False, **options})
  return train(config, folder, data=images, quiet=True, stop=stop)


def left(folder: pathlib.Path):
  """What a run left: its lines without times, its pictures and its checkpoints."""
  lines = [json.loads(line) for line in (folder / 'metrics.jsonl').read_text().splitlines()]
  for line in lines:
    line.pop('images_per_second', None)
  pictures = {path.name: path.read_bytes() for path in sorted((folder / 'samples').iterdir())}
  return lines, pictures, sorted(path.name for path in folder.glob('checkpoints/*'))


def same(one, other):
  for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
    if jax.dtypes.issubdtype(a.dtype, jax.dtypes.prng_key):
      a, b = jax.random.key_data(a), jax.random.key_data(b)
    assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


@pytest.mark.slow_for('lsgan')
@pytest.mark.parametrize('variant', SMALL)
def test_four_steps_a_call_leave_the_same_bits(variant, tmp_path, images, counted):
  one = trained(variant, tmp_path / 'one', images)
  assert set(counted) == {1}
  counted.clear()
  # A stop between two calls, at a step where nothing is due, and a continuation from there.
  stopped = trained(variant, tmp_path / 'four', images, After(4), steps_per_call=4)
  assert stopped.step == sum(counted) == 11  # 4, three alone up to a log, 4
  four = trained(variant, tmp_path / 'four', images, steps_per_call=4)
  assert counted.count(4) >= 3 and sum(counted) == 29
  same(one.state, four.state)
  (tmp_path / 'four' / 'samples' / '000011.png').unlink()  # of the stop
  assert left(tmp_path / 'one') == left(tmp_path / 'four')


@pytest.mark.slow
def test_a_run_that_diverges_goes_back_at_the_same_step(tmp_path, images, counted):
  options = dict(critic_lr=1e38, generator_lr=1e38, steps=200, log_every=50, sample_every=100)
  said = []
  for count in (1, 8):
    with pytest.raises(loop.Diverged) as error:
      trained('gan', tmp_path / f'{count}', images, steps_per_call=count, **options)
    said.append(str(error.value).replace(f'{tmp_path}/{count}', ''))
  assert 8 in counted
  assert said[0] == said[1]
  assert left(tmp_path / '1') == left(tmp_path / '8')


def test_short_steps_are_joined_where_the_device_waits(tmp_path, images, counted, monkeypatch):
  """On a GPU; here the clock says that each step takes a millisecond."""
  clock = itertools.count(step=1e-3)
  monkeypatch.setattr(calls, '_waits_for_its_host', lambda session: True)
  monkeypatch.setattr(calls, 'time', SimpleNamespace(perf_counter=lambda: next(clock)))
  monkeypatch.setattr(calls, 'WORTH', 0.0)
  monkeypatch.setattr(calls, 'SAMPLES', 8)
  begin = calls.Calls._begin

  def at_once(self):
    begin(self)
    self._session.steps.of(self._stage, self._coming)._program.result()

  monkeypatch.setattr(calls.Calls, '_begin', at_once)
  trained('gan', tmp_path / 'run', images, log_every=15, sample_every=30, checkpoint_every=30)
  assert set(counted[:8]) == {1} and counted.count(4) >= 3
