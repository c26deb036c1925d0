"""The best checkpoint: kept where the metric was best, and the same after an interruption."""

import dataclasses
import json

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from by_path import leaves
from jaxgan import load, train, variants
from jaxgan.evaluation import features
from jaxgan.ops.images import to_uint8
from jaxgan.parallel import hosts
from jaxgan.training import best_checkpoint, run
from jaxgan.training.best_checkpoint import Best


@pytest.fixture(scope='module')
def data_dir(tmp_path_factory):
  return tmp_path_factory.mktemp('data')


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path_factory):
  """A classifier of few steps, kept by nobody else."""
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path_factory.getbasetemp() / 'quick'))
  fit = features.fit
  monkeypatch.setattr(features, 'fit', lambda net, source: fit(net, source, steps=3))


class ByMean:
  """Scores images by how bright they are."""

  class network:
    apply = staticmethod(lambda images: (images.reshape(len(images), -1), None))


@pytest.fixture
def by_brightness(monkeypatch):
  monkeypatch.setitem(best_checkpoint.METRICS, 'mean', lambda evaluator, x: float(x.mean()))


def state(step):
  return {'step': jnp.float32(step)}


def test_the_best_is_kept_and_no_other(tmp_path, by_brightness):
  def images(value):
    return lambda: np.full((2, 4, 4, 1), value, np.uint8)

  keeper = Best(tmp_path, 'mean', ByMean)
  values = {10: 90, 20: 40, 30: 60}
  for step, value in values.items():
    assert keeper.consider(step, state(step), images(value)) == value
  keeper.close()
  assert json.loads((tmp_path / 'best.json').read_text()) == {
    'step': 20,
    'metric': 'mean',
    'value': 40.0,
  }
  assert [p.name for p in (tmp_path / 'best').iterdir()] == ['20']
  again = Best(tmp_path, 'mean', ByMean)
  assert again.consider(40, state(40), images(50)) == 50
  again.close()
  assert [p.name for p in (tmp_path / 'best').iterdir()] == ['20']
  assert Best(tmp_path, 'frechet', ByMean)._value == float('inf')  # of another metric


@pytest.fixture
def said(monkeypatch):
  """What this process says to the others, who would wait for ever if it said nothing."""
  texts, share = [], hosts.share
  monkeypatch.setattr(hosts, 'share', lambda text: texts.append(text) or share(text))
  return texts


def test_a_judge_that_cannot_be_made_is_no_secret(data_dir, tmp_path, said, monkeypatch):
  def broken(*_):
    raise OSError('no room for the classifier')

  monkeypatch.setattr(best_checkpoint, 'evaluator', broken)
  config = variants.configure('gan', widths=(8,), data_dir=data_dir, eval_every=1)
  with pytest.raises(OSError, match='no room'):
    train(config, tmp_path, quiet=True)
  assert said[-1] == 'no room for the classifier'


@pytest.mark.parametrize('where', ['draw', 'score', 'write'])
def test_a_score_that_fails_is_no_secret(where, tmp_path, said, monkeypatch):
  def broken(*_):
    raise OSError(f'{where} failed')

  images = lambda: np.zeros((2, 4, 4, 1), np.uint8)
  monkeypatch.setitem(best_checkpoint.METRICS, 'mean', broken if where == 'score' else lambda *_: 1)
  keeper = Best(tmp_path, 'mean', ByMean)
  if where == 'write':
    monkeypatch.setattr(best_checkpoint.files, 'write_config', broken)
  with pytest.raises(OSError, match=f'{where} failed'):
    keeper.consider(1, state(1), broken if where == 'draw' else images)
  keeper.close()
  assert f'{where} failed' in said


def test_a_run_keeps_its_best_and_goes_on_as_before(data_dir, tmp_path):
  """Interrupted or not, with scores or without, training is the same."""
  config = variants.configure(
    'gan',
    steps=8,
    widths=(32,),
    data_dir=data_dir,
    eval_every=2,
    eval_num=64,
    checkpoint_every=4,
    log_every=1,
  )
  whole = train(config, tmp_path / 'whole', quiet=True)
  plain = train(
    dataclasses.replace(config, eval_every=0, eval_num=1000), tmp_path / 'plain', quiet=True
  )
  chex.assert_trees_all_equal(leaves(whole.state), leaves(plain.state))
  train(dataclasses.replace(config, steps=4), tmp_path / 'halves', quiet=True)
  train(config, tmp_path / 'halves', quiet=True)
  lines = [json.loads(line) for line in (tmp_path / 'whole/metrics.jsonl').read_text().splitlines()]
  scores = {
    line['step']: line['evaluation/frechet'] for line in lines if 'evaluation/frechet' in line
  }
  assert list(scores) == [2, 4, 6, 8]
  kept = json.loads((tmp_path / 'whole/best.json').read_text())
  assert kept['step'] == min(scores, key=scores.get)
  assert kept == json.loads((tmp_path / 'halves/best.json').read_text())
  chosen = load(tmp_path / 'whole', 'best')
  assert chosen.step == kept['step']
  chex.assert_trees_all_equal(leaves(chosen.state), leaves(load(tmp_path / 'halves', 'best').state))


def test_without_scores_there_is_no_best(data_dir, tmp_path):
  train(variants.configure('gan', steps=1, widths=(8,), data_dir=data_dir), tmp_path, quiet=True)
  with pytest.raises(ValueError, match='no best checkpoint: let it reach --eval-every'):
    run.load(tmp_path, 'best')


def test_samples_that_choose_are_not_those_that_score(data_dir, tmp_path, monkeypatch):
  """The key belongs to no seed, and evaluation takes seeds."""
  config = dict(steps=1, widths=(8,), data_dir=data_dir, eval_every=1, eval_num=8)
  drawn, consider = [], Best.consider
  keep = lambda self, step, state, draw: drawn.append(draw()) or consider(self, step, state, draw)
  monkeypatch.setattr(Best, 'consider', keep)
  trained = train(variants.configure('gan', **config), tmp_path, quiet=True)
  assert not np.array_equal(drawn[0], to_uint8(trained.sample(1000, 8)))
  first_word = lambda key: int(jax.random.key_data(key)[0])
  assert all(first_word(jax.random.key(seed)) == 0 for seed in (0, 1000, 2**32 - 1))
  best = Best(tmp_path, 'frechet', None)
  assert first_word(best.key) != 0
  np.testing.assert_array_equal(drawn[0], to_uint8(trained.sample(best.key, 8)))
  best.close()


def test_former_names_of_the_metrics_are_understood(data_dir, tmp_path, caplog):
  few = dict(steps=1, widths=(8,), data_dir=data_dir, eval_every=1, eval_num=8)
  config = variants.configure('gan', **few, eval_metric='fid')
  assert config.eval_metric == 'frechet' and 'eval_metric=fid is called frechet' in caplog.text
  assert dataclasses.replace(config, eval_metric='kid').eval_metric == 'kernel'
  train(config, tmp_path, quiet=True)
  values = json.loads((tmp_path / 'config.json').read_text())
  assert values['eval_metric'] == 'frechet'
  (tmp_path / 'config.json').write_text(json.dumps({**values, 'eval_metric': 'fid'}))
  caplog.clear()
  assert load(tmp_path).config.eval_metric == 'frechet' and not caplog.text
  assert train(config, tmp_path, quiet=True).step == 1
  (tmp_path / 'best.json').write_text('{"metric": "fid", "value": 3.5, "step": 1}')
  assert Best(tmp_path, 'frechet', ByMean)._value == 3.5
