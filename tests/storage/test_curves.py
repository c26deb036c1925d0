"""Curves: which panel shows a series, how it is smoothed, and the events."""

import json

import numpy as np
import pytest
from matplotlib.axes import Axes
from PIL import Image

from jaxgan.storage import curves


def write(path, lines):
  path.write_text(''.join(json.dumps(line) + '\n' for line in lines))
  return path


def line(step, **values):
  return {'step': step, 'images': 64 * step, **values, 'images_per_second': 10.0}


@pytest.fixture
def drawn(monkeypatch):
  """Series that were drawn, by panel and label, and the places of events."""
  found, marks = {}, []
  plot, mark = Axes.plot, Axes.axvline

  def noted(self, x, y, **rest):
    found.setdefault(id(self), {})[rest.get('label', 'raw')] = list(zip(x, y, strict=True))
    return plot(self, x, y, **rest)

  def marked(self, x, **rest):
    marks.append(x)
    return mark(self, x, **rest)

  monkeypatch.setattr(Axes, 'plot', noted)
  monkeypatch.setattr(Axes, 'axvline', marked)
  return found, marks


def test_series_of_a_kind_share_a_panel(tmp_path, drawn):
  values = {'critic/loss': 1.0, 'generator/loss': 2.0, 'critic/gap': 3.0, 'critic/lazy': 7.0}
  path = write(tmp_path / 'metrics.jsonl', [line(1, **values), line(2, **values)])
  curves.save(tmp_path / 'curves.png', path)
  panels = [set(series) - {'raw'} for series in drawn[0].values()]
  assert panels == [{'critic/loss', 'generator/loss'}, {'critic/gap'}, {'critic/lazy'}]
  with Image.open(tmp_path / 'curves.png') as image:
    image.verify()
    assert image.size == (1200, 520)  # two rows of two


def test_points_are_over_images_seen_and_may_start_late(tmp_path, drawn):
  lines = [line(1, **{'critic/loss': 0.5}), line(3, **{'critic/loss': 0.25, 'critic/lazy': 7.0})]
  curves.save(tmp_path / 'curves.png', write(tmp_path / 'metrics.jsonl', lines))
  first, second = drawn[0].values()
  assert first['critic/loss'] == [(64, 0.5), (192, 0.25)] and second['critic/lazy'] == [(192, 7.0)]


def test_events_are_marked_in_every_panel(tmp_path, drawn):
  lines = [
    line(1, **{'critic/loss': 0.5, 'critic/gap': 0.1}),
    {'step': 1, 'images': 64, 'warning': 'oscillation', 'evidence': '', 'remedy': ''},
    {'step': 1, 'images': 64, 'rolled_back_from': 9},
  ]
  curves.save(tmp_path / 'curves.png', write(tmp_path / 'metrics.jsonl', lines))
  assert drawn[1] == [64] * 4


def test_smoothed_is_the_mean_of_the_latest_values():
  y = np.arange(100.0)
  np.testing.assert_allclose(curves.smoothed(y)[[0, 2, 50]], [0, 1, 48])  # over five
  np.testing.assert_array_equal(curves.smoothed(np.array([np.nan, 1.0])), [np.nan, 1.0])
  assert np.isfinite(curves.smoothed(np.where(y == 50, np.nan, y))).all()


def test_values_of_a_logarithmic_panel_are_above_zero(tmp_path, drawn):
  lines = [line(1, **{'critic/gradient': 0.0}), line(2, **{'critic/gradient': 2.0})]
  curves.save(tmp_path / 'curves.png', write(tmp_path / 'metrics.jsonl', lines))
  values = [y for _, y in next(iter(drawn[0].values()))['critic/gradient']]
  assert np.isnan(values[0]) and values[1] == 2.0


@pytest.mark.parametrize('lines', [[], [line(5)]])
def test_no_series_no_curves(tmp_path, lines):
  curves.save(tmp_path / 'curves.png', write(tmp_path / 'metrics.jsonl', lines))
  assert not (tmp_path / 'curves.png').exists()


def test_no_metrics_yet_no_curves(tmp_path):
  """A picture may be due before the first line is."""
  curves.save(tmp_path / 'curves.png', tmp_path / 'metrics.jsonl')
  assert not list(tmp_path.iterdir())
