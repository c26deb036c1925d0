"""Scores come with what they mean, and order samples as anyone would."""

import dataclasses

import numpy as np
import pytest

from jaxgan import data
from jaxgan.data import source as source_module
from jaxgan.evaluation import features, samples
from jaxgan.evaluation import scores as scoring
from jaxgan.evaluation.features import FeatureNetwork
from jaxgan.evaluation.metrics import intervals

pytestmark = pytest.mark.xdist_group('scores')  # what is set up for all is set up once
SEEDS = (0, 1, 2)
N = 360
SHAPE = (16, 16, 1)


@pytest.fixture(scope='module')
def data_dir(tmp_path_factory):
  return tmp_path_factory.mktemp('data')


@pytest.fixture(scope='module')
def evaluator(data_dir, tmp_path_factory):
  sets = [data.load('digits', split=split, data_dir=data_dir) for split in ('train', 'test')]
  network = features.classifier(*sets, folder=tmp_path_factory.mktemp('classifiers'))
  return scoring.evaluator_of(network, *sets)


def pixels(sample):
  """All images of a sample, uint8."""
  return sample.images.all()


def noisy(deviation):
  """Training images with noise of that deviation, where the range is 2."""

  def sample(evaluator, random):
    images = pixels(evaluator.train)[random.permutation(len(evaluator.train))[:N]].astype(float)
    return images + 127.5 * deviation * random.normal(size=images.shape)

  return sample


def blended(evaluator, random):
  """Gaussian noise of the mean and the covariance of pixels."""
  flat = pixels(evaluator.train).reshape(len(evaluator.train), -1).astype(float)
  drawn = random.multivariate_normal(flat.mean(0), np.cov(flat.T), N, method='eigh')
  return drawn.reshape(N, *SHAPE)


SAMPLES = {
  'held out': lambda evaluator, random: pixels(evaluator.test)[:N],
  'noise .1': noisy(0.1),
  'noise .3': noisy(0.3),
  'noise 1': noisy(1.0),
  'blended': blended,
  'collapsed': lambda evaluator, random: pixels(evaluator.train)[np.arange(N) % 10],
  'uniform': lambda evaluator, random: random.uniform(0, 255, (N, *SHAPE)),
  'black': lambda evaluator, random: np.zeros((N, *SHAPE)),
}


@pytest.fixture(scope='module')
def scores(evaluator):
  """Values of every metric for every kind of sample."""
  found = {}
  for kind, sample in SAMPLES.items():

    def draw(seed, sample=sample):
      drawn = sample(evaluator, np.random.default_rng(seed))
      return np.clip(np.rint(drawn), 0, 255).astype(np.uint8)

    made = scoring.evaluate(draw, evaluator, seeds=SEEDS[:1])
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
  assert found['precision'] > 0.8 and found['recall'] < 0.1 and found['coverage'] < 0.2
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


def test_a_score_carries_what_it_means(evaluator):
  draw = lambda seed: pixels(evaluator.test)[seed : seed + 300]
  made = scoring.evaluate(draw, evaluator, metrics=['frechet', 'prdc'], seeds=SEEDS)
  first = made[0]
  assert (first.num, first.real_num, first.seeds) == (300, 300, SEEDS)
  assert first.against == 'train (1437)' and evaluator.network.hash in first.network
  assert first.of.low < first.of.value < first.of.high
  assert 0 < first.ideal < first.real
  text = scoring.table(made)
  for word in ('Fréchet distance', 'coverage', '(N=300)', 'train (1437)', '95 %'):
    assert word in text


def test_the_bias_of_few_samples_is_the_floor(evaluator):
  """The mean over ideal samples of N, which falls as 1 / N."""
  few, many = (scoring.floor(evaluator.reference, n) for n in (300, 1200))
  assert 3 < few / many < 5


@pytest.mark.parametrize(
  ('options', 'words'),
  [
    ({'metrics': ['fdi']}, "no metric 'fdi', only frechet, kernel"),
    ({'sample': lambda seed: np.zeros((9, 28, 28, 1), np.uint8)}, r'\[16, 16, 1\], got uint8'),
    ({'sample': lambda seed: np.zeros((9, 16, 16, 1))}, 'got float64'),
    ({'sample': lambda seed: np.zeros((5, 16, 16, 1), np.uint8)}, '--num must be above 5'),
  ],
)
def test_what_cannot_be_measured_is_refused(evaluator, options, words):
  sample = options.pop('sample', lambda seed: evaluator.test)
  with pytest.raises(ValueError, match=words):
    scoring.evaluate(sample, evaluator, **options)


def test_an_ideal_sampler_is_told_from_copies(evaluator):
  """Test digits are of other writers: fresh ones of the known writers are nearer to train."""
  fresh = scoring.ideal(evaluator, N, ['memorization'])['nearer to train']
  assert 0.6 < fresh < 0.75
  order = np.random.default_rng(7).permutation(len(evaluator.train))
  kept = evaluator._replace(train=samples.part(evaluator.train, order[N:]))
  real = scoring.METRICS['memorization'](kept, samples.part(evaluator.train, order[:N]))
  assert abs(real['nearer to train'].value - fresh) < 0.06 and real['copies'].value == 0


def test_without_held_out_images_halves_are_compared(evaluator):
  alone = evaluator._replace(test=None)
  (score,) = scoring.evaluate(lambda _: evaluator.test, alone, metrics=['kernel'], seeds=[0])
  assert score.real_num == 360 and abs(score.real) < 3 < score.of.value
  assert score.of.low == float('-inf') and 'one sample' in score.cells()
  with pytest.raises(ValueError, match='give --held-out'):
    scoring.evaluate(lambda _: evaluator.test, alone, metrics=['memorization'], seeds=[0])


def test_one_sample_has_an_interval_where_the_score_is_a_share(evaluator):
  made = scoring.evaluate(lambda _: evaluator.test, evaluator, metrics=['prdc'], seeds=[0])
  by_name = {score.name: score for score in made}
  assert by_name['coverage'].of == intervals.wilson(by_name['coverage'].of.value * N, N)
  assert by_name['density'].of.low == float('-inf')


def test_modes_are_read_channel_by_channel(evaluator, data_dir):
  """Images made of test digits: the reader finds the triples that its own accuracy allows."""
  test = data.load('digits', split='test', data_dir=data_dir)
  chosen = np.random.default_rng(0).integers(len(test), size=(2000, 3))
  images = np.moveaxis(test.images(np.arange(len(test)))[chosen][..., 0], 1, -1)
  true = len({tuple(x) for x in test.labels[chosen]})
  stacked = samples.seen(
    FeatureNetwork('none', '', '', lambda x: (np.zeros((len(x), 2)),) * 2), images
  )
  read = evaluator._replace(digits=evaluator.network)
  found = scoring.METRICS['modes'](read, stacked)
  assert abs(found['modes of 1000'].value - true) < 30
  assert 0.1 < found['KL(fake | uniform)'].value < 0.4
  with pytest.raises(ValueError, match='--dataset=stacked_mnist'):
    scoring.METRICS['modes'](evaluator, stacked)


def test_a_network_without_logits_has_no_classifier_score(evaluator):
  bare = dataclasses.replace(evaluator.test, logits=np.zeros((360, 0)))
  with pytest.raises(ValueError, match='remove "is" from --metrics'):
    scoring.METRICS['is'](evaluator, bare)


def every_fourth(images):
  """Features without a network: some of the pixels, and two logits."""
  flat = images.reshape(len(images), -1).astype(np.float64)
  return flat[:, ::4], flat[:, :2]


PIXELS = FeatureNetwork('pixels', 'hash', 'every fourth', every_fourth)


def of_kinds(count, seed):
  """Images of three kinds, in order: dark, grey, bright."""
  means = np.repeat([40.0, 120.0, 200.0], count)[:, None, None, None]
  noise = np.random.default_rng(seed).normal(0, 10, (3 * count, 8, 8, 1))
  return np.clip(np.rint(means + noise), 0, 255).astype(np.uint8)


def values(fake, evaluator, **options):
  found = scoring.evaluate(lambda seed: fake, evaluator, seeds=(0,), **options)
  return {score.name: (score.of, score.num, score.real, score.real_num) for score in found}


def test_no_score_changes_with_the_order_of_images():
  """Of the sample, of the real images, and of those held out, also where not all are used."""
  sets = [of_kinds(*x) for x in ((60, 0), (40, 1), (30, 2))]
  shuffled = [np.random.default_rng(9).permutation(x) for x in sets]
  first = values(sets[0], scoring.evaluator_of(PIXELS, *sets[1:]))
  assert first == values(shuffled[0], scoring.evaluator_of(PIXELS, *shuffled[1:]))
  alone = [scoring.evaluator_of(PIXELS, x[1], None) for x in (sets, shuffled)]
  metrics = ['frechet', 'kernel', 'is', 'prdc']
  both = [
    values(x[0], evaluator, metrics=metrics)
    for x, evaluator in zip((sets, shuffled), alone, strict=True)
  ]
  assert both[0] == both[1]


def test_some_images_stand_for_all_of_them():
  """In order of kinds, the first third would be all dark."""
  evaluator = scoring.evaluator_of(PIXELS, of_kinds(200, 1), of_kinds(100, 2))
  fake = of_kinds(600, 0)
  found = values(samples.seen(PIXELS, fake, num=600), evaluator)
  assert found['Fréchet distance'][0].value < 300  # else 70 000
  whole = values(fake, evaluator)
  for name in ('precision', 'recall', 'coverage'):
    of, num, real, real_num = whole[name]
    assert (num, real_num) == (600, 300) and min(of.value, real) > 0.7, name
    assert of == intervals.wilson(of.value * 600, 600)  # of the 600 that were used
  assert whole['Fréchet distance'][1] == 1800
  assert whole['nearer to train'][1] == 300 and whole['copies'][1] == 1800


def test_shares_have_intervals_inside_of_0_and_1():
  share = lambda *found: scoring._interval('recall', [scoring.Measured(x, 50) for x in found])
  low, high = share(0.0, 0.01, 0.1), share(1.0, 0.99, 0.9)
  assert low.low == 0 < low.value < low.high and high.low < high.value < high.high == 1
  same = share(1.0, 1.0, 1.0)
  assert same == intervals.wilson(150, 150) and same.low < 1
  density = [scoring.Measured(x, 50) for x in (0.0, 1.2)]
  assert scoring._interval('density', density).low < 0


def test_streamed_images_are_never_held_whole(monkeypatch):
  """They are read in parts, and where pixels are compared a bounded number of them."""
  asked = []

  def streamed(images):
    whole = data.from_arrays(images)
    read = lambda indices: asked.append(len(indices)) or whole.images(indices)
    return dataclasses.replace(whole, images=read, streams=True)

  monkeypatch.setattr(source_module, 'PART', 1)
  monkeypatch.setattr(scoring, 'PIXELS', 100)
  sets = [of_kinds(*x) for x in ((300, 0), (400, 1), (250, 2))]
  evaluator = scoring.evaluator_of(PIXELS, *map(streamed, sets[1:]))
  found = values(streamed(sets[0]), evaluator)
  assert max(asked) == 512 and found['nearer to train'][1] == 100
  assert found == values(sets[0], scoring.evaluator_of(PIXELS, *sets[1:]))


def test_fid_is_the_name_of_one_network_alone():
  inception = dataclasses.replace(PIXELS, published=True)
  assert scoring.metrics_named(inception, ['fid', 'prdc', 'kid']) == ['frechet', 'prdc', 'kernel']
  with pytest.raises(ValueError, match='fid is the name of .* give --metrics=frechet, or'):
    scoring.metrics_named(PIXELS, ['fid'])


def test_scores_that_contradict_each_other_are_explained():
  """Noise lies among the real images by a network that is blind to it."""
  one = lambda name, value: scoring.Score(
    name, intervals.Interval(value, value, value), 9, '', 0.0, 9, None, '', (0,)
  )
  said = lambda **values: scoring.notes([one(*item) for item in values.items()])
  assert not said(precision=0.9, recall=0.8, coverage=0.9) and not said(precision=0.9)
  (note,) = said(precision=1.0, recall=0.0)
  assert note.startswith('precision is 1 and recall 0: ') and 'few kinds' in note
  assert 'spread widely' in said(precision=0.05, recall=0.9)[0]
  assert 'most kinds are missing' in said(precision=0.9, recall=0.5, coverage=0.02)[0]
