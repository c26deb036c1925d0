"""Estimate how much memory a data set may still use."""

import contextlib
import pathlib

import psutil

GROUPS = pathlib.Path('/sys/fs/cgroup')
SHARE = 0.8  # of the available memory; networks and their training need some too
# For cgroups of version 2 and 1: folder, limit, use, and the file cache, which can be freed.
FILES = {
  '': ('.', 'memory.max', 'memory.current', 'inactive_file'),
  'memory': ('memory', 'memory.limit_in_bytes', 'memory.usage_in_bytes', 'total_inactive_file'),
}


def fits(size: int) -> bool:
  """Return whether `size` bytes fit into memory, so that the machine need not end processes."""
  return size <= SHARE * available()


def available() -> int:
  """Return the bytes left to this process, in the machine and in all cgroups of the process."""
  return min([psutil.virtual_memory().available, *_left_to_groups()])


def _left_to_groups() -> list[int]:
  """Return the bytes left in each cgroup that has a limit, such as a container or a batch job."""
  left = []
  with contextlib.suppress(OSError):
    for line in pathlib.Path('/proc/self/cgroup').read_text().splitlines():
      _, kind, path = line.split(':', 2)
      if kind in FILES:
        root = GROUPS / FILES[kind][0]
        own = root / path.lstrip('/')
        left += [_left(p, *FILES[kind][1:]) for p in (own, *own.parents) if p.is_relative_to(root)]
  return [x for x in left if x is not None]


def _left(group: pathlib.Path, limit: str, used: str, cache: str) -> int | None:
  """Return the bytes left in a cgroup; None if it has no limit or cannot be read."""
  try:
    stat = dict(line.split() for line in (group / 'memory.stat').read_text().splitlines())
    free = int((group / limit).read_text()) - int((group / used).read_text())
    return free + int(stat.get(cache, 0))
  except (OSError, ValueError):  # no such file, or 'max'
    return None
