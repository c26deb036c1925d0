"""The journal, by a clock that the test turns."""

import io
import json
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.storage import curves
from jaxgan.training import metrics_log
from jaxgan.training.metrics_log import Journal


class Clock:
  """Seconds that pass when told."""

  def __init__(self):
    self.now = 100.0

  def perf_counter(self):
    return self.now


class Late:
  """A value under computation: whoever reads it before it is there waits for the device."""

  def __init__(self, value, ready=False):
    self.value, self.ready, self.waited = value, ready, False

  def is_ready(self):
    return self.ready

  def __float__(self):
    self.waited = not self.ready
    return float(self.value)


@pytest.fixture
def clock(monkeypatch):
  clock = Clock()
  monkeypatch.setattr(metrics_log, 'time', clock)
  return clock


@pytest.fixture
def path(tmp_path):
  return tmp_path / 'metrics.jsonl'


def opened(path, step=0, length=40, quiet=True):
  return Journal(path, step=step, length=length, images_per_step=64, quiet=quiet)


def read(path):
  return [json.loads(line) for line in path.read_text().splitlines()]


def logs(critic, generator=1.25):
  return {
    'critic/loss': jnp.float32(critic),
    'generator/loss': jnp.float32(generator),
    'critic/real': jnp.float32(2),
  }


def test_a_line_is_one_object(path, clock):
  book = opened(path)
  for step in (10, 20):
    clock.now += 4
    book.write(step, logs(step / 16))
  book.close()
  values = {'generator/loss': 1.25, 'critic/real': 2.0}
  assert read(path) == [
    {'step': 10, 'images': 640, 'critic/loss': 0.625, **values, 'images_per_second': 160.0},
    {'step': 20, 'images': 1280, 'critic/loss': 1.25, **values, 'images_per_second': 160.0},
  ]
  assert path.read_text().endswith('}\n')


def test_speed_is_of_the_steps_since_the_last_line(path, clock):
  book = opened(path, step=100)
  for step, seconds in ((110, 5), (130, 5), (131, 1)):
    clock.now += seconds
    book.write(step, logs(1))
    clock.now += 0.0
  clock.now += 1000  # reading late makes nothing slower
  book.flush()
  assert [line['images_per_second'] for line in read(path)] == [128.0, 256.0, 64.0]


def test_values_are_read_when_they_are_there(path, clock):
  book = opened(path)
  values = [Late(1), Late(2, ready=True), Late(3)]
  for step, value in enumerate(values, 1):
    book.write(step, {'critic/loss': value, 'critic/real': Late(0, ready=True)})
    book.tick()
  assert not path.exists()  # the first is not there, and lines keep their order
  values[0].ready = True
  book.tick()
  assert [line['critic/loss'] for line in read(path)] == [1, 2]
  assert not any(value.waited for value in values)
  book.flush()  # whoever flushes waits
  assert [line['step'] for line in read(path)] == [1, 2, 3] and values[2].waited
  book.close()
  assert len(read(path)) == 3


def test_values_under_computation_are_not_waited_for(path):
  """JAX's own: the host hands the step over and goes on."""
  slow = jax.jit(lambda x: jax.lax.fori_loop(0, 300, lambda _, y: jnp.tanh(y @ y), x).sum())
  x = jnp.ones((500, 500)) / 500
  slow.lower(x).compile()
  book = opened(path)
  value = slow(x)
  book.write(1, {'critic/loss': value})
  book.tick()
  started = not value.is_ready()
  assert not (started and path.exists())
  book.close()
  assert read(path)[0]['critic/loss'] == float(value)


def test_closing_writes_what_is_left(path, clock):
  book = opened(path)
  book.write(1, {'critic/loss': Late(0.5)})
  book.close()
  assert read(path)[0]['critic/loss'] == 0.5


# --- resuming


def lines(*steps):
  return ''.join(json.dumps({'step': step, 'critic/loss': step / 8}) + '\n' for step in steps)


@pytest.mark.parametrize(
  'torn',
  [
    '',
    '{"step": 2',
    '{"critic/loss": 1.0}\n',
    '[2]\n',
    '3\n',
    '\n',
    'Infinity\n',
    '{"step": 25}\n',
  ],
)
def test_what_a_resumed_run_plays_again_is_cut(path, torn):
  path.write_text(lines(10, 20, 30, 40) + torn)
  opened(path, step=20).close()
  assert path.read_text() == lines(10, 20)
  assert [p.name for p in path.parent.iterdir()] == ['metrics.jsonl']


def test_a_whole_line_without_its_end_is_kept_and_ended(path, clock):
  path.write_text(lines(10).strip())
  book = opened(path, step=10)
  book.write(20, {'critic/loss': jnp.float32(0.5)})
  book.close()
  assert [line['step'] for line in read(path)] == [10, 20]


def test_images_go_on_counting(path, clock):
  book = opened(path, step=20)
  book.write(30, logs(1))
  book.close()
  assert read(path)[0]['images'] == 30 * 64


def test_nothing_to_cut(path):
  opened(path, step=20).close()
  assert not path.exists()


# --- for whoever watches


def test_plain_lines_where_there_is_no_terminal(path, clock, capsys):
  book = opened(path, step=20, length=60, quiet=False)
  clock.now += 8
  book.write(30, logs(0.5))
  clock.now += 2  # the rest of the way is reckoned from when the step was started
  book.flush()
  book.say('a checkpoint')
  book.close()
  told = capsys.readouterr()
  assert told.out.splitlines() == [
    'step 30/60  critic 0.500  generator 1.250  80 images/s  00:24 left',
    'a checkpoint',
  ]
  assert told.err == ''


def test_quiet_says_nothing(path, clock, capsys):
  book = opened(path)
  book.write(1, logs(1))
  book.say('hello')
  book.close()
  assert capsys.readouterr() == ('', '')


class Terminal(io.StringIO):
  """A stream that a person watches."""

  def isatty(self):
    return True


def test_a_bar_on_a_terminal(path, monkeypatch, capsys):
  screen = Terminal()
  monkeypatch.setattr(metrics_log, 'sys', SimpleNamespace(stderr=screen, stdout=io.StringIO()))
  monkeypatch.setattr('sys.stderr', screen)
  book = opened(path, step=5, length=8, quiet=False)
  for step in (6, 7, 8):
    book.write(step, logs(0.5))
    book.tick()
  book.say('a checkpoint')
  book.close()
  shown = screen.getvalue()
  assert ' 8/8 ' in shown and 'critic=0.500' in shown and 'generator=1.250' in shown
  assert 'a checkpoint\n' in shown and 'left' not in shown
  assert shown.endswith('\n')


def test_what_is_not_finite_is_null(tmp_path):
  metrics_log = Journal(tmp_path / 'm.jsonl', step=0, length=1, images_per_step=1, quiet=True)
  metrics_log.write(1, {'critic/loss': jnp.float32(jnp.nan)})
  metrics_log.close()
  line = json.loads((tmp_path / 'm.jsonl').read_text(), parse_constant=pytest.fail)
  assert line['critic/loss'] is None
  curves.save(tmp_path / 'curves.png', tmp_path / 'm.jsonl')
  assert (tmp_path / 'curves.png').is_file()


class TestHistory:
  def test_has_a_value_for_every_line(self, path):
    lines = [
      {'step': 2, 'critic/loss': 0.5, 'images': 32},
      {'step': 4, 'critic/loss': None, 'images': 64, 'path/loss': 3},
      {'step': 2, 'images': 32, 'rolled_back_from': 4},
    ]
    path.write_text(''.join(json.dumps(line) + '\n' for line in lines) + '{"step": 6, "cri')
    found = metrics_log.history(path)
    assert set(found) == {'step', 'images', 'critic/loss', 'path/loss', 'rolled_back_from'}
    assert found['step'].dtype == np.int64 and found['step'].tolist() == [2, 4, 2]
    np.testing.assert_array_equal(found['critic/loss'], [0.5, np.nan, np.nan])
    np.testing.assert_array_equal(found['path/loss'], [np.nan, 3, np.nan])
    assert all(x.dtype == np.float64 for name, x in found.items() if name != 'step')

  def test_is_empty_where_nothing_was_logged(self, path):
    assert {name: x.tolist() for name, x in metrics_log.history(path).items()} == {'step': []}

  def test_is_what_the_journal_wrote(self, path):
    journal, told = Journal(path, step=0, length=4, images_per_step=8, quiet=True), []
    journal._follow = told.append
    journal.write(2, {'critic/loss': jnp.float32(jnp.inf), 'generator/loss': jnp.float32(1.5)})
    journal.close()
    found = metrics_log.history(path)
    assert np.isnan(found['critic/loss'][0]) and np.isnan(told[0]['critic/loss'])
    assert found['generator/loss'][0] == told[0]['generator/loss'] == 1.5
