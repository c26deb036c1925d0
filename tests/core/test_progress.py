"""Progress, by a clock that the test turns."""

import io
import types

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
