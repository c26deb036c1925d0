"""Scores: metrics of a sample of images, with all that is needed to believe them.

Each number comes with how many images it is of, what they were compared with, by which network, its
interval, and what real images that were held out and an ideal sampler score.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from jaxgan.data.source import Source
from jaxgan.evaluation.features import FeatureNetwork
from jaxgan.evaluation.metrics import frechet, intervals, kernel, modes, neighbours
from jaxgan.evaluation.metrics.classifier_score import classifier_score
from jaxgan.evaluation.metrics.intervals import Interval
from jaxgan.evaluation.metrics.memorisation import memorisation
from jaxgan.evaluation.samples import (
  FAKE,
  TEST,
  TRAIN,
  Sample,
  halves,
  moments_of,
  seen,
  thinned,
)

HELD = 10_000  # most images that neighbours are looked for among
NEAREST = 5
SUBSET = 1000
PIXELS = 2000  # most images whose pixels are compared


@dataclass(frozen=True)
class Score:
  """A number and all that is needed to believe it; there is no way to print it alone.

  `num` are the images that it was computed of, which may be fewer than were drawn; `real_num` those
  of the held-out real ones.
  """

  name: str
  of: Interval
  num: int
  against: str
  real: float
  real_num: int
  ideal: float | None
  network: str
  seeds: tuple[int, ...]

  def cells(self) -> list[str]:
    """What a line of the table says."""
    ends = f'{self.of.low:.4g} to {self.of.high:.4g}' if np.isfinite(self.of.low) else 'one sample'
    ideal = '-' if self.ideal is None else f'{self.ideal:.4g}'
    real = f'{self.real:.4g} (N={self.real_num})'
    return [self.name, f'{self.of.value:.4g}', ends, real, ideal, str(self.num), self.against]

  def plain(self) -> dict:
    """In JSON's types."""
    return {**dataclasses.asdict(self), 'of': self.of._asdict()}


HEAD = ['', 'score', '95 %', 'held-out real', 'ideal', 'N', 'against']


class Judge(NamedTuple):
  """What images are measured by and against.

  `train` are the real images to be learnt, `test` real images held out, if there are any;
  `reference` are the moments of the training features and `about` says what they are of. Where
  channels are digits, `digits` is the network that reads one.
  """

  network: FeatureNetwork
  train: Sample
  test: Sample | None
  reference: frechet.Reference
  about: str
  digits: FeatureNetwork | None = None


def judge_of(
  network: FeatureNetwork,
  train: np.ndarray | Source,
  test: np.ndarray | Source | None,
  about: str = 'train',
) -> Judge:
  """Return what is computed once for all samples."""
  known = seen(network, train)
  held = None if test is None else seen(network, test)
  return Judge(network, known, held, _reference(known), f'{about} ({len(known)})')


def _reference(sample: Sample) -> frechet.Reference:
  return frechet.reference(moments_of(sample))


class Measured(NamedTuple):
  """A number and of how many images it is."""

  value: float
  num: int


Found = dict[str, Measured]


def _all_of(sample: Sample, **values: float) -> Found:
  return {name: Measured(value, len(sample)) for name, value in values.items()}


# A metric: (judge, sample) -> its values by name, each with the number of images it is of.


def frechet_distance(judge: Judge, sample: Sample) -> Found:
  """The Fréchet distance of the network's features, as it is and without its bias.

  It is the FID only where the network is the FID's own Inception.
  """
  values = {
    'Fréchet distance': frechet.distance_of(sample.features, judge.reference),
    'Fréchet distance, N to infinity': frechet.without_bias(sample.features, judge.reference)[0],
  }
  return _all_of(sample, **values)


def kernel_distance(judge: Judge, sample: Sample) -> Found:
  """The kernel distance, in subsets of 1000 or fewer, drawn from all images."""
  size = min(SUBSET, len(sample), len(judge.train))
  value = kernel.in_subsets(judge.train.features, sample.features, size=size)[0]
  return _all_of(sample, **{'kernel distance': value})


def inception_score(judge: Judge, sample: Sample) -> Found:
  """The classifier score, in one split: parts of few images score low."""
  if not sample.logits.shape[1]:
    raise ValueError(f'{judge.network.name} gives no logits: leave is out of --metrics')
  return _all_of(sample, **{'classifier score': classifier_score(sample.logits, splits=1)[0]})


def prdc(judge: Judge, sample: Sample) -> Found:
  """Precision, recall, density and coverage, of equally many."""
  num = min(len(sample), len(judge.train), HELD)
  real = judge.train.features[judge.train.some(num, TRAIN)]
  fake = sample.features[sample.some(num, FAKE)]
  found = neighbours.prdc(real, fake, NEAREST)._asdict()
  return {name: Measured(value, num) for name, value in found.items()}


def copies(judge: Judge, sample: Sample) -> Found:
  """Whether pixels were learnt by heart.

  By distances to equally many training and held-out images; and the share of images that are one of
  all the training images, to the bit.
  """
  if judge.test is None:
    raise ValueError('memorisation needs real images held out from training: give --held-out=PATH')
  if judge.train.images is None:
    raise ValueError('memorisation looks at pixels, and these are features: leave it out')
  num = min(len(judge.train), len(judge.test), PIXELS)
  near = judge.train.pixels(judge.train.some(num, TRAIN))
  far = judge.test.pixels(judge.test.some(num, TEST))
  fake = sample.pixels(sample.some(num, FAKE))
  found = memorisation(fake, near, far)
  known = float(np.isin(sample.digests, judge.train.digests).mean())
  return {
    'nearer to train': Measured(found.nearer_to_train, len(fake)),
    'authentic': Measured(found.authentic, len(fake)),
    'copies': Measured(known, len(sample)),
  }


def stacked_modes(judge: Judge, sample: Sample) -> Found:
  """Which of the 1000 triples of digits are there, and how evenly."""
  if judge.digits is None or sample.images is None:
    raise ValueError(
      'modes are counted of --dataset=stacked_mnist, and by jaxgan.plane in the plane'
    )
  triples = [_read(judge.digits, part) for part in sample.images.parts()]
  found = modes.stacked(np.concatenate(triples))
  values = {'modes of 1000': float(found.found), 'KL(fake | uniform)': found.reverse_kl}
  return _all_of(sample, **values)


def _read(digits: FeatureNetwork, images: np.ndarray) -> np.ndarray:
  """The digit in each of three channels, `[N, 3]`."""
  return np.stack([digits.apply(images[..., i : i + 1])[1].argmax(1) for i in range(3)], 1)


METRICS: dict[str, Callable[[Judge, Sample], Found]] = {
  'frechet': frechet_distance,
  'kernel': kernel_distance,
  'is': inception_score,
  'prdc': prdc,
  'memorisation': copies,
  'modes': stacked_modes,
}
PUBLISHED = {'fid': 'frechet', 'kid': 'kernel'}
"""Names of published scores, which are these metrics by one network: the FID's Inception."""
SHARES = ('precision', 'recall', 'coverage', 'nearer to train', 'authentic', 'copies')


def metrics_named(network: FeatureNetwork, names: Sequence[str]) -> list[str]:
  """Return the metrics of these names: fid and kid only where the network is the FID's.

  Raises:
    ValueError: an unknown name, or one that the network has no right to.
  """
  for name in names:
    if name not in METRICS and name not in PUBLISHED:
      raise ValueError(f'there is no metric {name!r}, only {", ".join(METRICS)}')
    if name in PUBLISHED and not network.published:
      raise ValueError(
        f'{name} is the name of scores by the weights of the FID, and the network is '
        f'{network.name}: give --metrics={PUBLISHED[name]}, or --features=inception and its file'
      )
  return [PUBLISHED.get(name, name) for name in names]


def ideal(judge: Judge, num: int, metrics: Sequence[str]) -> dict[str, float]:
  """What a sampler of the very training distribution has at that N, where it can be told.

  Of the Fréchet distance: the mean over Gaussian draws of the training features' own moments. Of
  memorisation: training images that are themselves held out, so that where the held-out set is of
  another kind (other writers), this is above one half.
  """
  floors = {
    'Fréchet distance, N to infinity': 0.0,
    'kernel distance': 0.0,
    'copies': 0.0,
    'modes of 1000': 1000.0,
    'KL(fake | uniform)': 999 / (2 * num),
  }
  if 'frechet' in metrics:
    floors['Fréchet distance'] = floor(judge.reference, num)
  if 'is' in metrics and judge.train.logits.shape[1]:
    floors['classifier score'] = classifier_score(judge.train.logits, splits=1)[0]
  if 'memorisation' in metrics and judge.test is not None:
    floors['nearer to train'] = _fresh(judge)
  return floors


def floor(reference: frechet.Reference, num: int, draws: int = 5) -> float:
  """The Fréchet distance that `num` Gaussian draws of the reference itself have on average."""
  draw = lambda seed: np.random.default_rng(seed).normal(size=(num, len(reference.mean)))
  moved = (draw(seed) @ reference.root.T + reference.mean for seed in range(draws))
  return float(np.mean([frechet.distance_of(x, reference) for x in moved]))


def _fresh(judge: Judge, draws: int = 5) -> float:
  """How often a training image is nearer to another part of them than to the held-out images."""
  assert judge.test is not None
  num = min(len(judge.train) // 2, len(judge.test), PIXELS)
  far, values = judge.test.pixels(judge.test.some(num, TEST)), []
  for seed in range(draws):
    order = np.random.default_rng(seed).permutation(len(judge.train))
    fake, near = (judge.train.pixels(x) for x in (order[:num], order[num : 2 * num]))
    values.append(memorisation(fake, near, far).nearer_to_train)
  return float(np.mean(values))


Given = np.ndarray | Source | Sample


def evaluate(
  sample: Callable[[int], Given],
  judge: Judge,
  *,
  metrics: Sequence[str] = ('frechet', 'kernel', 'is', 'prdc', 'memorisation'),
  seeds: Sequence[int] = (1000, 1001, 1002, 1003, 1004),
) -> list[Score]:
  """Return scores of `sample(seed)`, images (or these as seen) of each seed, as many each time.

  Of several seeds the interval is Student's over them; of one, Wilson's where the score is a share.
  No score changes when images, of whichever set, come in another order.

  Raises:
    ValueError: an unknown metric, with those there are; images of another size, or too few.
  """
  metrics = metrics_named(judge.network, metrics)
  rounds: list[dict[str, Found]] = []
  for seed in seeds:
    one = _seen(judge, sample(seed))
    rounds.append({metric: METRICS[metric](judge, one) for metric in metrics})
  num, scores = len(one), list[Score]()
  floors = ideal(judge, num, metrics)
  for metric in metrics:
    known = METRICS[metric](*baseline(metric, judge, num))
    scores += [
      Score(
        name=name,
        of=_interval(name, [found[metric][name] for found in rounds]),
        num=measured.num,
        against=judge.about,
        real=known[name].value,
        real_num=known[name].num,
        ideal=floors.get(name),
        network=_by(judge, metric).described,
        seeds=tuple(seeds),
      )
      for name, measured in rounds[0][metric].items()
    ]
  return scores


def _by(judge: Judge, metric: str) -> FeatureNetwork:
  return judge.digits if metric == 'modes' and judge.digits else judge.network


def _interval(name: str, found: Sequence[Measured]) -> Interval:
  """Student's over repeats; Wilson's of a share that has one, or that no repeat changed."""
  values, num = [one.value for one in found], sum(one.num for one in found)
  by_repeats = intervals.repeats(values)
  if name not in SHARES:
    return by_repeats
  if len(values) == 1 or by_repeats.low == by_repeats.high:
    return intervals.wilson(by_repeats.value * num, num)
  return by_repeats._replace(low=max(by_repeats.low, 0.0), high=min(by_repeats.high, 1.0))


def baseline(metric: str, judge: Judge, num: int) -> tuple[Judge, Sample]:
  """Return real images to be scored, at most `num`, and by whom; all choices are by seed.

  The held-out ones; for memorisation one half of them, with the other as held out. Where none are
  held out, one half of the training images against the other.
  """
  if judge.test is None:
    half, other = halves(judge.train, TRAIN)
    return judge._replace(train=other, reference=_reference(other)), thinned(half, num, TEST)
  if metric == 'memorisation':
    half, other = halves(judge.test, TEST)
    return judge._replace(test=other), half
  return judge, thinned(judge.test, num, TEST)


def table(scores: Sequence[Score]) -> str:
  """The scores in columns."""
  lines = [HEAD, *(score.cells() for score in scores)]
  widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
  pad = lambda line: '  '.join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip()
  return '\n'.join(map(pad, lines))


HIGH, LOW = 0.8, 0.1
CONTRADICTIONS = {
  ('precision', 'recall'): 'the samples lie among the real images, but show few kinds of them, or '
  'the network does not tell them from real ones: look at them before you believe the precision',
  ('recall', 'precision'): 'real images lie among the samples, but few samples among real images: '
  'the samples spread widely, as noise does, and the recall alone praises that',
  ('precision', 'coverage'): 'the samples lie near few of the real images: most kinds are missing',
}
"""Two scores of which the first is high and the second near 0, and what that means."""


def notes(found: Sequence[Score]) -> list[str]:
  """Return a sentence for each pair of scores that contradict each other."""
  values = {score.name: score.of.value for score in found}
  return [
    f'{good} is {values[good]:.2g} and {bad} {values[bad]:.2g}: {meaning}'
    for (good, bad), meaning in CONTRADICTIONS.items()
    if values.get(good, 0) >= HIGH and values.get(bad, 1) <= LOW
  ]


def _seen(judge: Judge, images: Given) -> Sample:
  """The sample; ValueError where it cannot be measured by this judge."""
  wanted = judge.train.images and judge.train.images.spec.shape
  if isinstance(images, Sample):
    there = images.images and images.images.spec.shape
  else:
    there = images.spec.shape if isinstance(images, Source) else images.shape[1:]
  kind = images.dtype if isinstance(images, np.ndarray) else np.dtype(np.uint8)
  if (wanted and there and there != wanted) or kind != np.uint8:
    raise ValueError(f'expected images uint8 {list(wanted or ())}, got {kind} {list(there or ())}')
  if len(images) <= NEAREST:
    raise ValueError(f'--num must be above {NEAREST}, it is {len(images)}')
  return images if isinstance(images, Sample) else seen(judge.network, images)
