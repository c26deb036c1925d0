"""Several processes as one run: how they connect, exchange values and disconnect."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils

Value = TypeVar('Value')


@dataclass(frozen=True)
class Hosts:
  """Options of a run over several processes; start each with the same command and its own id."""

  coordinator: str | None = None
  """HOST:PORT of process 0, to which the others connect."""
  num_processes: int | None = None
  """The number of processes in the run."""
  process_id: int | None = None
  """The number of this process, from 0."""
  distributed: bool = False
  """Detect the three options above, under Slurm, Open MPI, Kubernetes and on TPU pods."""
  heartbeat: int = 100
  """Seconds without a sign from a process after which it counts as lost and the others end."""

  def __post_init__(self) -> None:
    given = [self.coordinator, self.num_processes, self.process_id]
    if any(x is not None for x in given) and None in given:
      raise ValueError(
        '--coordinator, --num-processes and --process-id go together: give all three'
      )
    if self.coordinator is not None:
      _check_address(self.coordinator)
    if self.num_processes is not None and not 0 <= (self.process_id or 0) < self.num_processes:
      raise ValueError(
        f'--process-id must lie from 0 to {self.num_processes - 1}, it is {self.process_id}'
      )
    if self.heartbeat < 1:
      raise ValueError(f'--heartbeat must be above 0, it is {self.heartbeat}')


def _check_address(address: str) -> None:
  host, _, port = address.rpartition(':')
  if not (host and port.isdecimal() and 0 < int(port) < 65536):
    raise ValueError(f'--coordinator must be HOST:PORT, such as 10.0.0.1:1234, it is {address!r}')


def join(hosts: Hosts) -> None:
  """Connect this process to the others of the run; do nothing in a run of one process.

  Call it before the first use of JAX.

  Raises:
    ValueError: the processes cannot connect, or `distributed` finds no other processes.
  """
  if not hosts.distributed and hosts.coordinator is None:
    return
  try:
    jax.distributed.initialize(
      hosts.coordinator,
      num_processes=hosts.num_processes,
      process_id=hosts.process_id,
      heartbeat_timeout_seconds=hosts.heartbeat,
    )
  except (ValueError, RuntimeError) as error:
    raise ValueError(f'the processes did not find each other: {error}') from error


def leave() -> None:
  """Wait for the other processes and disconnect; do nothing in a run of one process."""
  if jax.distributed.is_initialized():
    jax.distributed.shutdown()


def first() -> bool:
  """Return whether this is process 0, the one that writes files."""
  return jax.process_index() == 0


def share(text: str) -> list[str]:
  """Return the texts of all processes, in their order; every process must call this."""
  if jax.process_count() == 1:
    return [text]
  said = text.encode()
  lengths = multihost_utils.process_allgather(np.int32(len(said)))
  padded = np.zeros(max(1, lengths.max()), np.uint8)
  padded[: len(said)] = list(said)
  heard = multihost_utils.process_allgather(padded)
  return [bytes(row[:n]).decode() for row, n in zip(heard, lengths, strict=True)]


def together(function: Callable[[], Value]) -> Value:
  """Return `function()`; raise in all processes if it raises in one, so that no process waits.

  Every process must call this. This process raises its own error unchanged.

  Raises:
    ValueError: another process failed; the message is that of its error.
  """
  try:
    value = function()
  except Exception as error:
    share(str(error) or type(error).__name__)
    raise
  failed = [(i, text) for i, text in enumerate(share('')) if text]
  if failed:
    raise ValueError(f'process {failed[0][0]}: {failed[0][1]}')
  return value


def check_same(what: str, value: str) -> None:
  """Check that every process has the same value.

  Args:
    what: name of the value, for the error.
    value: this process's value.

  Raises:
    ValueError: the value of one process differs; raised in all processes.
  """
  said = share(hashlib.sha256(value.encode()).hexdigest())
  different = [i for i, text in enumerate(said) if text != said[0]]
  if different:
    raise ValueError(f'{what} of process {different[0]} differs from that of process 0')
