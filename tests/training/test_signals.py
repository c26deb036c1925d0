"""Signals: the exact step is saved."""

import signal
import threading
import time

import pytest
from processes import until

from jaxgan.training import run, signals
from jaxgan.training.signals import KINDS, REPEATED, TIME, Stopped, heard
from small_runs import start

AGAIN = [(signal.SIGTERM, f'again{i}') for i in range(9)]
OTHERS = [(kind, kind.name) for kind in KINDS if kind not in (signal.SIGTERM, signal.SIGINT)]
MORE = [
  pytest.param(kind, 128 + kind, id=name, marks=pytest.mark.slow) for kind, name in AGAIN + OTHERS
]


@pytest.mark.parametrize(('kind', 'code'), [(signal.SIGTERM, 143), (signal.SIGINT, 130), *MORE])
def test_a_signal_saves_the_exact_step(kind, code, data_dir, tmp_path):
  process = start(data_dir, tmp_path, steps=100_000)
  until(process, 'step 30/')
  process.send_signal(kind)
  said = process.communicate(timeout=60)[0]
  assert process.returncode == code
  step = run.load(tmp_path).step
  assert f'at step {step}, which is saved' in said
  assert len(said.strip().splitlines()[-1]) < 200
  assert (tmp_path / 'samples' / f'{step:06d}.png').exists()
  assert f'step {step}' in (tmp_path / 'report.html').read_text().replace(',', '')
  assert (tmp_path / 'samples.gif').exists()


@pytest.mark.parametrize('kind', [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_heard_and_the_second_acts(kind, monkeypatch):
  """As if nobody listened: the handler that was there before gets it."""
  monkeypatch.setattr(signals, 'TOGETHER', 0)
  got = []
  before = signal.signal(kind, lambda signum, frame: got.append(signum))
  try:
    with heard() as asked:
      assert asked() == 0
      signal.raise_signal(kind)
      assert asked() == kind and got == []
      signal.raise_signal(kind)
      assert got == [kind]
    signal.raise_signal(kind)
    assert got == [kind, kind]
  finally:
    signal.signal(kind, before)


def test_handlers_come_back_when_nothing_was_heard():
  before = [signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM)]
  with heard() as asked:
    assert asked() == 0
  assert [signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize('kind', KINDS)
def test_every_signal_that_ends_a_process_is_heard(kind):
  """And one that comes with it, as from a terminal that closes, is no second wish to end."""
  before = signal.getsignal(kind)
  with heard() as asked:
    signal.raise_signal(kind)
    assert asked() == kind
    if kind != signal.SIGINT:
      signal.raise_signal(kind)
    signal.raise_signal(signal.SIGTERM)
    assert asked() == kind
  assert signal.getsignal(kind) == before


def test_the_kinds_are_those_of_terminals_schedulers_and_systems():
  names = {'SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGXCPU'}
  assert {getattr(signal, name) for name in names if hasattr(signal, name)} <= {*KINDS}


@pytest.mark.parametrize('kind', KINDS)
def test_what_is_ignored_stays_so(kind):
  """Such as SIGHUP under nohup, or SIGINT of a shell's job in the background."""
  before = signal.signal(kind, signal.SIG_IGN)
  try:
    with heard() as asked:
      signal.raise_signal(kind)
      assert asked() == 0
  finally:
    signal.signal(kind, before)


def test_a_handler_of_other_code_stays():
  got = []
  before = signal.signal(signal.SIGALRM, lambda signum, frame: got.append(signum))
  try:
    with heard() as asked:
      signal.raise_signal(signal.SIGALRM)
      assert asked() == 0 and got == [signal.SIGALRM]
  finally:
    signal.signal(signal.SIGALRM, before)


def test_a_limit_that_repeats_itself_does_not_end_the_save(monkeypatch):
  """The system sends SIGXCPU once per second, until the hard limit."""
  monkeypatch.setattr(signals, 'TOGETHER', 0)
  with heard() as asked:
    for _ in range(3):
      signal.raise_signal(REPEATED[0])
    assert asked() == REPEATED[0]


def test_a_time_may_be_over(monkeypatch):
  with heard(time.monotonic() + 1e3) as asked:
    assert asked() == 0
    later = time.monotonic() + 2e3
    monkeypatch.setattr(time, 'monotonic', lambda: later)
    assert asked() == TIME
    signal.raise_signal(signal.SIGTERM)
    assert asked() == signal.SIGTERM  # whose exit code the sender waits for


def test_outside_of_the_main_thread_nothing_is_caught():
  """Python delivers signals to the main thread alone; a run in another is not disturbed."""
  said = []

  def listen():
    with heard() as asked:
      said.append(asked())

  before = signal.getsignal(signal.SIGTERM)
  thread = threading.Thread(target=listen)
  thread.start()
  thread.join()
  assert said == [0] and signal.getsignal(signal.SIGTERM) is before


def test_the_message_names_the_signal_and_the_step():
  stopped = Stopped(signal.SIGTERM, 30)
  assert str(stopped) == 'stopped by SIGTERM at step 30, which is saved'
  assert stopped.signum == signal.SIGTERM
