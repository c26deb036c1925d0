"""Several processes on this machine as one run, of so many devices each."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).parents[1]
PATHS = os.pathsep.join([str(ROOT), str(ROOT / 'tests')])


def free_port():
  with socket.socket() as server:
    server.bind(('127.0.0.1', 0))
    return server.getsockname()[1]


def start(program, count=2, devices=1, heartbeat=10, argv=(), each=()):
  """Processes of `program`, such as ('-m', 'jaxgan.main'); `each` has more arguments for each."""
  address, started = f'127.0.0.1:{free_port()}', []
  environment = {**os.environ, 'JAX_NUM_CPU_DEVICES': str(devices), 'PYTHONPATH': PATHS}
  environment['PYTHONFAULTHANDLER'] = '1'
  for i in range(count):
    group = [f'--coordinator={address}', f'--num-processes={count}', f'--process-id={i}']
    group = [*group, f'--heartbeat={heartbeat}'] if count > 1 else []
    command = [sys.executable, *program, *argv, *(each[i] if each else ()), *group]
    started.append(
      subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
      )
    )
  return started


def ended(processes, timeout=200):
  """The exit codes of processes, and what each said; one that hangs says where, and is ended."""
  until = time.monotonic() + timeout
  said = []
  for process in processes:
    try:
      said.append(process.communicate(timeout=max(until - time.monotonic(), 0.1))[0])
    except subprocess.TimeoutExpired:
      process.send_signal(signal.SIGABRT)
      said.append(process.communicate()[0])
  return [process.returncode for process in processes], said


def until(process, text):
  """Read what it says to the line that holds some text."""
  for line in process.stdout:
    if text in line:
      return line
  raise AssertionError(f'ended with {process.wait()} before it said {text!r}')
