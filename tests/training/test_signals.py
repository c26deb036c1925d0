"""Signals: the exact step is saved."""

import signal

import pytest
from processes import until

from jaxgan.training import run
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
