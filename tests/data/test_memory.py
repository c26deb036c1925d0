import logging
import subprocess
import sys

import chex
import numpy as np
import pytest

from jaxgan import data
from jaxgan.data import memory, prepared

GROUP = '0::/jobs/7\n'


@pytest.fixture
def digits_dir(tmp_path_factory):
  folder = tmp_path_factory.mktemp('digits')
  data.load('digits', data_dir=folder)
  return folder


def group(folder, limit, used, cache=0):
  folder.mkdir(parents=True, exist_ok=True)
  (folder / 'memory.max').write_text(f'{limit}\n')
  (folder / 'memory.current').write_text(f'{used}\n')
  (folder / 'memory.stat').write_text(f'anon 5\ninactive_file {cache}\n')


def test_the_tightest_group_counts(tmp_path, monkeypatch):
  """A job's own limit, or that of what it is part of; files it read give way."""
  monkeypatch.setattr(memory, 'GROUPS', tmp_path)
  monkeypatch.setattr(memory.pathlib.Path, 'read_text', patched(GROUP))
  assert memory.available() > 2**20  # no group: the machine's
  group(tmp_path / 'jobs' / '7', 'max', 5)
  group(tmp_path / 'jobs', 1000, 300, cache=100)
  assert memory.available() == 800
  group(tmp_path / 'jobs' / '7', 500, 300)
  assert memory.available() == 200
  assert memory.fits(160) and not memory.fits(161)


def patched(groups):
  read = memory.pathlib.Path.read_text
  return lambda path, *a, **k: groups if path.name == 'cgroup' else read(path, *a, **k)


def test_what_does_not_fit_is_streamed(digits_dir, monkeypatch, caplog):
  held = data.load('digits', data_dir=digits_dir)
  monkeypatch.setattr(memory, 'available', lambda: 1000)
  with caplog.at_level(logging.WARNING):
    streamed = data.load('digits', data_dir=digits_dir)
  assert 'do not fit in the 0.0 GiB of memory left, they are streamed' in caplog.text
  assert streamed.streams and not held.streams
  assert streamed.fingerprint == held.fingerprint
  some = np.array([3, 1, 4])
  chex.assert_trees_all_equal(streamed.images(some), held.images(some))
  chex.assert_trees_all_equal(streamed.labels, held.labels)


def test_an_allocation_that_fails_leads_to_streaming(digits_dir, monkeypatch, caplog):
  monkeypatch.setattr(prepared.np, 'load', raising(MemoryError))
  with caplog.at_level(logging.WARNING):
    assert data.load('digits', data_dir=digits_dir, image_size=8).streams
  assert 'memory ran out, the images are streamed' in caplog.text


def raising(kind):
  load = np.load

  def fail(path, *args, **kwargs):
    if path.name.endswith('images.npy'):
      raise kind
    return load(path, *args, **kwargs)

  return fail


LIMITED = """
import resource
import sys
import numpy as np
from jaxgan import data
from jaxgan.data import memory
memory.available = lambda: 2**62  # as where nothing tells
data.load('digits', data_dir=sys.argv[1], in_memory_limit=1)
used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**32,) * 2)
source = data.load('digits', data_dir=sys.argv[1], image_size=2048, in_memory_limit=2**62)
print(source.streams, source.images(np.arange(2)).shape)
"""


@pytest.mark.skipif(sys.platform != 'linux', reason='limits the address space as Linux does')
def test_a_set_larger_than_the_memory_there_is(digits_dir):
  """1797 images of 2048 x 2048 are 7.5 GB; the process may have 4 more, mostly for threads."""
  command = [sys.executable, '-c', LIMITED, str(digits_dir)]
  ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
  assert ended.stdout.strip() == 'True (2, 2048, 2048, 1)', ended.stderr
