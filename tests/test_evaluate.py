"""Scores come with what they mean, and order samples as anyone would."""

import json

import numpy as np
import pytest

from jaxgan import data, evaluate, features, train, variants

SEEDS = (0, 1, 2)
N = 360


@pytest.fixture(scope='module')
def data_dir(tmp_path_factory):
  return tmp_path_factory.mktemp('data')


@pytest.fixture(scope='module')
def judge(data_dir, tmp_path_factory):
  sets = [data.load('digits', split=split, data_dir=data_dir) for split in ('train', 'test')]
  network = features.classifier(*sets, folder=tmp_path_factory.mktemp('classifiers'))
  return evaluate.judge_of(network, *(s.images(np.arange(len(s))) for s in sets))


def noisy(deviation):
  """Training images with noise of that deviation, where the range is 2."""

  def sample(judge, random):
    images = judge.train[random.permutation(len(judge.train))[:N]].astype(float)
    return images + 127.5 * deviation * random.normal(size=images.shape)

  return sample


def blended(judge, random):
  """Gaussian noise of the mean and the covariance of pixels."""
  flat = judge.train.reshape(len(judge.train), -1).astype(float)
  drawn = random.multivariate_normal(flat.mean(0), np.cov(flat.T), N, method='eigh')
  return drawn.reshape(N, *judge.train.shape[1:])


SAMPLES = {
  'held out': lambda judge, random: judge.test[:N],
  'noise .1': noisy(0.1),
  'noise .3': noisy(0.3),
  'noise 1': noisy(1.0),
  'blended': blended,
  'collapsed': lambda judge, random: judge.train[np.arange(N) % 10],
  'uniform': lambda judge, random: random.uniform(0, 255, (N, *judge.train.shape[1:])),
  'black': lambda judge, random: np.zeros((N, *judge.train.shape[1:])),
}


@pytest.fixture(scope='module')
def scores(judge):
  """Values of every metric for every kind of sample."""
  found = {}
  for kind, sample in SAMPLES.items():

    def draw(seed, sample=sample):
      drawn = sample(judge, np.random.default_rng(seed))
      return np.clip(np.rint(drawn), 0, 255).astype(np.uint8)

    made = evaluate.evaluate(draw, judge, seeds=SEEDS[:1])
    found[kind] = {score.name: score.of.value for score in made}
  return found


def test_distances_order_samples(scores):
  worse = ['noise .1', 'noise .3', 'noise 1']
  for name in ('Fréchet distance', 'kernel distance'):
    values = {kind: scores[kind][name] for kind in scores}
    assert [values[k] for k in worse] == sorted(values[k] for k in worse)
    best = max(values['held out'], values['noise .1'])
    for bad in ('noise 1', 'blended', 'collapsed', 'uniform', 'black'):
      assert values[bad] > 3 * best, (name, bad)


def test_collapse_is_precise_and_covers_nothing(scores):
  found = scores['collapsed']
  assert found['precision'] == 1 and found['recall'] < 0.1 and found['coverage'] < 0.2
  real = scores['held out']
  assert min(real['precision'], real['recall'], real['coverage']) > 0.6
  for bad in ('uniform', 'black'):
    assert scores[bad]['precision'] < real['precision'] / 2 and scores[bad]['coverage'] < 0.1


def test_the_classifier_score_falls_with_classes_and_certainty(scores):
  value = lambda kind: scores[kind]['classifier score']
  assert value('held out') > 8 and value('black') == pytest.approx(1)
  assert value('blended') < value('noise .1') and value('uniform') < value('noise .1')


def test_copies_are_seen_where_distances_praise_them(scores):
  copied = scores['noise .1']
  assert copied['Fréchet distance'] < scores['held out']['Fréchet distance']
  assert copied['nearer to train'] > 0.95 and scores['collapsed']['copies'] == 1


def test_a_score_carries_what_it_means(judge):
  draw = lambda seed: judge.test[seed : seed + 300]
  made = evaluate.evaluate(draw, judge, metrics=['fid', 'prdc'], seeds=SEEDS)
  first = made[0]
  assert (first.num, first.real_num, first.seeds) == (300, 300, SEEDS)
  assert first.against == 'train (1437)' and judge.network.hash in first.network
  assert first.of.low < first.of.value < first.of.high
  assert 0 < first.ideal < first.real
  text = evaluate.table(made)
  for word in ('Fréchet distance', 'coverage', '(N=300)', 'train (1437)', '95 %'):
    assert word in text


def test_the_bias_of_few_samples_is_the_floor(judge):
  """The mean over ideal samples of N, which falls as 1 / N."""
  few, many = (evaluate.ideal(judge, n)['Fréchet distance'] for n in (300, 1200))
  assert 3 < few / many < 5


@pytest.mark.parametrize(
  ('options', 'words'),
  [
    ({'metrics': ['fdi']}, "no metric 'fdi', only fid, kid"),
    ({'sample': lambda seed: np.zeros((9, 28, 28, 1), np.uint8)}, r'\[16, 16, 1\], got uint8'),
    ({'sample': lambda seed: np.zeros((9, 16, 16, 1))}, 'got float64'),
    ({'sample': lambda seed: np.zeros((5, 16, 16, 1), np.uint8)}, '--num must be above 5'),
  ],
)
def test_what_cannot_be_measured_is_refused(judge, options, words):
  sample = options.pop('sample', lambda seed: judge.test)
  with pytest.raises(ValueError, match=words):
    evaluate.evaluate(sample, judge, **options)


def test_the_command_scores_a_run(data_dir, tmp_path, monkeypatch, capsys):
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
  config = variants.configure('gan', steps=2, widths=(16,), data_dir=data_dir)
  train(config, tmp_path / 'run', quiet=True)
  argv = [f'--workdir={tmp_path / "run"}', '--repeats=2', '--num=100']
  assert evaluate.main(argv) == 0
  said = capsys.readouterr().out
  assert 'by classifier' in said and 'seeds 1000 to 1001' in said
  kept = json.loads((tmp_path / 'run' / 'evaluation.json').read_text())
  assert kept['step'] == 2 and {s['num'] for s in kept['scores']} == {100}
  assert evaluate.main([f'--workdir={tmp_path}']) == 2
  assert 'holds no run' in capsys.readouterr().err
  assert evaluate.main([*argv, '--metrics=fdi']) == 2
  assert 'no metric' in capsys.readouterr().err
