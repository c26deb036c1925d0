"""How much memory a data set may still take."""

import contextlib
import pathlib

import psutil

GROUPS = pathlib.Path('/sys/fs/cgroup')
SHARE = 0.8  # of what is available; networks and their training need some too
# By kind of cgroup, 2 and 1: folder, limit, use, and the cache of files, which gives way.
FILES = {
  '': ('.', 'memory.max', 'memory.current', 'inactive_file'),
  'memory': ('memory', 'memory.limit_in_bytes', 'memory.usage_in_bytes', 'total_inactive_file'),
}


def fits(size: int) -> bool:
  """Whether so many bytes can be held without driving the machine to end processes."""
  return size <= SHARE * available()


def available() -> int:
  """Bytes left to this process: of the machine, and of each group of processes that it is in."""
  return min([psutil.virtual_memory().available, *_left_to_groups()])


def _left_to_groups() -> list[int]:
  """Of the cgroups that have a limit; a container or a batch job is one."""
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
  """None where the group sets no limit, or cannot be read."""
  try:
    stat = dict(line.split() for line in (group / 'memory.stat').read_text().splitlines())
    free = int((group / limit).read_text()) - int((group / used).read_text())
    return free + int(stat.get(cache, 0))
  except (OSError, ValueError):  # no such file, or 'max'
    return None
