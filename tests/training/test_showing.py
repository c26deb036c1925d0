"""The report of a run in training: in time, cheap, and never in the way."""

import json

import pytest

import jaxgan
from jaxgan.reports import page
from jaxgan.storage import files
from jaxgan.storage.workdir import REPORT
from jaxgan.training import showing
from run_folders import DIAGNOSIS, written


class Clock:
  """A clock that an act can push forward."""

  def __init__(self):
    self.now = 0.0

  def __call__(self):
    return self.now


@pytest.fixture
def clock():
  return Clock()


@pytest.fixture
def folder(tmp_path):
  return written(tmp_path / 'run')


def test_reports_take_a_fiftieth_of_the_time(folder, clock, monkeypatch):
  def slow(*given):
    clock.now += 2.0

  monkeypatch.setattr(page, 'write', slow)
  shown, made, spent = showing.Showing(folder, print, clock), 0, 0.0
  for _ in range(1000):
    clock.now += 1.0
    made += shown.refresh()
  spent = 2.0 * made
  assert made > 5 and spent <= showing.SHARE * clock.now + 2.0


def test_a_quick_report_is_never_late(folder, clock):
  shown = showing.Showing(folder, print, clock)
  for _ in range(3):
    clock.now += 1.0
    assert shown.refresh()
  assert 'lsgan on digits' in (folder / REPORT).read_text()


def test_the_last_report_is_always_made_with_the_film(folder, clock):
  shown = showing.Showing(folder, print, clock)
  shown._last = 1e6
  assert not shown.refresh() and not (folder / REPORT).exists()
  shown.finish(None)
  assert 'lsgan on digits' in (folder / REPORT).read_text()
  assert (folder / 'samples.gif').stat().st_size > 1000


def test_a_run_that_a_signal_stops_leaves_a_report_and_the_film_soon(folder, clock, monkeypatch):
  monkeypatch.setattr(showing, 'diagnosis', lambda *given: pytest.fail('it takes too long'))
  shown = showing.Showing(folder, print, clock)
  clock.now += 1000.0
  shown.leave()
  assert 'lsgan on digits' in (folder / REPORT).read_text()
  assert (folder / 'samples.gif').stat().st_size > 1000


@pytest.mark.parametrize(
  'error', [OSError(28, 'No space left on device'), KeyError('x'), MemoryError()]
)
def test_an_error_is_said_once_and_stops_nothing(folder, clock, monkeypatch, error):
  def full(*given):
    raise error

  monkeypatch.setattr(files, 'write_text', full)
  monkeypatch.setattr(files, 'atomic', full)
  said = []
  shown = showing.Showing(folder, said.append, clock)
  for _ in range(3):
    clock.now += 10
    shown.refresh()
  shown.finish(None)
  assert len(said) == 1 and 'the training goes on' in said[0] and '\n' not in said[0]


@pytest.mark.parametrize('seconds', [59, 61])
def test_a_run_of_a_minute_is_diagnosed(folder, clock, monkeypatch, seconds):
  class Diagnosis:
    def to_json(self):
      return json.dumps(DIAGNOSIS)

  monkeypatch.setattr(jaxgan, 'diagnose', lambda folder, data: Diagnosis(), raising=False)
  shown = showing.Showing(folder, print, clock)
  clock.now += seconds
  shown.finish(None)
  assert ('full mode collapse' in (folder / REPORT).read_text()) == (seconds > 60)


def test_one_picture_makes_no_film(folder, clock):
  for path in sorted((folder / 'samples').iterdir())[1:]:
    path.unlink()
  said = []
  showing.Showing(folder, said.append, clock).finish(None)
  assert not said and not (folder / 'samples.gif').exists()
