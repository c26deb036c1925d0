"""Output that is closed, broken or full is no error; what can be shown is shown."""

import errno
import io
import os
import shlex
import subprocess
import sys

import pytest

from jaxgan.core import console


class Full(io.StringIO):
  """A stream on a full disk, until it gets room."""

  room = False

  def write(self, text):
    if not self.room:
      raise OSError(errno.ENOSPC, 'No space left on device')
    return super().write(text)


def closed():
  stream = io.StringIO()
  stream.close()
  return stream


@pytest.mark.parametrize('stream', [Full(), closed(), None], ids=['full', 'closed', 'none'])
def test_a_line_that_cannot_be_printed_is_dropped(stream, monkeypatch):
  monkeypatch.setattr(sys, 'stdout', stream)
  monkeypatch.setattr(sys, 'stderr', stream)
  console.say('a line')
  console.say('a line', error=True)
  with console.tolerant() as output:
    print('a line', flush=True)
    print('a line', file=sys.stderr, flush=True)
    assert not sys.stdout.isatty()
  assert (output.failed is None) == (stream is None)
  assert sys.stdout is stream


def test_a_full_disk_is_tried_again_and_the_first_error_is_kept():
  stream = console.Tolerant(full := Full())
  stream.write('lost')
  full.room = True
  stream.write('shown')
  assert full.getvalue() == 'shown' and stream.failed.errno in console.FULL


def test_a_mistake_is_no_lost_stream():
  with pytest.raises(AttributeError):
    console.Tolerant(object()).write('text')


CLOSED = """
import os, sys
from jaxgan.core import console
with console.tolerant():
  print('nobody sees this')
  file = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)
  os.write(2, b'a library writes to standard error')
  assert file > 2, file
"""


def test_files_never_get_the_number_of_a_closed_stream(tmp_path):
  """Else messages of libraries would be written into a checkpoint."""
  program, file = tmp_path / 'program.py', tmp_path / 'file'
  program.write_text(CLOSED)
  shell = shlex.join([sys.executable, str(program), str(file)]) + ' <&- >&- 2>&-'
  assert subprocess.run(['sh', '-c', shell], timeout=60).returncode == 0
  assert file.read_bytes() == b''


BROKEN = """
import os, sys
from jaxgan.core import console
with console.tolerant() as output:
  print('to nobody', flush=True)
print(type(output.failed).__name__, file=sys.stderr)
"""


def test_python_ends_in_peace_after_a_broken_pipe():
  """Without `finish` it says so at its end, and the exit code is 120."""
  reader, writer = os.pipe()
  os.close(reader)
  command = [sys.executable, '-c', BROKEN]
  done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, timeout=60)
  os.close(writer)
  assert (done.returncode, done.stderr) == (0, b'BrokenPipeError\n')
