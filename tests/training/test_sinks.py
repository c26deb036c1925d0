"""Sinks get every step once, and neither stop nor delay a training."""

import json
import math
import os
import subprocess
import sys
import threading
import time
import types

import chex
import numpy as np
import pytest
from PIL import Image

from by_path import leaves
from jaxgan.training import sinks
from jaxgan.training.loop import train
from small_runs import config_of


class Memory:
  """A sink that remembers."""

  def __init__(self):
    self.lines, self.pictures, self.rewinds, self.closed = [], [], [], 0

  def line(self, step, values):
    self.lines.append((step, values))

  def picture(self, step, path):
    self.pictures.append((step, path.name))

  def rewind(self, step):
    self.rewinds.append(step)

  def close(self):
    self.closed += 1


def opened(tmp_path, said=None, **openers):
  say = print if said is None else said.append
  return sinks.Sinks(tmp_path, tuple(openers), 0, {'a': 1}, say, openers)


def test_all_sinks_get_all_lines_in_order(tmp_path):
  one, two = Memory(), Memory()
  found = opened(tmp_path, one=lambda *_: one, two=lambda *_: two)
  for step in range(100):
    found.line({'step': step, 'loss': step / 2, 'bad': math.nan, 'worse': math.inf})
  found.picture(5, tmp_path / '5.png')
  found.rewind(3)
  found.close()
  for sink in (one, two):
    assert sink.lines == [(step, {'loss': step / 2}) for step in range(100)]
    assert (sink.pictures, sink.rewinds, sink.closed) == ([(5, '5.png')], [3], 1)


def test_without_sinks_nothing_happens(tmp_path):
  found = sinks.Sinks(tmp_path)
  found.line({'step': 1, 'loss': 1.0})
  found.close()
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('where', ['begin', 'line', 'picture', 'close'])
def test_a_failure_is_said_once_and_ends_only_its_sink(tmp_path, where):
  class Broken(Memory):
    pass

  def fail(*_):
    raise RuntimeError('no route to host\nwith details')

  if where != 'begin':
    setattr(Broken, where, fail)
  said, healthy = [], Memory()
  broken = fail if where == 'begin' else lambda *_: Broken()
  found = opened(tmp_path, said, wandb=broken, other=lambda *_: healthy)
  for step in range(50):
    found.line({'step': step, 'loss': 1.0})
    found.picture(step, tmp_path / 'x.png')
  found.close()
  assert said == ['--log=wandb failed, the training goes on without it: no route to host']
  assert len(healthy.lines) == len(healthy.pictures) == 50 and healthy.closed == 1


def test_a_slow_sink_delays_nothing(tmp_path, monkeypatch):
  monkeypatch.setattr(sinks, 'WAITING', 10)
  monkeypatch.setattr(sinks, 'PATIENCE', 0.1)
  release, said = threading.Event(), []
  found = opened(tmp_path, said, slow=lambda *_: release.wait(30) and Memory())
  start = time.monotonic()
  for step in range(1000):
    found.line({'step': step, 'loss': 1.0})
  found.close()
  assert time.monotonic() - start < 5
  release.set()
  assert len(said) == 1 and 'too slow' in said[0]


@pytest.mark.parametrize(
  ('log', 'names'),
  [('', ()), ('wandb', ('wandb',)), ('trackio, wandb,trackio,', ('trackio', 'wandb'))],
)
def test_names_are_read(log, names):
  assert sinks.names(log) == names


def test_a_missing_package_is_named(monkeypatch):
  monkeypatch.setattr(sinks.importlib.util, 'find_spec', lambda name: None)
  with pytest.raises(ValueError, match=r"needs tensorboardX: pip install 'jaxgan\[tensorboard\]'"):
    sinks.check('tensorboard')


def test_an_unknown_name_is_refused(tmp_path):
  with pytest.raises(ValueError, match='--log=mlflow is none of tensorboard, wandb, trackio'):
    config_of(tmp_path, log='wandb,mlflow')


# --- the libraries


class Library(types.ModuleType):
  """A stand-in for wandb or trackio, which remembers."""

  def __init__(self, name):
    super().__init__(name)
    self.begun, self.rows, self.ends = [], [], 0
    self.Settings = lambda **_: None

  def init(self, **given):
    self.begun.append(given)

  def log(self, values, step):
    self.rows.append((step, values))

  def Image(self, path, caption):
    return caption

  def finish(self):
    self.ends += 1


@pytest.mark.parametrize('name', ['wandb', 'trackio'])
def test_a_resumed_run_sends_no_step_twice(tmp_path, monkeypatch, name):
  library = Library(name)
  monkeypatch.setitem(sys.modules, name, library)
  monkeypatch.setenv('WANDB_MODE', 'offline')
  folder = tmp_path / 'run'
  for start, steps in ((0, range(1, 8)), (4, range(5, 12))):
    found = sinks.Sinks(folder, (name,), start, {'lr': 0.1})
    for step in steps:
      found.line({'step': step, 'loss': float(step)})
      if step % 2 == 0:
        found.picture(step, tmp_path / 'x.png')
    found.close()
  numbers = [step for step, values in library.rows if 'loss' in values]
  assert numbers == list(range(1, 12))
  shots = [values['samples_step'] for _, values in library.rows if 'samples' in values]
  assert shots == [2, 4, 6, 8, 10] and library.ends == 2
  first, second = library.begun
  same = 'id' if name == 'wandb' else 'name'
  assert first[same] == second[same] and first['config'] == {'lr': 0.1}
  assert first['resume'] == 'allow'


def test_other_folders_are_other_runs(tmp_path):
  one, two = sinks.Sent(tmp_path / 'a.json'), sinks.Sent(tmp_path / 'b.json')
  assert one.id != two.id and one.new(3) and not one.new(3) and two.new(3)
  assert sinks.Sent(tmp_path / 'a.json').id == one.id
  (tmp_path / 'a.json').write_text('{"id": ')
  assert sinks.Sent(tmp_path / 'a.json').new(0)


EVENTS = """
import json, sys, warnings
warnings.simplefilter('ignore')
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
found = EventAccumulator(sys.argv[1], {'scalars': 0, 'images': 0}).Reload()
scalars = {tag: [(e.step, e.value) for e in found.Scalars(tag)] for tag in found.Tags()['scalars']}
images = {tag: [e.step for e in found.Images(tag)] for tag in found.Tags()['images']}
print(json.dumps([scalars, images]))
"""


def read_events(folder):
  """What TensorBoard itself reads, in a process of its own."""
  code = [sys.executable, '-c', EVENTS, str(folder / 'log' / 'tensorboard')]
  return json.loads(subprocess.run(code, capture_output=True, text=True, check=True).stdout)


def test_tensorboard_shows_every_step_once_after_a_crash(tmp_path):
  pytest.importorskip('tensorboardX', reason='needs tensorboardX')
  pytest.importorskip('tensorboard', reason='needs tensorboard')
  Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / 'x.png')
  for start, value in ((0, 1.0), (4, 2.0)):  # saved at step 4, crashed after step 7
    found = sinks.Sinks(tmp_path, ('tensorboard',), start, {'lr': 0.1})
    for step in range(start + 1, start + 8):
      found.line({'step': step, 'critic/loss': value})
      found.picture(step, tmp_path / 'x.png')
    if start:
      found.rewind(9)
      found.line({'step': 10, 'critic/loss': 3.0})
    found.close()
  scalars, images = read_events(tmp_path)
  values = {step: value for step, value in scalars['critic/loss']}
  assert [step for step, _ in scalars['critic/loss']] == list(range(1, 11))
  assert values == {**dict.fromkeys(range(1, 5), 1.0), **dict.fromkeys(range(5, 10), 2.0), 10: 3.0}
  assert images['samples'] == list(range(1, 10))


OFFLINE = """
import pathlib, sys
from jaxgan.training import sinks
folder, said = pathlib.Path(sys.argv[1]), []
found = sinks.Sinks(folder, ('wandb',), 0, {'lr': 0.1}, said.append)
for step in (1, 2, 2):
  found.line({'step': step, 'loss': 1.0})
found.close()
print(said)
"""


@pytest.mark.slow
@pytest.mark.parametrize('mode', ['offline', 'online'])
def test_wandb_itself(tmp_path, mode):
  """Offline it writes a file; without a key it is left aside, in a line."""
  pytest.importorskip('wandb', reason='needs wandb')
  environment = {**os.environ, 'WANDB_MODE': mode, 'HOME': str(tmp_path), 'NETRC': str(tmp_path)}
  code = [sys.executable, '-c', OFFLINE, str(tmp_path / 'run')]
  done = subprocess.run(code, capture_output=True, text=True, env=environment, timeout=120)
  assert done.returncode == 0, done.stderr
  files = list((tmp_path / 'run' / 'log').rglob('*.wandb'))
  if mode == 'offline':
    assert done.stdout.strip() == '[]' and len(files) == 1
  else:
    assert 'the training goes on without it' in done.stdout and not files


# --- a training


def test_a_run_sends_what_it_logs_also_where_it_continues(data_dir, tmp_path, monkeypatch):
  monkeypatch.setattr(sinks, 'check', lambda log: None)
  sent, ends = {}, {}
  for name, lengths in (('whole', (8,)), ('parts', (4, 8))):
    library = Library('trackio')
    monkeypatch.setitem(sys.modules, 'trackio', library)
    for steps in lengths:
      config = config_of(data_dir, log='trackio', steps=steps, report=False)
      ends[name] = leaves(train(config, tmp_path / name, quiet=True).state)
    sent[name] = [(step, {**values, 'images_per_second': 0}) for step, values in library.rows]
  lines = [json.loads(x) for x in (tmp_path / 'parts' / 'metrics.jsonl').read_text().splitlines()]
  logged = [(step, values) for step, values in sent['parts'] if 'critic/loss' in values]
  assert [step for step, _ in logged] == [line['step'] for line in lines] == [2, 4, 6, 8]
  assert [v['critic/loss'] for _, v in logged] == [line['critic/loss'] for line in lines]
  assert [v['samples_step'] for _, v in sent['parts'] if 'samples' in v] == [0, 4, 8]
  numbers = lambda rows: [row for row in rows if 'samples' not in row[1]]
  assert numbers(sent['parts']) == numbers(sent['whole'])
  chex.assert_trees_all_equal(ends['parts'], ends['whole'])
