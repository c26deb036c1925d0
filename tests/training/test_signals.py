"""Signals: the exact step is saved."""

import signal
import threading

import pytest
from processes import until

from jaxgan.training import run
from jaxgan.training.signals import Stopped, heard
from small_runs import start

MORE = [pytest.param(signal.SIGTERM, 143, id=f'again{i}', marks=pytest.mark.slow) for i in range(9)]


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


@pytest.mark.parametrize('kind', [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_heard_and_the_second_acts(kind):
  """As if nobody listened: the handler that was there before gets it."""
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
