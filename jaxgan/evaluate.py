"""How good a run is: `python -m jaxgan.evaluate --workdir=/tmp/run`.

Each number comes with how many images it is of, what they were compared with, by which network, its
interval over repeats, and what real images of the test split and an ideal sampler score.
"""

import dataclasses
import pathlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import tyro

from jaxgan import features, pictures, workdir
from jaxgan.data import Source
from jaxgan.features import FeatureNetwork
from jaxgan.metrics import frechet, intervals, kernel, moments, neighbours
from jaxgan.metrics.intervals import Interval
from jaxgan.metrics.memorisation import memorisation
from jaxgan.metrics.score import classifier_score
from jaxgan.run import Run, load
from jaxgan.train import open_data

HELD = 10_000  # most images that neighbours are looked for among
NEAREST = 5
SUBSET = 1000


@dataclass(frozen=True)
class Options:
  """Score the averaged generator of a run, against the images it was trained on."""

  workdir: pathlib.Path
  """The run's directory."""
  metrics: str = 'fid,kid,is,prdc,memorisation'
  """Which, comma between."""
  features: Literal['classifier', 'inception'] = 'classifier'
  """classifier: trained on the run's own data set. inception: that of the FID, from a file."""
  inception_weights: pathlib.Path | None = None
  """The file for --features=inception: .pth, .safetensors or .npz."""
  num: int | None = None
  """Images of a repeat; as many as the test split has, up to 10 000, if not given."""
  repeats: int = 5
  """How often, each time with a seed of its own."""
  seed: int = 1000
  """The first of these seeds."""
  out: pathlib.Path | None = None
  """Where the figures go as JSON; evaluation.json in the run's directory if not given."""


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
    ends = f'{self.of.low:.4g} to {self.of.high:.4g}'
    ideal = '-' if self.ideal is None else f'{self.ideal:.4g}'
    real = f'{self.real:.4g} (N={self.real_num})'
    return [self.name, f'{self.of.value:.4g}', ends, real, ideal, str(self.num), self.against]


HEAD = ['', 'score', '95 %', 'real test images', 'ideal', 'N', 'against']


class Judge(NamedTuple):
  """What images are measured by and against: uint8 `[N, H, W, C]`, all of one data set.

  `known` are features and logits of the training images, `reference` the moments of the features.
  """

  network: FeatureNetwork
  train: np.ndarray
  test: np.ndarray
  known: tuple[np.ndarray, np.ndarray]
  reference: frechet.Reference

  def some(self, num: int) -> np.ndarray:
    """Which of the training images stand for all, `[num]`, drawn once and for all."""
    return np.random.default_rng(0).permutation(len(self.train))[:num]


class Sample(NamedTuple):
  """Images uint8 `[N, H, W, C]`, and what the network makes of them."""

  images: np.ndarray
  features: np.ndarray
  logits: np.ndarray


def judge_of(network: FeatureNetwork, train: np.ndarray, test: np.ndarray) -> Judge:
  """What is computed once for all samples."""
  known = network.apply(train)
  return Judge(network, train, test, known, frechet.reference(moments.of(known[0])))


def seen_by(judge: Judge, images: np.ndarray) -> Sample:
  """The images as the network sees them; once for all metrics, for it may be slow."""
  return Sample(images, *judge.network.apply(images))


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
  size = min(SUBSET, len(sample.images), len(judge.train))
  return {'kernel distance': kernel.in_subsets(judge.known[0], sample.features, size=size)[0]}


def inception_score(judge: Judge, sample: Sample) -> dict[str, float]:
  """The classifier score, in one split: parts of few images score low."""
  return {'classifier score': classifier_score(sample.logits, splits=1)[0]}


def prdc(judge: Judge, sample: Sample) -> dict[str, float]:
  """Precision, recall, density and coverage, of equally many."""
  num = min(len(sample.images), len(judge.train), HELD)
  real = judge.known[0][judge.some(num)]
  return neighbours.prdc(real, sample.features[:num], NEAREST)._asdict()


def copies(judge: Judge, sample: Sample) -> dict[str, float]:
  """Whether pixels were learnt by heart.

  By distances to equally many training and held-out images; and the share of images that are one of
  all the training images, to the bit.
  """
  num = min(len(judge.train), len(judge.test), 2000)
  flat = lambda x: x.reshape(len(x), -1).astype(np.float64)
  near, far = judge.train[judge.some(num)], judge.test[:num]
  found = memorisation(flat(sample.images[:num]), flat(near), flat(far))
  seen = {image.tobytes() for image in judge.train}
  return {
    'nearer to train': found.nearer_to_train,
    'authentic': found.authentic,
    'copies': float(np.mean([image.tobytes() in seen for image in sample.images])),
  }


METRICS: dict[str, Callable[[Judge, Sample], dict[str, float]]] = {
  'fid': fid,
  'kid': kid,
  'is': inception_score,
  'prdc': prdc,
  'memorisation': copies,
}


def ideal(judge: Judge, num: int) -> dict[str, float]:
  """What a sampler of the very distribution has at that N, where it can be told.

  Of the Fréchet distance: the mean over Gaussian draws of the training features' own moments.
  """
  draw = lambda seed: np.random.default_rng(seed).normal(size=(num, len(judge.reference.mean)))
  moved = lambda seed: draw(seed) @ judge.reference.root.T + judge.reference.mean
  floors = [frechet.distance_of(moved(seed), judge.reference) for seed in range(5)]
  return {
    'Fréchet distance': float(np.mean(floors)),
    'Fréchet distance, N to infinity': 0.0,
    'kernel distance': 0.0,
    'classifier score': classifier_score(judge.known[1], splits=1)[0],
    'nearer to train': 0.5,
    'copies': 0.0,
  }


def evaluate(
  sample: Callable[[int], np.ndarray],
  judge: Judge,
  *,
  metrics: Sequence[str] = tuple(METRICS),
  seeds: Sequence[int] = (1000, 1001, 1002, 1003, 1004),
) -> list[Score]:
  """Scores of `sample(seed)`, uint8 images of each seed, as many each time.

  Raises:
    ValueError: an unknown metric, with those there are; images of another size, or too few.
  """
  _check(metrics, judge, first := sample(seeds[0]))
  later = (sample(seed) for seed in seeds[1:])
  rounds = [seen_by(judge, images) for images in (first, *later)]
  real_images = seen_by(judge, judge.test[: len(first)])
  floors, scores = ideal(judge, len(first)), []
  for metric in metrics:
    values = [METRICS[metric](judge, one) for one in rounds]
    real = _baseline(metric, judge, real_images)
    scores += [
      Score(
        name=name,
        of=intervals.repeats([value[name] for value in values]),
        num=len(first),
        against=f'train ({len(judge.train)})',
        real=real[name],
        real_num=len(real_images.images),
        ideal=floors.get(name),
        network=f'{judge.network.name} {judge.network.hash} ({judge.network.about})',
        seeds=tuple(seeds),
      )
      for name in values[0]
    ]
  return scores


def _baseline(metric: str, judge: Judge, real: Sample) -> dict[str, float]:
  """Of real test images; for memorisation one half of them, judged by the other."""
  if metric == 'memorisation':
    half = len(judge.test) // 2
    real = real._replace(images=judge.test[:half])  # all that it looks at
    return METRICS[metric](judge._replace(test=judge.test[half:]), real)
  return METRICS[metric](judge, real)


def of_run(run: Run, options: Options) -> list[Score]:
  """Scores of a run against its own data set.

  Raises:
    ValueError: a data set without a test split, or without labels for a classifier; and as
      `features.inception` and `evaluate`.
  """
  train, test = (open_data(run.config, split) for split in ('train', 'test'))
  own = options.features == 'classifier'
  network = (
    features.classifier(train, test) if own else features.inception(options.inception_weights)
  )
  judge = judge_of(network, _all(train), _all(test))
  num = min(len(test), HELD) if options.num is None else options.num
  draw = lambda seed: pictures.to_uint8(run.sample(seed, num))
  seeds = range(options.seed, options.seed + options.repeats)
  return evaluate(draw, judge, metrics=options.metrics.split(','), seeds=list(seeds))


def _all(source: Source) -> np.ndarray:
  return source.images(np.arange(len(source)))


def table(scores: Sequence[Score]) -> str:
  """The scores in columns."""
  lines = [HEAD, *(score.cells() for score in scores)]
  widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
  pad = lambda line: '  '.join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip()
  return '\n'.join(map(pad, lines))


def write(path: pathlib.Path, run: Run, network: str, scores: Sequence[Score]) -> None:
  """The scores as JSON."""
  values = [{**dataclasses.asdict(score), 'of': score.of._asdict()} for score in scores]
  about = {'variant': run.config.variant, 'dataset': run.config.dataset, 'step': run.step}
  workdir.write_config(path, {**about, 'network': network, 'scores': values})


def main(argv: list[str] | None = None) -> int:
  """The command; its exit code is 0, or 2 on wrong input."""
  program = 'python -m jaxgan.evaluate'
  options = tyro.cli(Options, args=argv, prog=program, config=(tyro.conf.FlagConversionOff,))
  try:
    if options.repeats < 1:
      raise ValueError(f'--repeats must be above 0, it is {options.repeats}')
    run = load(options.workdir)
    scores = of_run(run, options)
  except ValueError as error:
    print(f'jaxgan: {error}', file=sys.stderr)
    return 2
  about = f'{scores[0].network}; seeds {options.seed} to {scores[0].seeds[-1]}'
  path = options.out or options.workdir.expanduser() / 'evaluation.json'
  write(path, run, about, scores)
  print(f'{table(scores)}\n\nby {about}; {path}')
  return 0


def _check(metrics: Sequence[str], judge: Judge, images: np.ndarray) -> None:
  if unknown := [name for name in metrics if name not in METRICS]:
    raise ValueError(f'there is no metric {unknown[0]!r}, only {", ".join(METRICS)}')
  if images.shape[1:] != judge.train.shape[1:] or images.dtype != np.uint8:
    raise ValueError(
      f'expected images uint8 {list(judge.train.shape[1:])}, got {images.dtype} '
      f'{list(images.shape[1:])}'
    )
  if len(images) <= NEAREST:
    raise ValueError(f'--num must be above {NEAREST}, it is {len(images)}')


if __name__ == '__main__':
  sys.exit(main())
