"""Scores of images: `jaxgan evaluate --workdir=/tmp/run`, or with `--fake=A --real=B`."""

import dataclasses
import hashlib
import pathlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import jax
import numpy as np

from jaxgan.apps import checks, command, image_sets
from jaxgan.core import progress
from jaxgan.core.seeds import check_seed
from jaxgan.data import Source, tables
from jaxgan.evaluation import features, reference_statistics, samples, scores, streaming
from jaxgan.evaluation import tables as of_rows
from jaxgan.evaluation.features import FeatureNetwork
from jaxgan.evaluation.metrics import frechet
from jaxgan.evaluation.metrics.moments import Moments
from jaxgan.evaluation.samples import Sample
from jaxgan.evaluation.scores import HELD, Evaluator, Score
from jaxgan.ops.images import to_uint8
from jaxgan.recipes.config import Common
from jaxgan.storage import files
from jaxgan.storage.workdir import SCORES
from jaxgan.training.requests import key_of
from jaxgan.training.run import BATCH, Run, load
from jaxgan.training.session import held_out, open_data

PART = 8 * BATCH
"""Images that --stream draws at a time, or a few more for equal numbers of each class."""


@dataclass(frozen=True)
class Options:
  """Score the averaged generator of a run against its data set, or one set of images by another."""

  workdir: pathlib.Path | None = None
  """The run's directory."""
  fake: pathlib.Path | None = None
  """Images to score in place of a run: a folder, or an .npz file of `images` (uint8 [N, S, S, C])
  or of `features` [N, d] (and `logits`)."""
  real: pathlib.Path | None = None
  """Real images to compare --fake with: a folder or file as for --fake, or one of --save-stats."""
  held_out: pathlib.Path | None = None
  """Real images that were not used in training: for --real, or for a run on a folder."""
  metrics: str | None = None
  """Metrics, separated by commas: frechet, kernel, is, prdc, memorization, modes; with
  --features=inception and the weights of the FID also fid, kid. All that can be computed if not
  given."""
  features: str = 'own'
  """Feature network. classifier: trained on the real images and their labels. turns: trained to
  tell by how much an image is rotated, for images without labels. own: one of these two, by the
  data. inception: the network of the FID, from a file. MODULE:FUNCTION: your own."""
  inception_weights: pathlib.Path | None = None
  """The file of weights for --features=inception: .pth, .safetensors or .npz."""
  num: int | None = None
  """Number of images. For a run, images of each repeat; as many as are held out, at most 10 000, if
  not given. For --fake, images drawn from the set with a fixed seed; all if not given."""
  repeats: int = 5
  """How many times a run is sampled, each time with another seed."""
  seed: int = 1000
  """The first of these seeds."""
  stream: bool = False
  """For a run: the Fréchet distance alone, of any --num in constant memory. What is done is kept
  beside the run, and the same command goes on after a kill, with the same bits."""
  classes: Literal['data', 'even'] = 'data'
  """For a run that draws by class. data: classes as frequent as in the data. even: all equally."""
  checkpoint: Literal['latest', 'best'] = 'latest'
  """latest: the last checkpoint. best: the one that the training kept with --eval-every."""
  image_size: int | None = None
  """Pixels on a side to which images of folders are resized; if not given, the size of --fake,
  and all images of a folder must have one size."""
  save_stats: checks.Arrays | None = None
  """A file to write: the statistics of the real images, to use as --real later."""
  out: checks.Json | None = None
  """A JSON file to write the scores to; evaluation.json in the run's directory if not given."""

  def check(self) -> None:
    """Raise ValueError if options are out of range or do not fit together."""
    command.positive(self, 'repeats', 'num')
    check_seed(self.seed, '--seed')
    check_seed(self.seed + self.repeats - 1, 'the last seed, --seed + --repeats - 1,')
    sets = (self.fake is not None) + (self.real is not None)
    if sets != (2 if self.workdir is None else 0):
      raise ValueError('give --workdir, or both --fake and --real')
    if self.stream and (self.workdir is None or self.metrics not in (None, 'frechet', 'fid')):
      raise ValueError('--stream is for --workdir, and for --metrics=frechet or fid alone')
    if self.image_size is not None and (self.workdir or self.image_size < 1):
      raise ValueError('--image-size is for --fake and --real, and must be above 0')


def of_run(run: Run, options: Options) -> tuple[list[Score], Evaluator | None]:
  """Score a run against its own data set.

  Returns:
    the scores, and the evaluator that computed them.

  Raises:
    ValueError: if the run draws no images; as in `evaluator` and `scores.evaluate`.
  """
  if run.spec.columns:
    return of_table(run, options), None
  run.sampler()  # raises, for a run that cannot be sampled, before a feature network is trained
  train = open_data(run.config, numbered=run.spec)
  held = _held_out(run, options, train)
  found = evaluator(options, train, held, f'{run.config.dataset}, train')
  if train.channels_of:
    found = found._replace(digits=_reader(run.config, train.channels_of))
  num = min(len(held or train), HELD) if options.num is None else options.num
  run = run.evenly() if options.classes == 'even' else run
  if options.stream:
    return _streamed(run, options, found, num), found
  drawn = lambda seed: progress.over(
    run.parts(seed, num), 'drawing of images, part', -(-num // BATCH)
  )
  draw = lambda seed: np.concatenate([to_uint8(images) for images in drawn(seed)])
  seeds = range(options.seed, options.seed + options.repeats)
  return scores.evaluate(draw, found, metrics=_metrics(options, found), seeds=list(seeds)), found


FOR_IMAGES = ('metrics', 'features', 'inception_weights', 'held_out', 'save_stats', 'stream')
"""Options that mean nothing for the rows of a table."""


def of_table(run: Run, options: Options) -> list[Score]:
  """Score a run on a table against its training rows.

  Raises:
    ValueError: if an option is for images, or the table is not at hand.
  """
  usual = Options()
  given = [name for name in FOR_IMAGES if getattr(options, name) != getattr(usual, name)]
  if given:
    flags = ', '.join(f'--{name.replace("_", "-")}' for name in given)
    raise ValueError(f'{options.workdir} is a run on a table, and {flags} is for images: omit it')
  source, columns = open_data(run.config), run.spec.columns
  held, run = held_out(run.config, source), run.evenly() if options.classes == 'even' else run
  cells = lambda rows: tables.decoded(columns, rows)
  num = options.num or min(len(source), HELD)
  seeds = list(range(options.seed, options.seed + options.repeats))
  made = [cells(run.sample(seed, num)) for seed in seeds]
  test = cells(held.all()) if held else None
  return of_rows.scores(columns, made, cells(source.all()), test, seeds)


def _streamed(run: Run, options: Options, found: Evaluator, num: int) -> list[Score]:
  """Score a run by moments of features alone, which are kept in its folder until all are there."""
  assert options.workdir is not None
  scores.metrics_named(found.network, [options.metrics or 'frechet'])
  kept = reference_statistics.of(found)
  seeds = range(options.seed, options.seed + options.repeats)
  files_of = {seed: options.workdir / f'evaluation-{seed}.npz' for seed in seeds}
  many = max(run.spec.classes, 1)
  size = -(-PART // many) * many  # --classes=even holds in each part
  whole = digest(run)

  def moments(seed: int) -> Moments:
    draw = lambda i: to_uint8(
      run.sample(jax.random.fold_in(key_of(seed), i), min(size, num - i * size))
    )
    about = [whole, str(num), str(seed), options.classes, found.network.hash, jax.__version__]
    mark = ' '.join([*about, jax.default_backend()])
    return streaming.moments_of(draw, -(-num // size), found.network, files_of[seed], mark)

  made = {seed: moments(seed) for seed in progress.over(seeds, 'scores of seed')}
  score = reference_statistics.scores_of_moments(found.network, kept, made)
  for path in files_of.values():
    path.unlink()
  return score


def digest(run: Run) -> str:
  """Return a hash of all that a run's images depend on."""
  found = hashlib.blake2b(digest_size=16)
  for x in jax.tree.leaves((run.state.params, run.state.ema, run.state.variables)):
    found.update(np.asarray(x).tobytes())
  return found.hexdigest()


def _reader(config: Common, dataset: str) -> FeatureNetwork:
  """Return a classifier for a single channel of an image, trained on the named data set."""
  single = dataclasses.replace(config, dataset=dataset, channels=1)
  train = open_data(single)
  return features.classifier(train, held_out(single, train))


def _held_out(run: Run, options: Options, train: Source) -> Source | None:
  """Return the images of --held-out if given, else the test split of the run's data set."""
  if options.held_out is not None:
    spec, path = run.spec, options.held_out
    if path.is_dir():
      fit = run.config.fit
      return image_sets.of_folder('--held-out', path, spec.size, spec.channels, fit=fit)
    return image_sets.of_file(path)
  return held_out(run.config, train)


def evaluator(options: Options, train: Source, held: Source | None, about: str) -> Evaluator:
  """Return the evaluator for images like those of `train`: a feature network and real images.

  Args:
    options: --features and --inception-weights are used.
    train: the real images to compare with.
    held: real images that were not used in training, if there are any.
    about: a name for the real images, for the table.

  Raises:
    ValueError: if held-out images have another shape, or there is no such feature network.
  """
  if held is not None and held.spec.shape != train.spec.shape:
    raise ValueError(f'held-out images are {held.spec.shape}, the others {train.spec.shape}')
  _serves(options, options.features, held)
  network = features.named(options.features, train, held, options.inception_weights)
  return scores.evaluator_of(network, train, held, f'{about}, {train.spec.shape}')


def _serves(options: Options, network: str | None, held: object) -> None:
  """Raise ValueError if --save-stats would write a file that --real cannot use."""
  if options.save_stats is None:
    return
  if held is None:
    raise ValueError(
      '--save-stats needs held-out images, without which no score of the file would mean '
      'anything: give --held-out'
    )
  if network in ('own', 'classifier', 'turns'):
    raise ValueError(
      f'--save-stats with --features={network}: this network is trained for these images, and no '
      'other command has it: give --features=inception or MODULE:FUNCTION'
    )


def _metrics(options: Options, found: Evaluator) -> list[str]:
  """Return the names of the metrics: those of --metrics, or all that the evaluator can compute."""
  if options.metrics is not None:
    return options.metrics.split(',')
  fits = {
    'frechet': True,
    'kernel': True,
    'is': found.train.logits.shape[1] > 0 and found.network.name != 'turns',
    'prdc': True,
    'memorization': found.test is not None and found.train.images is not None,
    'modes': found.digits is not None,
  }
  return [name for name, fit in fits.items() if fit]


def of_sets(options: Options) -> tuple[list[Score], Evaluator | None]:
  """Score one set of images, or of features, against another.

  Returns:
    the scores, and the evaluator that computed them; None in its place for --real of statistics.

  Raises:
    ValueError: if the sets do not fit together; as in `opened` and `scores.evaluate`.
  """
  assert options.fake and options.real
  if options.real.suffix == '.npz' and (kept := reference_statistics.read(options.real)):
    return _by_statistics(options, kept), None
  if image_sets.holds_features(options.fake):
    found, sample = _of_features(options)
    return _once(sample, found, options), found
  named = {'--fake': options.fake, '--real': options.real, '--held-out': options.held_out}
  sets = image_sets.opened({k: path for k, path in named.items() if path}, options.image_size)
  found = evaluator(options, sets['--real'], sets.get('--held-out'), str(options.real))
  fake = sets['--fake']
  sample = samples.seen(found.network, fake, _num(options, len(fake)))
  return _once(sample, found, options), found


def _num(options: Options, there: int) -> int:
  """Return how many of `there` images to score; print a line if --num is larger."""
  if options.num is not None and options.num > there:
    asked = f'--num={options.num}, but {options.fake} has {there} images'
    print(f'jaxgan: {asked}: all of them are scored', file=sys.stderr)
  return min(options.num or there, there)


def _once(sample: Sample, found: Evaluator, options: Options) -> list[Score]:
  """Score a fixed sample."""
  return scores.evaluate(lambda _: sample, found, metrics=_metrics(options, found), seeds=[0])


def _by_statistics(options: Options, kept: reference_statistics.Statistics) -> list[Score]:
  """Score --fake against statistics that --save-stats wrote."""
  assert options.fake
  if options.metrics not in (None, 'frechet', 'fid'):
    raise ValueError(f'statistics serve --metrics=frechet alone, not {options.metrics}')
  unused = {'--held-out': options.held_out, '--save-stats': options.save_stats}
  if given := [flag for flag, path in unused.items() if path]:
    raise ValueError(f'--real={options.real} holds statistics, no images: remove {given[0]}')
  if image_sets.holds_features(options.fake):
    network, sample = _given(options), image_sets.features(options.fake)
    sample = samples.thinned(sample, _num(options, len(sample)))
  else:
    images = _like(options, kept.shape)
    network = features.named(options.features, images, None, options.inception_weights)
    sample = samples.seen(network, images, _num(options, len(images)))
  scores.metrics_named(network, [options.metrics or 'frechet'])
  return reference_statistics.scores(network, kept, lambda _: sample, [0])


def _like(options: Options, shape: tuple[int, ...]) -> Source:
  """Open --fake in the shape of the images that statistics are of."""
  assert options.fake
  if options.image_size not in (None, shape[0]) or len(shape) != 3:
    raise ValueError(
      f'--real={options.real} holds statistics of {list(shape)}, which do not fit --image-size or '
      '--fake: give images of this shape, or remove --image-size'
    )
  if not options.fake.is_dir():
    return image_sets.of_file(options.fake)
  asked = options.image_size is not None
  return image_sets.of_folder('--fake', options.fake, shape[0], shape[-1], asked=asked)


def _of_features(options: Options) -> tuple[Evaluator, Sample]:
  """Return the evaluator and the sample for two files of features that the user computed."""
  assert options.fake and options.real
  _serves(options, None, options.held_out)
  held = image_sets.features(options.held_out) if options.held_out else None
  network = _given(options)
  train, fake = image_sets.features(options.real), image_sets.features(options.fake)
  reference = frechet.reference(samples.moments_of(train))
  about = f'{options.real} ({len(train)})'
  fake = samples.thinned(fake, _num(options, len(fake)))
  return Evaluator(network, train, held, reference, about), fake


def _given(options: Options) -> FeatureNetwork:
  """Return what takes the place of a network if the user computed the features."""
  about = f'files {options.fake}, {options.real}'
  return FeatureNetwork('features', 'given', about, _refuse)


def _refuse(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Raise ValueError, in the place of a feature network."""
  raise ValueError('features were given, so there is no network for images')


def write(path: pathlib.Path, about: Mapping[str, object], found: Sequence[Score]) -> None:
  """Write scores as JSON, together with the entries of `about`."""
  files.write_config(path, {**about, 'scores': [score.plain() for score in found]})


def run(options: Options) -> None:
  """Score the run or the sets that the options name; print the table, and write it.

  Raises:
    ValueError: if the input is wrong in any way.
  """
  options.check()
  path: pathlib.Path | None = options.out
  if options.workdir is not None:
    trained = load(options.workdir, options.checkpoint)
    path = options.out or options.workdir / SCORES
    checks.writable('--out', path, checks.JSON)
    found, by = of_run(trained, options)
    about: dict[str, object] = {
      'variant': trained.config.variant,
      'dataset': trained.config.dataset,
    }
    about |= {'step': trained.step, 'checkpoint': options.checkpoint}
  else:
    found, by = of_sets(options)
    about = {'fake': str(options.fake), 'real': str(options.real)}
  if options.save_stats is not None and by is not None:
    reference_statistics.write(options.save_stats, reference_statistics.of(by))
  if path is not None:
    write(path, about, found)
  seeds = f'; seeds {found[0].seeds[0]} to {found[0].seeds[-1]}' if options.workdir else ''
  print(f'{scores.table(found)}\n\nby {found[0].network}{seeds}' + (f'; {path}' if path else ''))
  for note in scores.notes(found):
    print(f'note: {note}')


def main(argv: list[str] | None = None) -> int:
  """Run the command, and return its exit code: 0, or 2 for wrong input."""
  return command.run('evaluate', Options, run, argv)


if __name__ == '__main__':
  sys.exit(main())
