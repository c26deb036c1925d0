"""Scores: metrics of a sample of images, with all that is needed to interpret them.

Each score has an interval. It names the number of images, what they were compared with, and the
feature network. Beside it stand the scores of held-out real images and of an ideal sampler.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from jaxgan.core import progress
from jaxgan.data.source import Source
from jaxgan.evaluation.features import FeatureNetwork
from jaxgan.evaluation.metrics import frechet, intervals, kernel, modes, neighbors
from jaxgan.evaluation.metrics.classifier_score import classifier_score
from jaxgan.evaluation.metrics.intervals import Interval
from jaxgan.evaluation.metrics.memorization import memorization
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

HELD = 10_000  # the largest number of images among which neighbors are searched
NEAREST = 5
SUBSET = 1000
PIXELS = 2000  # the largest number of images whose pixels are compared


@dataclass(frozen=True)
class Score:
  """A score and all that is needed to interpret it.

  Attributes:
    name: the metric's name, such as 'Fréchet distance'.
    of: the value and its 95 % interval.
    num: the number of images it was computed from, which may be below the number drawn.
    against: what the images were compared with.
    real: the score of held-out real images.
    real_num: the number of these.
    ideal: the score of an ideal sampler; None if it is unknown.
    network: the feature network: name, hash and description.
    seeds: the seeds of the samples.
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
    """Return the cells of a table row."""
    ends = f'{self.of.low:.4g} to {self.of.high:.4g}' if np.isfinite(self.of.low) else 'one sample'
    ideal = '-' if self.ideal is None else f'{self.ideal:.4g}'
    real = f'{self.real:.4g} (N={self.real_num})'
    return [self.name, f'{self.of.value:.4g}', ends, real, ideal, str(self.num), self.against]

  def plain(self) -> dict[str, object]:
    """Return the score in types that JSON has."""
    return {**dataclasses.asdict(self), 'of': self.of._asdict()}


HEAD = ['', 'score', '95 %', 'held-out real', 'ideal', 'N', 'against']


class Evaluator(NamedTuple):
  """The feature network and the real images that samples are compared with.

  Attributes:
    network: the feature network.
    train: the training images.
    test: held-out real images; None if there are none.
    reference: the Gaussian of the training features.
    about: a description of the training images.
    digits: the network that reads the digit of one channel, for the metric 'modes'; else None.
  """

  network: FeatureNetwork
  train: Sample
  test: Sample | None
  reference: frechet.Reference
  about: str
  digits: FeatureNetwork | None = None


def evaluator_of(
  network: FeatureNetwork,
  train: np.ndarray | Source,
  test: np.ndarray | Source | None,
  about: str = 'train',
) -> Evaluator:
  """Compute the features of real images once, for the scores of all samples.

  Args:
    network: the feature network.
    train: the training images, uint8 `[N, H, W, C]` or a source.
    test: held-out images, likewise; None if there are none.
    about: the name of the training images in tables.
  """
  known = seen(network, train)
  held = None if test is None else seen(network, test)
  return Evaluator(network, known, held, _reference(known), f'{about} ({len(known)})')


def _reference(sample: Sample) -> frechet.Reference:
  return frechet.reference(moments_of(sample))


class Measured(NamedTuple):
  """A value and the number of images that it was computed from."""

  value: float
  num: int


Found = dict[str, Measured]


def _all_of(sample: Sample, **values: float) -> Found:
  return {name: Measured(value, len(sample)) for name, value in values.items()}


# A metric maps (evaluator, sample) to its values by name, each with its number of images.


def frechet_distance(evaluator: Evaluator, sample: Sample) -> Found:
  """Return the Fréchet distance of the network's features, with and without its bias.

  It is the FID only if the network is the FID's Inception.
  """
  unbiased, _ = frechet.without_bias(sample.features, evaluator.reference)
  values = {
    'Fréchet distance': frechet.distance_of(sample.features, evaluator.reference),
    'Fréchet distance, N to infinity': unbiased,
  }
  return _all_of(sample, **values)


def kernel_distance(evaluator: Evaluator, sample: Sample) -> Found:
  """Return the kernel distance, a mean over random subsets of at most 1000 images."""
  size = min(SUBSET, len(sample), len(evaluator.train))
  value = kernel.in_subsets(evaluator.train.features, sample.features, size=size)[0]
  return _all_of(sample, **{'kernel distance': value})


def inception_score(evaluator: Evaluator, sample: Sample) -> Found:
  """Return the classifier score of all images in one split, since small splits score lower."""
  if not sample.logits.shape[1]:
    raise ValueError(f'{evaluator.network.name} has no logits: remove "is" from --metrics')
  return _all_of(sample, **{'classifier score': classifier_score(sample.logits, splits=1)[0]})


def prdc(evaluator: Evaluator, sample: Sample) -> Found:
  """Return precision, recall, density and coverage, of as many real images as generated ones."""
  num = min(len(sample), len(evaluator.train), HELD)
  real = evaluator.train.features[evaluator.train.some(num, TRAIN)]
  fake = sample.features[sample.some(num, FAKE)]
  found = neighbors.prdc(real, fake, NEAREST)._asdict()
  return {name: Measured(value, num) for name, value in found.items()}


def copies(evaluator: Evaluator, sample: Sample) -> Found:
  """Measure whether training images were memorized.

  This compares the distances, in pixels, to equal numbers of training and held-out images. 'copies'
  is the share of samples that are identical to any of the training images.
  """
  if evaluator.test is None:
    raise ValueError('memorization needs real images held out from training: give --held-out=PATH')
  if evaluator.train.images is None:
    raise ValueError(
      'memorization compares pixels, but only features were given: remove it from the metrics'
    )
  num = min(len(evaluator.train), len(evaluator.test), PIXELS)
  near = evaluator.train.pixels(evaluator.train.some(num, TRAIN))
  far = evaluator.test.pixels(evaluator.test.some(num, TEST))
  fake = sample.pixels(sample.some(num, FAKE))
  found = memorization(fake, near, far)
  known = float(np.isin(sample.digests, evaluator.train.digests).mean())
  return {
    'nearer to train': Measured(found.nearer_to_train, len(fake)),
    'authentic': Measured(found.authentic, len(fake)),
    'copies': Measured(known, len(sample)),
  }


def stacked_modes(evaluator: Evaluator, sample: Sample) -> Found:
  """Count the triples of digits found, of 1000, and measure how even their frequencies are."""
  if evaluator.digits is None or sample.images is None:
    raise ValueError(
      'the metric modes is for --dataset=stacked_mnist; for mixtures in the plane use jaxgan.plane'
    )
  triples = [_read(evaluator.digits, part) for part in sample.images.parts()]
  found = modes.stacked(np.concatenate(triples))
  values = {'modes of 1000': float(found.found), 'KL(fake | uniform)': found.reverse_kl}
  return _all_of(sample, **values)


def _read(digits: FeatureNetwork, images: np.ndarray) -> np.ndarray:
  """Return the digit in each of the three channels, `[N, 3]`."""
  return np.stack([digits.apply(images[..., i : i + 1])[1].argmax(1) for i in range(3)], 1)


METRICS: dict[str, Callable[[Evaluator, Sample], Found]] = {
  'frechet': frechet_distance,
  'kernel': kernel_distance,
  'is': inception_score,
  'prdc': prdc,
  'memorization': copies,
  'modes': stacked_modes,
}
PUBLISHED = {'fid': 'frechet', 'kid': 'kernel'}
"""Names of published scores: these metrics with one network only, the FID's Inception."""
SHARES = ('precision', 'recall', 'coverage', 'nearer to train', 'authentic', 'copies')


def metrics_named(network: FeatureNetwork, names: Sequence[str]) -> list[str]:
  """Return the names as in `METRICS`; fid and kid are allowed only for the FID's network.

  Raises:
    ValueError: a name is unknown, or is fid or kid with another network.
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


def ideal(evaluator: Evaluator, num: int, metrics: Sequence[str]) -> dict[str, float]:
  """Return the scores of an ideal sampler, which draws from the training distribution itself.

  Scores whose ideal value is unknown are missing. The Fréchet distance is a mean over Gaussian
  samples with the moments of the training features. For memorization, part of the training images
  takes the place of the samples: if the held-out images are of another kind (other writers, say),
  the share nearer to train is above one half.

  Args:
    evaluator: the network and the real images.
    num: the number of samples.
    metrics: names as in `METRICS`.
  """
  floors = {
    'Fréchet distance, N to infinity': 0.0,
    'kernel distance': 0.0,
    'copies': 0.0,
    'modes of 1000': 1000.0,
    'KL(fake | uniform)': 999 / (2 * num),
  }
  if 'frechet' in metrics:
    floors['Fréchet distance'] = floor(evaluator.reference, num)
  if 'is' in metrics and evaluator.train.logits.shape[1]:
    floors['classifier score'] = classifier_score(evaluator.train.logits, splits=1)[0]
  if 'memorization' in metrics and evaluator.test is not None:
    floors['nearer to train'] = _fresh(evaluator)
  return floors


def floor(reference: frechet.Reference, num: int, draws: int = 5) -> float:
  """Return the mean Fréchet distance between the reference and `num` samples drawn from it."""
  draw = lambda seed: np.random.default_rng(seed).normal(size=(num, len(reference.mean)))
  moved = (draw(seed) @ reference.root.T + reference.mean for seed in range(draws))
  return float(np.mean([frechet.distance_of(x, reference) for x in moved]))


def _fresh(evaluator: Evaluator, draws: int = 5) -> float:
  """Return how often a training image is nearer to other training images than to held-out ones."""
  assert evaluator.test is not None
  num = min(len(evaluator.train) // 2, len(evaluator.test), PIXELS)
  far, values = evaluator.test.pixels(evaluator.test.some(num, TEST)), []
  for seed in range(draws):
    order = np.random.default_rng(seed).permutation(len(evaluator.train))
    fake, near = (evaluator.train.pixels(x) for x in (order[:num], order[num : 2 * num]))
    values.append(memorization(fake, near, far).nearer_to_train)
  return float(np.mean(values))


Given = np.ndarray | Source | Sample


def evaluate(
  sample: Callable[[int], Given],
  evaluator: Evaluator,
  *,
  metrics: Sequence[str] = ('frechet', 'kernel', 'is', 'prdc', 'memorization'),
  seeds: Sequence[int] = (1000, 1001, 1002, 1003, 1004),
) -> list[Score]:
  """Return the scores of a generator's samples.

  With several seeds, the interval is Student's t interval over the seeds. With one seed, scores
  that are shares have a Wilson interval. The order of the images changes no score.

  Args:
    sample: `sample(seed)` returns images, uint8 `[N, H, W, C]`, a source of them, or a `Sample`;
      the same N for each seed, above 5.
    evaluator: the network and the real images, see `evaluator_of`.
    metrics: names as in `METRICS`, or fid and kid.
    seeds: one round of samples for each.

  Returns:
    One or more `Score` for each metric, in their order.

  Raises:
    ValueError: a metric is unknown (the message lists all), or images have another size or are too
      few.
  """
  metrics = metrics_named(evaluator.network, metrics)
  rounds: list[dict[str, Found]] = []
  for seed in progress.over(seeds, 'scores of seed'):
    one = _seen(evaluator, sample(seed))
    kinds = progress.over(metrics, 'metric')
    rounds.append({metric: METRICS[metric](evaluator, one) for metric in kinds})
  num, scores = len(one), list[Score]()
  floors = ideal(evaluator, num, metrics)
  for metric in metrics:
    known = METRICS[metric](*baseline(metric, evaluator, num))
    scores += [
      Score(
        name=name,
        of=_interval(name, [found[metric][name] for found in rounds]),
        num=measured.num,
        against=evaluator.about,
        real=known[name].value,
        real_num=known[name].num,
        ideal=floors.get(name),
        network=_by(evaluator, metric).described,
        seeds=tuple(seeds),
      )
      for name, measured in rounds[0][metric].items()
    ]
  return scores


def _by(evaluator: Evaluator, metric: str) -> FeatureNetwork:
  return evaluator.digits if metric == 'modes' and evaluator.digits else evaluator.network


def _interval(name: str, found: Sequence[Measured]) -> Interval:
  """Return Student's interval over repeats; Wilson's for a share without differing repeats."""
  values, num = [one.value for one in found], sum(one.num for one in found)
  return intervals.share(values, num) if name in SHARES else intervals.repeats(values)


def baseline(metric: str, evaluator: Evaluator, num: int) -> tuple[Evaluator, Sample]:
  """Return real images to score in place of samples, at most `num`, and the evaluator for them.

  These are held-out images. For memorization they are one half of them, and the other half is the
  held-out set. Without held-out images they are one half of the training images, compared with the
  other half. All choices depend on fixed seeds.
  """
  if evaluator.test is None:
    half, other = halves(evaluator.train, TRAIN)
    return evaluator._replace(train=other, reference=_reference(other)), thinned(half, num, TEST)
  if metric == 'memorization':
    half, other = halves(evaluator.test, TEST)
    return evaluator._replace(test=other), half
  return evaluator, thinned(evaluator.test, num, TEST)


def table(scores: Sequence[Score]) -> str:
  """Return the scores as a table of text."""
  lines = [HEAD, *(score.cells() for score in scores)]
  widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
  pad = lambda line: '  '.join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip()
  return '\n'.join(map(pad, lines))


HIGH, LOW = 0.8, 0.1
CONTRADICTIONS = {
  ('precision', 'recall'): 'the samples lie among the real images, but show few kinds of them, or '
  'the network cannot tell them from real ones: look at them before you trust the precision',
  ('recall', 'precision'): 'real images lie among the samples, but few samples among real images: '
  'the samples spread widely, as noise does, which makes the recall high',
  ('precision', 'coverage'): 'the samples lie near few of the real images: most kinds are missing',
}
"""What it means if the first score of a pair is high and the second is near 0."""


def notes(found: Sequence[Score]) -> list[str]:
  """Return a sentence for each pair of scores that contradict each other."""
  values = {score.name: score.of.value for score in found}
  return [
    f'{good} is {values[good]:.2g} and {bad} {values[bad]:.2g}: {meaning}'
    for (good, bad), meaning in CONTRADICTIONS.items()
    if values.get(good, 0) >= HIGH and values.get(bad, 1) <= LOW
  ]


def _seen(evaluator: Evaluator, images: Given) -> Sample:
  """Return the sample; raise ValueError where the evaluator cannot measure it."""
  wanted = evaluator.train.images and evaluator.train.images.spec.shape
  if isinstance(images, Sample):
    there = images.images and images.images.spec.shape
  else:
    there = images.spec.shape if isinstance(images, Source) else images.shape[1:]
  kind = images.dtype if isinstance(images, np.ndarray) else np.dtype(np.uint8)
  if (wanted and there and there != wanted) or kind != np.uint8:
    raise ValueError(f'expected images uint8 {list(wanted or ())}, got {kind} {list(there or ())}')
  if len(images) <= NEAREST:
    raise ValueError(f'--num must be above {NEAREST}, it is {len(images)}')
  return images if isinstance(images, Sample) else seen(evaluator.network, images)
