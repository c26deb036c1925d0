"""How often Python's collector runs during a command, and that others are left alone."""

import gc

import pytest

from jaxgan import configure, main
from jaxgan.apps import command
from jaxgan.core import collecting
from jaxgan.training import loop


@pytest.fixture
def threshold():
  """Sets the collector's numbers for a test."""
  before = gc.get_threshold()
  yield gc.set_threshold
  gc.set_threshold(*before)


@pytest.mark.parametrize(('first', 'inside'), [(700, collecting.OBJECTS), (90_000, 90_000), (0, 0)])
def test_only_a_collector_that_runs_often_is_slowed(threshold, first, inside):
  threshold(first, 10, 10)
  with collecting.seldom():
    assert gc.get_threshold() == (inside, 10, 10)
    with collecting.seldom():
      assert gc.get_threshold() == (inside, 10, 10)
    assert gc.get_threshold() == (inside, 10, 10)
  assert gc.get_threshold() == (first, 10, 10)


def test_an_error_ends_it_too(threshold):
  threshold(700, 10, 10)
  with pytest.raises(KeyError), collecting.seldom():
    raise KeyError
  assert gc.get_threshold() == (700, 10, 10)


def test_a_command_and_a_training_from_python_have_it(threshold, tmp_path, monkeypatch):
  threshold(700, 10, 10)
  seen = []
  look = lambda *_, **__: seen.append(gc.get_threshold()[0])
  monkeypatch.setattr(command, 'ended', look)
  main.main([])
  main.jaxgan(['sample'])
  monkeypatch.setattr(loop, 'play', look)
  loop.train(
    configure('gan', widths=(4,), data_dir=tmp_path / 'data'), tmp_path / 'run', quiet=True
  )
  assert seen == [collecting.OBJECTS] * 3
  assert gc.get_threshold() == (700, 10, 10)
