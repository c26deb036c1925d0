"""Runs that are stopped, or whose log, pictures or terminal are lost: no step is."""

import contextlib
import errno
import io
import itertools
import json
import os
import pty
import resource
import signal
import subprocess
import sys
import time

import chex
import pytest

from by_path import leaves
from jaxgan.storage import curves as saved
from jaxgan.storage import figures
from jaxgan.training import metrics_log, run
from jaxgan.training.loop import train
from jaxgan.training.signals import Stopped
from small_runs import config_of, start


def steps_of(folder):
  path = folder / 'metrics.jsonl'
  return [json.loads(line)['step'] for line in path.read_text().splitlines()]


def assert_as_if_never_stopped(folder, finished):
  chex.assert_trees_all_equal(leaves(run.load(folder).state), leaves(finished[1].state))
  assert steps_of(folder) == steps_of(finished[0])


@contextlib.contextmanager
def at_third(until):
  """A signal in the third step."""
  calls = itertools.count(1)
  yield lambda: signal.SIGHUP if next(calls) == 3 else 0


def test_a_signal_saves_logs_and_draws_the_last_step(data_dir, tmp_path, monkeypatch, finished):
  loop, drawn = sys.modules['jaxgan.training.loop'], []
  curves = lambda path, metrics: (drawn.append(steps_of(tmp_path)), save_curves(path, metrics))
  save_curves = saved.save
  with monkeypatch.context() as patch:
    patch.setattr(saved, 'save', curves)
    patch.setattr(loop, 'heard', at_third)
    with pytest.raises(Stopped, match='SIGHUP at step 3, which is saved'):
      train(config_of(data_dir), tmp_path, quiet=True)
  assert run.load(tmp_path).step == 3
  assert (tmp_path / 'samples/000003.png').is_file() and (tmp_path / 'curves.png').is_file()
  assert drawn == [[2, 3]]
  assert run.load(tmp_path).history['stopped'][-1] == 1
  train(config_of(data_dir), tmp_path, quiet=True)
  assert_as_if_never_stopped(tmp_path, finished)


def test_a_run_may_be_given_minutes(data_dir, tmp_path, capsys, finished):
  """They count anew at each call; the end of the run comes before that of the time."""
  for step in (1, 2, 3):
    assert train(config_of(data_dir, minutes=1e-9), tmp_path).step == step
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.endswith(f'over at step {step} of 8, which is saved: the same command continues')
    assert (tmp_path / f'samples/{step:06d}.png').is_file()
  train(config_of(data_dir, minutes=60), tmp_path, quiet=True)
  assert_as_if_never_stopped(tmp_path, finished)


class Full(io.StringIO):
  """A stream of a log on a full disk."""

  def write(self, text):
    raise OSError(errno.ENOSPC, 'No space left on device')


def test_output_that_cannot_be_written_ends_no_run(data_dir, tmp_path, monkeypatch, finished):
  with monkeypatch.context() as patch:
    patch.setattr(sys, 'stdout', Full())
    patch.setattr(sys, 'stderr', Full())
    train(config_of(data_dir), tmp_path)
  assert_as_if_never_stopped(tmp_path, finished)


def test_a_full_disk_for_logs_and_pictures_ends_no_run(
  data_dir, tmp_path, monkeypatch, capsys, finished
):
  """It is said once, and the lines are written when there is room."""
  full = [OSError(errno.ENOSPC, 'No space left on device')] * 3
  add, grid = metrics_log._add, figures.save_grid
  refuse = lambda write: lambda *args: (_ for _ in ()).throw(full.pop()) if full else write(*args)
  monkeypatch.setattr(figures, 'save_grid', refuse(grid))  # of step 0
  monkeypatch.setattr(metrics_log, '_add', refuse(add))  # of steps 2 and 4
  train(config_of(data_dir), tmp_path, quiet=True)
  said = capsys.readouterr().err.splitlines()
  assert len(said) == 2 and 'no picture of step 0: No space left' in said[0]
  assert 'metrics.jsonl cannot be written (No space left on device): training goes on' in said[1]
  assert_as_if_never_stopped(tmp_path, finished)


def test_half_a_line_is_taken_back(tmp_path):
  path = tmp_path / 'metrics.jsonl'
  path.write_text('{"step": 1}\n')
  limits = resource.getrlimit(resource.RLIMIT_FSIZE)
  try:
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, limits[1]))
    with pytest.raises(OSError, match='too large'):
      metrics_log._add(path, '{"step": 2}\n')
  finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
  assert path.read_text() == '{"step": 1}\n'


def reached(folder, step):
  """Wait until a run in another process has logged a step."""
  end = time.monotonic() + 60
  while time.monotonic() < end:
    with contextlib.suppress(OSError, ValueError, IndexError):
      if steps_of(folder)[-1] >= step:
        return
    time.sleep(0.05)
  pytest.fail(f'no step {step}')


def test_a_reader_that_leaves_ends_no_run(data_dir, tmp_path):
  """As `jaxgan train ... | head -1` does; the run hears a signal afterwards."""
  process = start(data_dir, tmp_path, steps=100_000, checkpoint_every=100_000)
  process.stdout.readline()
  process.stdout.close()
  reached(tmp_path, 30)
  process.send_signal(signal.SIGUSR1)
  assert process.wait(timeout=60) == 128 + signal.SIGUSR1
  assert run.load(tmp_path).step == steps_of(tmp_path)[-1] >= 30


OWN_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def test_a_terminal_that_closes_saves_the_step(data_dir, tmp_path):
  """It sends SIGHUP, and whatever is written to it afterwards fails."""
  argv = ['-m', 'jaxgan', 'train', '--variant=gan', '--batch-size=16', '--widths', '16']
  argv += ['--steps=100000', '--log-every=10', '--checkpoint-every=100000']
  ours, theirs = pty.openpty()
  process = subprocess.Popen(
    [sys.executable, '-c', OWN_TERMINAL, *argv, f'--data-dir={data_dir}', f'--workdir={tmp_path}'],
    **dict.fromkeys(('stdin', 'stdout', 'stderr'), theirs),
    start_new_session=True,
  )
  os.close(theirs)
  reached(tmp_path, 30)
  os.close(ours)
  assert process.wait(timeout=60) == 128 + signal.SIGHUP
  assert run.load(tmp_path).step == steps_of(tmp_path)[-1] >= 30
