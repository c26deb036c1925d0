"""Scores come with what they mean, and order samples as anyone would."""

import numpy as np
import pytest

from jaxgan import data
from jaxgan.evaluation import features
from jaxgan.evaluation import scores as scoring
from jaxgan.evaluation.metrics import intervals

pytestmark = pytest.mark.xdist_group('scores')  # what is set up for all is set up once
SEEDS = (0, 1, 2)
N = 360


@pytest.fixture(scope='module')
def data_dir(tmp_path_factory):
  return tmp_path_factory.mktemp('data')


@pytest.fixture(scope='module')
def judge(data_dir, tmp_path_factory):
  sets = [data.load('digits', split=split, data_dir=data_dir) for split in ('train', 'test')]
  network = features.classifier(*sets, folder=tmp_path_factory.mktemp('classifiers'))
  return scoring.judge_of(network, *(s.images(np.arange(len(s))) for s in sets))


def noisy(deviation):
  """Training images with noise of that deviation, where the range is 2."""

  def sample(judge, random):
    images = judge.train.images[random.permutation(len(judge.train.images))[:N]].astype(float)
    return images + 127.5 * deviation * random.normal(size=images.shape)

  return sample


def blended(judge, random):
  """Gaussian noise of the mean and the covariance of pixels."""
  flat = judge.train.images.reshape(len(judge.train.images), -1).astype(float)
  drawn = random.multivariate_normal(flat.mean(0), np.cov(flat.T), N, method='eigh')
  return drawn.reshape(N, *judge.train.images.shape[1:])


SAMPLES = {
  'held out': lambda judge, random: judge.test.images[:N],
  'noise .1': noisy(0.1),
  'noise .3': noisy(0.3),
  'noise 1': noisy(1.0),
  'blended': blended,
  'collapsed': lambda judge, random: judge.train.images[np.arange(N) % 10],
  'uniform': lambda judge, random: random.uniform(0, 255, (N, *judge.train.images.shape[1:])),
  'black': lambda judge, random: np.zeros((N, *judge.train.images.shape[1:])),
}


@pytest.fixture(scope='module')
def scores(judge):
  """Values of every metric for every kind of sample."""
  found = {}
  for kind, sample in SAMPLES.items():

    def draw(seed, sample=sample):
      drawn = sample(judge, np.random.default_rng(seed))
      return np.clip(np.rint(drawn), 0, 255).astype(np.uint8)

    made = scoring.evaluate(draw, judge, seeds=SEEDS[:1])
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
  draw = lambda seed: judge.test.images[seed : seed + 300]
  made = scoring.evaluate(draw, judge, metrics=['fid', 'prdc'], seeds=SEEDS)
  first = made[0]
  assert (first.num, first.real_num, first.seeds) == (300, 300, SEEDS)
  assert first.against == 'train (1437)' and judge.network.hash in first.network
  assert first.of.low < first.of.value < first.of.high
  assert 0 < first.ideal < first.real
  text = scoring.table(made)
  for word in ('Fréchet distance', 'coverage', '(N=300)', 'train (1437)', '95 %'):
    assert word in text


def test_the_bias_of_few_samples_is_the_floor(judge):
  """The mean over ideal samples of N, which falls as 1 / N."""
  few, many = (scoring.floor(judge.reference, n) for n in (300, 1200))
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
  sample = options.pop('sample', lambda seed: judge.test.images)
  with pytest.raises(ValueError, match=words):
    scoring.evaluate(sample, judge, **options)


def test_an_ideal_sampler_is_told_from_copies(judge):
  """Test digits are of other writers: fresh ones of the known writers are nearer to train."""
  fresh = scoring.ideal(judge, N, ['memorisation'])['nearer to train']
  assert 0.6 < fresh < 0.75
  order = np.random.default_rng(7).permutation(len(judge.train.images))
  kept = judge._replace(train=scoring._part(judge.train, order[N:]))
  real = scoring.METRICS['memorisation'](kept, scoring._part(judge.train, order[:N]))
  assert abs(real['nearer to train'] - fresh) < 0.06 and real['copies'] == 0


def test_without_held_out_images_halves_are_compared(judge):
  alone = judge._replace(test=None)
  (score,) = scoring.evaluate(lambda _: judge.test.images, alone, metrics=['kid'], seeds=[0])
  assert score.real_num == 360 and abs(score.real) < 3 < score.of.value
  assert score.of.low == float('-inf') and 'one sample' in score.cells()
  with pytest.raises(ValueError, match='give --held-out'):
    scoring.evaluate(lambda _: judge.test.images, alone, metrics=['memorisation'], seeds=[0])


def test_one_sample_has_an_interval_where_the_score_is_a_share(judge):
  made = scoring.evaluate(lambda _: judge.test.images, judge, metrics=['prdc'], seeds=[0])
  by_name = {score.name: score for score in made}
  assert by_name['coverage'].of == intervals.wilson(by_name['coverage'].of.value * N, N)
  assert by_name['density'].of.low == float('-inf')


def test_modes_are_read_channel_by_channel(judge, data_dir):
  """Images made of test digits: the reader finds the triples that its own accuracy allows."""
  test = data.load('digits', split='test', data_dir=data_dir)
  chosen = np.random.default_rng(0).integers(len(test), size=(2000, 3))
  images = np.moveaxis(test.images(np.arange(len(test)))[chosen][..., 0], 1, -1)
  true = len({tuple(x) for x in test.labels[chosen]})
  stacked = scoring.Sample(images, np.zeros((2000, 2)), np.zeros((2000, 0)))
  read = judge._replace(digits=judge.network)
  found = scoring.METRICS['modes'](read, stacked)
  assert abs(found['modes of 1000'] - true) < 30 and 0.1 < found['KL(fake | uniform)'] < 0.4
  with pytest.raises(ValueError, match='--dataset=stacked_mnist'):
    scoring.METRICS['modes'](judge, stacked)


def test_a_network_without_logits_has_no_classifier_score(judge):
  bare = scoring.Sample(judge.test.images, judge.test.features, np.zeros((360, 0)))
  with pytest.raises(ValueError, match='gives no logits'):
    scoring.METRICS['is'](judge, bare)
