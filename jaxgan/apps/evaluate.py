"""How good images are: `python -m jaxgan.evaluate --workdir=/tmp/run`, or `--fake=A --real=B`."""

import contextlib
import dataclasses
import pathlib
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np

from jaxgan import data
from jaxgan.apps import command
from jaxgan.core.seeds import check_seed
from jaxgan.data import Source, images
from jaxgan.data.listing import listing
from jaxgan.evaluation import features, reference_statistics, samples, scores
from jaxgan.evaluation.features import FeatureNetwork
from jaxgan.evaluation.metrics import frechet
from jaxgan.evaluation.samples import Sample
from jaxgan.evaluation.scores import HELD, Judge, Score
from jaxgan.ops.images import to_uint8
from jaxgan.recipes.config import Common
from jaxgan.storage import files
from jaxgan.training.run import Run, load
from jaxgan.training.session import held_out, open_data

Taken = TypeVar('Taken')


@dataclass(frozen=True)
class Options:
  """Score the averaged generator of a run by the images it was trained on; or a set by another."""

  workdir: pathlib.Path | None = None
  """The run's directory."""
  fake: pathlib.Path | None = None
  """In place of a run: a folder of images, or an .npz of `images` (uint8 [N, S, S, C]) or of
  `features` [N, d] (and `logits`)."""
  real: pathlib.Path | None = None
  """What --fake is measured against: the same kinds of file, or one of --save-stats."""
  held_out: pathlib.Path | None = None
  """More images like --real, or like those of a run on a folder, that nothing was trained on."""
  metrics: str | None = None
  """Which of frechet, kernel, is, prdc, memorisation, modes, comma between; all that can be told,
  if not given. With --features=inception and the FID's weights fid and kid, too."""
  features: str = 'own'
  """classifier: trained on the real images and their labels. turns: the same for images without.
  own: whichever of the two. inception: that of the FID, from a file. MODULE:FUNCTION: your own."""
  inception_weights: pathlib.Path | None = None
  """The file for --features=inception: .pth, .safetensors or .npz."""
  num: int | None = None
  """Images of a repeat; of a run as many as are held out, up to 10 000, if not given. Of a set that
  many are drawn by seed; all if not given."""
  repeats: int = 5
  """How often a run is sampled, each time with a seed of its own."""
  seed: int = 1000
  """The first of these seeds."""
  classes: Literal['data', 'even'] = 'data'
  """Of a run that draws by class: as often as the training images have them, or all equally."""
  checkpoint: Literal['latest', 'best'] = 'latest'
  """best: the one that --eval-every of the training kept."""
  image_size: int | None = None
  """Pixels on a side to which folders are brought; those of the other set, if not given."""
  save_stats: pathlib.Path | None = None
  """A file for the statistics of the real images, which --real takes in their place."""
  out: pathlib.Path | None = None
  """Where the figures go as JSON; evaluation.json in the run's directory if not given."""

  def check(self) -> None:
    """Raises ValueError for options that do not go together."""
    if self.repeats < 1:
      raise ValueError(f'--repeats must be above 0, it is {self.repeats}')
    if self.num is not None and self.num < 1:
      raise ValueError(f'--num must be above 0, it is {self.num}')
    check_seed(self.seed, '--seed')
    check_seed(self.seed + self.repeats - 1, 'the last seed, --seed + --repeats - 1,')
    if (self.workdir is None) != bool(self.fake and self.real):
      raise ValueError('give --workdir, or both --fake and --real')


def of_run(run: Run, options: Options) -> tuple[list[Score], Judge | None]:
  """Scores of a run against its own data set.

  Raises:
    ValueError: as `judge` and `scores.evaluate`.
  """
  run.sampler()  # refused before anything is trained, where there is none
  train = open_data(run.config)
  held = _held_out(run, options, train)
  found = judge(options, train, held, f'{run.config.dataset}, train')
  if train.channels_of:
    found = found._replace(digits=_reader(run.config, train.channels_of))
  num = min(len(held or train), HELD) if options.num is None else options.num
  run = run.evenly() if options.classes == 'even' else run
  draw = lambda seed: np.concatenate([to_uint8(images) for images in run.parts(seed, num)])
  seeds = range(options.seed, options.seed + options.repeats)
  return scores.evaluate(draw, found, metrics=_metrics(options, found), seeds=list(seeds)), found


def _reader(config: Common, dataset: str) -> FeatureNetwork:
  """What reads a single channel, an image of that data set."""
  single = dataclasses.replace(config, dataset=dataset, channels=1)
  train = open_data(single)
  return features.classifier(train, held_out(single, train))


def _held_out(run: Run, options: Options, train: Source) -> Source | None:
  """The test split; of a folder, which has none, the images that were given."""
  if options.held_out is not None:
    spec = run.spec
    return opened(options.held_out, spec.size, spec.channels)
  return held_out(run.config, train)


def judge(options: Options, train: Source, held: Source | None, about: str) -> Judge:
  """Who judges images like those of `train`.

  Raises:
    ValueError: held-out images of another shape, or no such feature network.
  """
  if held is not None and held.spec.shape != train.spec.shape:
    raise ValueError(f'held-out images are {held.spec.shape}, the others {train.spec.shape}')
  network = features.named(options.features, train, held, options.inception_weights)
  return scores.judge_of(network, train, held, f'{about}, {train.spec.shape}')


def _metrics(options: Options, found: Judge) -> list[str]:
  """Those asked for, or all that can be told."""
  if options.metrics is not None:
    return options.metrics.split(',')
  fits = {
    'frechet': True,
    'kernel': True,
    'is': found.train.logits.shape[1] > 0 and found.network.name != 'turns',
    'prdc': True,
    'memorisation': found.test is not None and found.train.images is not None,
    'modes': found.digits is not None,
  }
  return [name for name, fit in fits.items() if fit]


def opened(path: pathlib.Path, size: int, channels: int | None = None) -> Source:
  """The images of a folder or an .npz file.

  Raises:
    ValueError: neither, or no images in it of uint8 from 0 to 255.
  """
  if path.is_dir():
    return data.load('folder', folder=path, image_size=size, channels=channels)
  arrays = _arrays(path)
  if 'images' not in arrays:
    raise ValueError(f'{path} should hold `images`, it holds {", ".join(arrays) or "nothing"}')
  images = arrays['images']
  if images.dtype != np.uint8:
    lowest, highest = (f(images) if images.size else 0 for f in (np.min, np.max))
    raise ValueError(
      f'{path} should hold images as uint8 from 0 to 255, they are {images.dtype} from '
      f'{lowest:.4g} to {highest:.4g}: those in [-1, 1] go through jaxgan.ops.images.to_uint8'
    )
  return data.from_arrays(images, arrays.get('labels'))


def _arrays(path: pathlib.Path) -> dict[str, np.ndarray]:
  return _stored(path, dict)


def _stored(path: pathlib.Path, take: Callable[[Any], Taken]) -> Taken:
  """What is taken of a file of arrays, by name; none is read that is not asked for."""
  try:
    with np.load(path, allow_pickle=False) as stored:
      return take(stored)
  except (OSError, ValueError, AttributeError, EOFError, zipfile.BadZipFile) as error:
    raise ValueError(f'{path} is neither a folder of images nor an .npz file: {error}') from error


def of_sets(options: Options) -> tuple[list[Score], Judge | None]:
  """Scores of one set of images, or of features, by another.

  Raises:
    ValueError: sets that do not go together; as `opened` and `scores.evaluate`.
  """
  assert options.fake and options.real
  if options.real.suffix == '.npz' and (kept := reference_statistics.read(options.real)):
    return _by_statistics(options, kept), None
  if _holds_features(options.fake):
    found, sample = _of_features(options)
    return _once(sample, found, options), found
  fake = opened(options.fake, options.image_size or _size(options.fake))
  size = options.image_size or fake.spec.size
  real = opened(options.real, size)
  held = opened(options.held_out, size) if options.held_out else None
  found = judge(options, real, held, str(options.real))
  sample = samples.seen(found.network, fake, _num(options, len(fake)))
  return _once(sample, found, options), found


def _num(options: Options, there: int) -> int:
  """How many of so many images are scored; says so where more were asked for."""
  if options.num is not None and options.num > there:
    asked = f'--num={options.num}, but {options.fake} has {there} images'
    print(f'jaxgan: {asked}: all of them are scored', file=sys.stderr)
  return min(options.num or there, there)


def _once(sample: Sample, found: Judge, options: Options) -> list[Score]:
  return scores.evaluate(lambda _: sample, found, metrics=_metrics(options, found), seeds=[0])


def _by_statistics(options: Options, kept: reference_statistics.Statistics) -> list[Score]:
  assert options.fake
  if options.metrics not in (None, 'frechet', 'fid'):
    raise ValueError(f'statistics serve --metrics=frechet alone, not {options.metrics}')
  images = opened(options.fake, options.image_size or kept.shape[0], kept.shape[-1])
  network = features.named(options.features, images, None, options.inception_weights)
  scores.metrics_named(network, [options.metrics or 'frechet'])
  sample = samples.seen(network, images, _num(options, len(images)))
  return reference_statistics.scores(network, kept, lambda _: sample, [0])


def _size(path: pathlib.Path) -> int:
  """Pixels on a side of the images of a folder; a file of arrays has its own."""
  if path.is_file():
    return 0
  found = listing(path).images if path.is_dir() else ()
  with images.guarded():
    for name in found:
      with contextlib.suppress(ValueError):  # refused, as where the images are read
        return min(images.load_image(path / name, path).size)
  raise ValueError(f'{path} is neither a folder of images nor an .npz file')


def _holds_features(path: pathlib.Path) -> bool:
  return path.suffix == '.npz' and _stored(path, lambda stored: 'features' in stored)


def _of_features(options: Options) -> tuple[Judge, Sample]:
  """Both sets as features that someone computed."""
  assert options.fake and options.real
  held = _features(options.held_out) if options.held_out else None
  network = FeatureNetwork('features', 'given', f'files {options.fake}, {options.real}', _refuse)
  train, fake = _features(options.real), _features(options.fake)
  reference = frechet.reference(samples.moments_of(train))
  about = f'{options.real} ({len(train)})'
  fake = samples.thinned(fake, _num(options, len(fake)))
  return Judge(network, train, held, reference, about), fake


def _features(path: pathlib.Path) -> Sample:
  arrays = _arrays(path)
  if 'features' not in arrays:
    raise ValueError(f'{path} should hold `features`, as the other file does')
  return samples.given(arrays['features'], arrays.get('logits'))


def _refuse(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  raise ValueError('features were given, so there is no network for images')


def write(path: pathlib.Path, about: dict, found: Sequence[Score]) -> None:
  """The scores as JSON."""
  files.write_config(path, {**about, 'scores': [score.plain() for score in found]})


def run(options: Options) -> None:
  """Score what the options name; print the table, and write it.

  Raises:
    ValueError: wrong input of any kind.
  """
  options.check()
  if options.workdir is not None:
    trained = load(options.workdir, options.checkpoint)
    found, by = of_run(trained, options)
    about: dict[str, Any] = {'variant': trained.config.variant, 'dataset': trained.config.dataset}
    about |= {'step': trained.step, 'checkpoint': options.checkpoint}
    path: pathlib.Path | None = options.out or options.workdir.expanduser() / 'evaluation.json'
  else:
    found, by = of_sets(options)
    about, path = {'fake': str(options.fake), 'real': str(options.real)}, options.out
  if options.save_stats is not None and by is not None:
    reference_statistics.write(options.save_stats, reference_statistics.of(by))
  if path is not None:
    write(path, about, found)
  seeds = f'; seeds {found[0].seeds[0]} to {found[0].seeds[-1]}' if options.workdir else ''
  print(f'{scores.table(found)}\n\nby {found[0].network}{seeds}' + (f'; {path}' if path else ''))
  for note in scores.notes(found):
    print(f'note: {note}')


def main(argv: list[str] | None = None) -> int:
  """The command; its exit code is 0, or 2 on wrong input."""
  return command.run('evaluate', Options, run, argv)


if __name__ == '__main__':
  sys.exit(main())
