"""Several processes as one run: how they find each other, agree, and part."""

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
  """Options of a run over several processes; each of them gets the same command and its own id."""

  coordinator: str | None = None
  """HOST:PORT of process 0, where the others find it."""
  num_processes: int | None = None
  """How many processes make up the run."""
  process_id: int | None = None
  """Which of them this is, from 0."""
  distributed: bool = False
  """True: the three above are found out, as under Slurm, Open MPI, Kubernetes and on TPU pods."""
  heartbeat: int = 100
  """Seconds of silence after which a process counts as lost and the others end."""

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
  """Become one of the processes of a run, before JAX is used; nothing for a run of one process.

  Raises:
    ValueError: with `distributed`, where nothing tells of other processes.
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
  """Wait for the others and part; nothing for a run of one process."""
  if jax.distributed.is_initialized():
    jax.distributed.shutdown()


def first() -> bool:
  """Whether this is the process that writes."""
  return jax.process_index() == 0


def share(text: str) -> list[str]:
  """What every process says here, by process; all of them must come by."""
  if jax.process_count() == 1:
    return [text]
  said = text.encode()
  lengths = multihost_utils.process_allgather(np.int32(len(said)))
  padded = np.zeros(max(1, lengths.max()), np.uint8)
  padded[: len(said)] = list(said)
  heard = multihost_utils.process_allgather(padded)
  return [bytes(row[:n]).decode() for row, n in zip(heard, lengths, strict=True)]


def together(function: Callable[[], Value]) -> Value:
  """`function()`, run by every process; raises in all where it raises in one, so that none waits.

  Raises:
    ValueError: another process failed; the message is what that one's error said.
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
  """That every process has the same value.

  Raises:
    ValueError: in all processes, where one differs.
  """
  said = share(hashlib.sha256(value.encode()).hexdigest())
  different = [i for i, text in enumerate(said) if text != said[0]]
  if different:
    raise ValueError(f'{what} of process {different[0]} differs from that of process 0')
