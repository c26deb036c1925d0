"""Scores: metrics of a sample of images, with all that is needed to believe them.

Each number comes with how many images it is of, what they were compared with, by which network, its
interval, and what real images that were held out and an ideal sampler score.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from jaxgan.evaluation.features import FeatureNetwork
from jaxgan.evaluation.metrics import frechet, intervals, kernel, modes, moments, neighbours
from jaxgan.evaluation.metrics.classifier_score import classifier_score
from jaxgan.evaluation.metrics.intervals import Interval
from jaxgan.evaluation.metrics.memorisation import memorisation

HELD = 10_000  # most images that neighbours are looked for among
NEAREST = 5
SUBSET = 1000
PIXELS = 2000  # most images whose pixels are compared


@dataclass(frozen=True)
class Score:
  """A number and all that is needed to believe it; there is no way to print it alone."""

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


class Sample(NamedTuple):
  """Images uint8 `[N, H, W, C]`, and what the network makes of them."""

  images: np.ndarray
  features: np.ndarray
  logits: np.ndarray


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

  def some(self, num: int) -> np.ndarray:
    """Which of the training images stand for all, `[num]`, drawn once and for all."""
    return np.random.default_rng(0).permutation(len(self.train.images))[:num]


def seen(network: FeatureNetwork, images: np.ndarray) -> Sample:
  """The images as the network sees them; once for all metrics, for it may be slow."""
  return Sample(images, *network.apply(images))


def judge_of(
  network: FeatureNetwork, train: np.ndarray, test: np.ndarray | None, about: str = 'train'
) -> Judge:
  """What is computed once for all samples."""
  known = seen(network, train)
  held = None if test is None else seen(network, test)
  reference = frechet.reference(moments.of(known.features))
  return Judge(network, known, held, reference, f'{about} ({len(train)})')


# A metric: (judge, sample) -> its values by name.


def fid(judge: Judge, sample: Sample) -> dict[str, float]:
  """The Fréchet distance of the network's features, as it is and without its bias."""
  unbiased = frechet.without_bias(sample.features, judge.reference)[0]
  return {
    'Fréchet distance': frechet.distance_of(sample.features, judge.reference),
    'Fréchet distance, N to infinity': unbiased,
  }


def kid(judge: Judge, sample: Sample) -> dict[str, float]:
  """The kernel distance, in subsets of 1000 or fewer."""
  size = min(SUBSET, len(sample.images), len(judge.train.images))
  return {'kernel distance': kernel.in_subsets(judge.train.features, sample.features, size=size)[0]}


def inception_score(judge: Judge, sample: Sample) -> dict[str, float]:
  """The classifier score, in one split: parts of few images score low."""
  if not sample.logits.shape[1]:
    raise ValueError(f'{judge.network.name} gives no logits: leave is out of --metrics')
  return {'classifier score': classifier_score(sample.logits, splits=1)[0]}


def prdc(judge: Judge, sample: Sample) -> dict[str, float]:
  """Precision, recall, density and coverage, of equally many."""
  num = min(len(sample.images), len(judge.train.images), HELD)
  real = judge.train.features[judge.some(num)]
  return neighbours.prdc(real, sample.features[:num], NEAREST)._asdict()


def copies(judge: Judge, sample: Sample) -> dict[str, float]:
  """Whether pixels were learnt by heart.

  By distances to equally many training and held-out images; and the share of images that are one of
  all the training images, to the bit.
  """
  if judge.test is None:
    raise ValueError('memorisation needs real images held out from training: give --held-out=PATH')
  if not judge.train.images[0].size:
    raise ValueError('memorisation looks at pixels, and these are features: leave it out')
  num = min(len(judge.train.images), len(judge.test.images), PIXELS)
  near, far = judge.train.images[judge.some(num)], judge.test.images[:num]
  found = memorisation(_flat(sample.images[:num]), _flat(near), _flat(far))
  known = {image.tobytes() for image in judge.train.images}
  return {
    'nearer to train': found.nearer_to_train,
    'authentic': found.authentic,
    'copies': float(np.mean([image.tobytes() in known for image in sample.images])),
  }


def stacked_modes(judge: Judge, sample: Sample) -> dict[str, float]:
  """Which of the 1000 triples of digits are there, and how evenly."""
  if judge.digits is None:
    raise ValueError(
      'modes are counted of --dataset=stacked_mnist, and by jaxgan.plane in the plane'
    )
  logits = (judge.digits.apply(sample.images[..., i : i + 1])[1] for i in range(3))
  found = modes.stacked(np.stack([x.argmax(1) for x in logits], 1))
  return {'modes of 1000': float(found.found), 'KL(fake | uniform)': found.reverse_kl}


METRICS: dict[str, Callable[[Judge, Sample], dict[str, float]]] = {
  'fid': fid,
  'kid': kid,
  'is': inception_score,
  'prdc': prdc,
  'memorisation': copies,
  'modes': stacked_modes,
}
SHARES = ('precision', 'recall', 'coverage', 'nearer to train', 'authentic', 'copies')


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
  if 'fid' in metrics:
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
  num = min(len(judge.train.images) // 2, len(judge.test.images), PIXELS)
  far, values = _flat(judge.test.images[:num]), []
  for seed in range(draws):
    order = np.random.default_rng(seed).permutation(len(judge.train.images))
    fake, near = (_flat(judge.train.images[x]) for x in (order[:num], order[num : 2 * num]))
    values.append(memorisation(fake, near, far).nearer_to_train)
  return float(np.mean(values))


def _flat(images: np.ndarray) -> np.ndarray:
  return images.reshape(len(images), -1).astype(np.float64)


def evaluate(
  sample: Callable[[int], np.ndarray | Sample],
  judge: Judge,
  *,
  metrics: Sequence[str] = ('fid', 'kid', 'is', 'prdc', 'memorisation'),
  seeds: Sequence[int] = (1000, 1001, 1002, 1003, 1004),
) -> list[Score]:
  """Scores of `sample(seed)`, uint8 images (or these as seen) of each seed, as many each time.

  Of several seeds the interval is Student's over them; of one, Wilson's where the score is a share.

  Raises:
    ValueError: an unknown metric, with those there are; images of another size, or too few.
  """
  rounds = [_seen(judge, metrics, sample(seed)) for seed in seeds]
  num, scores = len(rounds[0].images), list[Score]()
  floors = ideal(judge, num, metrics)
  for metric in metrics:
    values = [METRICS[metric](judge, one) for one in rounds]
    other, real = baseline(metric, judge, num)
    known = METRICS[metric](other, real)
    scores += [
      Score(
        name=name,
        of=_interval(name, [value[name] for value in values], num),
        num=num,
        against=judge.about,
        real=known[name],
        real_num=len(real.images),
        ideal=floors.get(name),
        network=_by(judge, metric).described,
        seeds=tuple(seeds),
      )
      for name in values[0]
    ]
  return scores


def _by(judge: Judge, metric: str) -> FeatureNetwork:
  return judge.digits if metric == 'modes' and judge.digits else judge.network


def _interval(name: str, values: Sequence[float], num: int) -> Interval:
  if len(values) > 1 or name not in SHARES:
    return intervals.repeats(values)
  return intervals.wilson(values[0] * num, num)


def baseline(metric: str, judge: Judge, num: int) -> tuple[Judge, Sample]:
  """Real images to be scored, at most `num`, and by whom.

  The held-out ones; for memorisation one half of them, with the other as held out. Where none are
  held out, one half of the training images against the other.
  """
  if judge.test is None:
    order = np.random.default_rng(0).permutation(len(judge.train.images))
    half = len(order) // 2
    known = _part(judge.train, order[half:])
    other = judge._replace(train=known, reference=frechet.reference(moments.of(known.features)))
    return other, _part(judge.train, order[: min(half, num)])
  if metric == 'memorisation':
    first, second = np.split(np.arange(len(judge.test.images) // 2 * 2), 2)
    return judge._replace(test=_part(judge.test, second)), _part(judge.test, first)
  return judge, _part(judge.test, np.arange(min(num, len(judge.test.images))))


def _part(sample: Sample, chosen: np.ndarray) -> Sample:
  return Sample(*(x[chosen] for x in sample))


def table(scores: Sequence[Score]) -> str:
  """The scores in columns."""
  lines = [HEAD, *(score.cells() for score in scores)]
  widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
  pad = lambda line: '  '.join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip()
  return '\n'.join(map(pad, lines))


def _seen(judge: Judge, metrics: Sequence[str], given: np.ndarray | Sample) -> Sample:
  images = given.images if isinstance(given, Sample) else given
  _check(metrics, judge, images)
  return given if isinstance(given, Sample) else seen(judge.network, given)


def _check(metrics: Sequence[str], judge: Judge, images: np.ndarray) -> None:
  if unknown := [name for name in metrics if name not in METRICS]:
    raise ValueError(f'there is no metric {unknown[0]!r}, only {", ".join(METRICS)}')
  shape = judge.train.images.shape[1:]
  if images.shape[1:] != shape or images.dtype != np.uint8:
    raise ValueError(
      f'expected images uint8 {list(shape)}, got {images.dtype} {list(images.shape[1:])}'
    )
  if len(images) <= NEAREST:
    raise ValueError(f'--num must be above {NEAREST}, it is {len(images)}')
