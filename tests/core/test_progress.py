"""Progress, by a clock that the test turns."""

import io
import types
from concurrent.futures import Future

import pytest

from jaxgan.core import progress


@pytest.fixture
def clock(monkeypatch):
  clock = types.SimpleNamespace(now=100.0, monotonic=lambda: clock.now)
  monkeypatch.setattr(progress, 'time', clock)
  return clock


def test_lines_come_every_ten_seconds(clock, capsys):
  with progress.told():
    for _ in progress.over(range(8), 'images'):
      clock.now += 5
  assert capsys.readouterr().err.splitlines() == [
    'jaxgan: images 2 of 8, 00:30 left',
    'jaxgan: images 4 of 8, 00:20 left',
    'jaxgan: images 6 of 8, 00:10 left',
  ]


def test_nested_loops_share_the_clock(clock, capsys):
  with progress.told():
    for _ in progress.over(iter('ab'), 'seeds'):
      for _ in progress.over(range(3), 'images'):
        clock.now += 6
  lines = capsys.readouterr().err.splitlines()
  assert lines == [
    f'jaxgan: images {i} of 3, {left} left' for i, left in ((2, '00:06'), (1, '00:12'))
  ]


def test_a_short_command_and_a_library_say_nothing(clock, capsys):
  with progress.told():
    assert [*progress.over([1, 2], 'images')] == [1, 2]
  for _ in progress.over(range(9), 'images'):
    clock.now += 60
  assert capsys.readouterr() == ('', '')


def test_a_bar_on_a_terminal(monkeypatch):
  screen = io.StringIO()
  screen.isatty = lambda: True
  monkeypatch.setattr('sys.stderr', screen)
  monkeypatch.setattr(progress, 'DELAY', 0)
  assert [*progress.over([1, 2], 'images')] == [1, 2]
  assert 'images: ' in screen.getvalue() and ' 0/2 ' in screen.getvalue()


def test_a_terminal_that_is_gone_ends_nothing(monkeypatch):
  screen = io.StringIO()
  screen.isatty = lambda: True
  screen.write = lambda text: (_ for _ in ()).throw(OSError(5, 'Input/output error'))
  monkeypatch.setattr('sys.stderr', screen)
  monkeypatch.setattr(progress, 'DELAY', 0)
  assert [*progress.over([1, 2], 'images')] == [1, 2]


def test_a_watcher_is_called_in_place_of_showing_progress(clock, capsys):
  seen = []
  with progress.told(), progress.watched(lambda *given: seen.append(given)):
    for _ in progress.over('ab', 'images'):
      clock.now += 20
  assert seen == [('images', 0, 2), ('images', 1, 2)]
  assert list(progress.over('ab', 'images')) == ['a', 'b'] and len(seen) == 2
  assert not capsys.readouterr().err


class TestWorkOfAThread:
  @pytest.fixture
  def work(self, clock, monkeypatch):
    """Work that takes four looks of six seconds."""
    looks = iter([1, 1, 1, 1, 0])

    def wait(works, timeout):
      clock.now += 6
      return types.SimpleNamespace(not_done=next(looks))

    monkeypatch.setattr(progress, 'wait', wait)
    done = Future()
    done.set_result('program')
    return done

  def test_lines_come_every_ten_seconds(self, work, capsys):
    with progress.told():
      assert progress.during(work, 'compiling') == 'program'
    assert capsys.readouterr().err.splitlines() == [
      'jaxgan: compiling, 00:12 so far',
      'jaxgan: compiling, 00:24 so far',
    ]

  def test_a_library_says_nothing(self, work, capsys):
    assert progress.during(work, 'compiling') == 'program'
    assert capsys.readouterr() == ('', '')

  def test_a_line_on_a_terminal(self, work, monkeypatch):
    screen = io.StringIO()
    screen.isatty = lambda: True
    monkeypatch.setattr('sys.stderr', screen)
    monkeypatch.setattr(progress, 'DELAY', 0)
    assert progress.during(work, 'compiling') == 'program'
    assert 'compiling: 00:00' in screen.getvalue()

  def test_its_exception_is_raised(self):
    failed = Future()
    failed.set_exception(OSError('full'))
    with pytest.raises(OSError, match='full'):
      progress.during(failed, 'compiling')
