"""Detection of abnormal images: `jaxgan anomaly fit|score|report`.

`fit` trains the encoder of f-AnoGAN for a run that was trained on normal images; a run of bigan has
an encoder already. `score` measures how far images are from those that the generator can make, with
that encoder or with the search of AnoGAN; or how far they are from training images in the critic's
features. `report` measures how well the scores separate abnormal images from normal ones.

References: Schlegl et al., Unsupervised Anomaly Detection with Generative Adversarial Networks to
Guide Marker Discovery, 2017 (AnoGAN), and f-AnoGAN, 2019; with the encoder of a BiGAN: Zenati et
al., Efficient GAN-Based Anomaly Detection, 2018.
"""

import csv
import io
import pathlib
import sys
from dataclasses import dataclass, replace
from typing import Annotated, Literal, NamedTuple

import jax.numpy as jnp
import numpy as np
import tyro

from jaxgan.apps import checks, command, encoder, invert, latents
from jaxgan.apps.command import Pictures
from jaxgan.apps.search import Distance, Search, search
from jaxgan.core import console
from jaxgan.core.nets import Nets
from jaxgan.core.typing import Array, Variables
from jaxgan.evaluation import samples
from jaxgan.evaluation.metrics import neighbors
from jaxgan.evaluation.metrics.ranking import auroc
from jaxgan.ops.images import to_unit
from jaxgan.storage import figures, files
from jaxgan.training.programs import in_batches
from jaxgan.training.run import Run, load
from jaxgan.training.session import open_data


@dataclass(frozen=True)
class FitOptions:
  """Train the encoder on the training images of the run, and save it in the run's directory."""

  workdir: pathlib.Path
  """The run's directory."""
  steps: int = 3000
  """Updates of the encoder; the authors of f-AnoGAN use 50 000."""
  lr: float = 5e-5
  """Learning rate of RMSProp; a short training needs a higher one."""
  batch_size: int = 64
  """Images in one update."""
  kappa: float = 1.0
  """Weight of the difference of the critic's features; that of the pixels has weight 1."""
  bound: float = 1.0
  """Bound of the encoder's latents, by tanh; its authors use 1; normal latents reach about 3."""
  seed: int = 0
  """Seed of the parameters and of the order of images."""


@dataclass(frozen=True)
class ScoreOptions:
  """Score how abnormal images are; a higher score means more abnormal."""

  workdir: pathlib.Path
  """The run's directory."""
  out: checks.Table
  """The file to write the scores to, .csv or .json."""
  images: pathlib.Path | None = None
  """An image, or a folder of images."""
  split: str | None = None
  """A split of the run's data set, with all its classes, in place of a folder: test, train."""
  num: int | None = None
  """Number of images to score, drawn with a fixed seed; all if not given."""
  method: Literal['encoder', 'search', 'neighbors'] = 'encoder'
  """encoder: f-AnoGAN, or the encoder of a run of bigan. search: AnoGAN, needs no encoder, much
  slower. neighbors: needs no encoder; whether the nearest training images, in the critic's
  features, are farther away than from one another; best if normal images are of several kinds."""
  maps: checks.Picture | None = None
  """A PNG to write: the most abnormal images, their reconstructions, and the differences."""
  show: int = 16
  """Number of images in that picture."""
  steps: int = 500
  """For --method=search: steps of Adam."""
  rate: float = 0.1
  """For --method=search: learning rate."""
  restarts: int = 4
  """For --method=search: searches for each image; the best result is kept."""
  seed: int = 0
  """For --method=search: seed of the latents at which searches begin."""
  known: int = 5000
  """For --method=neighbors: training images to compare with, drawn with a fixed seed."""
  neighbors: int = 20
  """For --method=neighbors: how many of the nearest count."""


@dataclass(frozen=True)
class ReportOptions:
  """Measure how well scores separate abnormal images from normal ones (AUROC, with an interval)."""

  normal: pathlib.Path
  """File of the scores of normal images; with --abnormal-classes, of all images."""
  abnormal: pathlib.Path | None = None
  """File of the scores of abnormal images."""
  abnormal_classes: tuple[int, ...] = ()
  """Classes that are abnormal, if --normal holds the scores of all images with their classes."""
  out: checks.Json | None = None
  """A JSON file to write the figures to."""


class Scores(NamedTuple):
  """Reconstructions and anomaly scores of n images.

  `made` holds the reconstructions `[n, H, W, C]`, `total` the scores `[n]`, and `pixels` and
  `features` their two terms `[n]`. `latents` `[n]` is the mean squared difference of E(x) and
  E(G(E(x))); only scores by an encoder have it.
  """

  made: np.ndarray
  total: np.ndarray
  pixels: np.ndarray
  features: np.ndarray
  latents: np.ndarray | None = None


def by_encoder(run: Run, folder: pathlib.Path, images: np.ndarray) -> Scores:
  """Score images with the encoder of f-AnoGAN, or with that of the run's own game.

  The score is mean (x - G(E(x)))^2 + kappa mean (f(x) - f(G(E(x))))^2, where f are the critic's
  features.

  Args:
    run: the run whose generator reconstructs the images.
    folder: the run's directory, in which the encoder lies.
    images: `[n, H, W, C]` in [-1, 1].

  Raises:
    ValueError: as in `encoder.opened`.
  """
  encode, variables, options = encoder.opened(folder, run)
  differences = encoder.parts(run)

  def apply(nets: Nets, variables: Variables, images: Array) -> tuple[Array, ...]:
    z = encode(nets, variables, images)
    made, pixels, features = differences(nets, images, z)
    again = encode(nets, variables, made)
    total = pixels + options.kappa * features
    return made, total, pixels, features, ((z - again) ** 2).mean(1)

  judge = run.bound(apply)
  return Scores(*in_batches(lambda x: judge(variables, x), images, size=64))


PIXELS, FEATURES = 0.9, 0.1


def residual(run: Run) -> tuple[Distance, Distance, Distance]:
  """Return the distance 0.9 sum |x - y| + 0.1 sum |f(x) - f(y)| of AnoGAN, and its two sums."""
  features = latents.features(run)
  sums = lambda x: jnp.abs(x).reshape(len(x), -1).sum(1)
  pixels: Distance = lambda nets, made, targets, labels: sums(made - targets)
  inner: Distance = lambda nets, made, targets, labels: sums(
    features(nets, made, labels) - features(nets, targets, labels)
  )
  whole: Distance = lambda *given: PIXELS * pixels(*given) + FEATURES * inner(*given)
  return whole, pixels, inner


def by_search(run: Run, images: np.ndarray, options: Search) -> Scores:
  """Score images with the search of AnoGAN.

  The score is 0.9 sum |x - G(z)| + 0.1 sum |f(x) - f(G(z))| at the best latent z that a search
  finds. Unlike the article, the optimizer is Adam with the learning rates of `search.schedule`.

  Args:
    run: the run whose generator reconstructs the images.
    images: `[n, H, W, C]` in [-1, 1].
    options: how to search.

  Raises:
    ValueError: if the run has no critic of images, draws by class, or has latents of another shape
      than `[n, d]`.
  """
  encoder.of(run, 1.0)  # raises for the same runs as the encoder does
  none = jnp.zeros(len(images), jnp.int32)
  whole, *sums = residual(run)
  found = search(run, latents.latent_space(run), whole, images, none, options)
  both = run.bound(lambda nets, *given: tuple(d(nets, *given) for d in sums))
  pixels, features = in_batches(both, found.images, images, none, size=64)
  return Scores(found.images, found.distances, pixels, features)


def by_neighbors(run: Run, known: np.ndarray, images: np.ndarray, count: int) -> Scores:
  """Score images by their nearest training images in the critic's features.

  The score is the local outlier factor (`metrics.neighbors.outliers`): about 1 for an image that
  lies among normal ones, higher outside. In `Scores`, `made` has the nearest training images,
  `pixels` the mean squared difference from these, `features` the mean distance to the neighbors.

  Args:
    run: the run whose critic describes the images.
    known: training images `[m, H, W, C]` in [-1, 1], more than `count`.
    images: `[n, H, W, C]` in [-1, 1].
    count: number of neighbors.

  Raises:
    ValueError: the run has no critic of images or draws by class; or too few training images.
  """
  encoder.of(run, 1.0)
  if len(known) <= count:
    raise ValueError(f'--neighbors={count} needs more training images than that, got {len(known)}')
  features = run.bound(latents.features(run))
  described = lambda x: in_batches(features, x, jnp.zeros(len(x), jnp.int32), size=64)
  found = neighbors.outliers(described(known), described(images), count)
  closest = known[found.nearest]
  pixels = ((images - closest) ** 2).reshape(len(images), -1).mean(1)
  return Scores(closest, found.factors, pixels, found.distances)


def training_images(run: Run, count: int) -> np.ndarray:
  """Return `count` training images of a run in [-1, 1], or all, drawn with a fixed seed."""
  source = open_data(run.config, numbered=run.spec)
  return to_unit(source.images(samples.drawn(len(source), count, samples.TRAIN)))


def fit(options: FitOptions) -> None:
  """Train the encoder and save it.

  Raises:
    ValueError: if there is no run, it has an encoder of its own, or one does not fit its generator.
  """
  command.positive(options, 'steps', 'lr', 'batch_size', 'bound')
  run = load(options.workdir)
  if run.sampler().encode:
    raise ValueError(
      f'a run of {run.config.variant} has an encoder already, trained with its generator: '
      f'jaxgan anomaly score --workdir={options.workdir}'
    )
  encoder.of(run, options.bound)  # raises before the data set is read
  place = options.workdir / encoder.FOLDER / encoder.WEIGHTS
  checks.writable('--workdir', place, checks.WEIGHTS)
  how = encoder.Fit(**{name: getattr(options, name) for name in encoder.Fit._fields})
  log = lambda step, loss: console.say(f'jaxgan: step {step} of {how.steps}, loss {loss:.4f}')
  variables = encoder.fit(run, open_data(run.config, numbered=run.spec), how, log)
  path = encoder.save(options.workdir.expanduser(), run, variables, how)
  command.said([path], 'the encoder')


def score(options: ScoreOptions) -> None:
  """Score images, and write the scores and the picture.

  Raises:
    ValueError: if there is no run, no image, or no encoder yet.
  """
  command.positive(options, 'num', 'show', 'steps', 'rate', 'restarts', 'known', 'neighbors')
  run = load(options.workdir)
  encoder.of(run, 1.0)
  whole = replace(run, config=replace(run.config, without_classes=()))
  given = command.given(whole, options.images, options.split, options.num)
  if options.method == 'encoder':
    found = by_encoder(run, options.workdir.expanduser(), given.images)
  elif options.method == 'neighbors':
    known = training_images(run, options.known)
    found = by_neighbors(run, known, given.images, options.neighbors)
  else:
    how = Search(options.steps, options.rate, options.restarts, options.seed)
    found = by_search(run, given.images, how)
  _write_table(options.out, rows(given, found))
  if options.maps:
    worst = np.argsort(-found.total)[: options.show]
    shown = invert.compared(given.images[worst], found.made[worst])
    figures.save_grid(options.maps, shown, columns=3 * min(4, len(worst)))
  command.said((options.out, options.maps), f'{len(found.total)} scores')


def rows(given: Pictures, found: Scores) -> list[dict[str, object]]:
  """Return a table of scores with a row for each image."""
  table: list[dict[str, object]] = []
  for i, name in enumerate(given.names):
    line: dict[str, object] = {'image': name}
    if given.labels is not None:
      line['label'] = int(given.labels[i])
    line |= {'score': float(found.total[i]), 'pixels': float(found.pixels[i])}
    line['features'] = float(found.features[i])
    if found.latents is not None:
      line['latents'] = float(found.latents[i])
    table.append(line)
  return table


def _write_table(path: pathlib.Path, table: list[dict[str, object]]) -> None:
  """Write a table as JSON or CSV, by the ending of the file's name."""
  if path.suffix == '.json':
    return files.write_config(path, {'scores': table})
  return files.write_csv(path, table)


def read_scores(path: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
  """Read scores and labels from a table that `score` wrote; a missing label is -1.

  Raises:
    ValueError: if the file cannot be read, or is no table of scores.
  """
  try:
    text = path.read_text()
    table = (
      files.read_config(path)['scores']
      if path.suffix == '.json'
      else list(csv.DictReader(io.StringIO(text)))
    )
    scores = [float(line['score']) for line in table]
    return np.array(scores), np.array([int(line.get('label', -1)) for line in table])
  except OSError as error:
    raise ValueError(f'{path} cannot be read: {error.strerror}') from None
  except (KeyError, TypeError, ValueError, csv.Error):
    raise ValueError(f'{path} is not a table of scores: give one that score wrote') from None


def report(options: ReportOptions) -> None:
  """Print and write the AUROC.

  Raises:
    ValueError: if both --abnormal and --abnormal-classes are given, or neither; as in
      `read_scores` and `auroc`.
  """
  if (options.abnormal is None) == (not options.abnormal_classes):
    raise ValueError('say what is abnormal: --abnormal=SCORES, or --abnormal-classes 3')
  normal, labels = read_scores(options.normal)
  if options.abnormal:
    abnormal, _ = read_scores(options.abnormal)
  else:
    odd = np.isin(labels, options.abnormal_classes)
    normal, abnormal = normal[~odd], normal[odd]
  found = auroc(normal, abnormal)
  about = f'{len(abnormal)} abnormal and {len(normal)} normal images'
  print(f'jaxgan: AUROC {found.value:.4f} ({found.low:.4f} to {found.high:.4f}) over {about}')
  if options.out:
    numbers = {'abnormal': len(abnormal), 'normal': len(normal)}
    files.write_config(options.out, {'auroc': found._asdict(), **numbers})


def _act(options: FitOptions | ScoreOptions | ReportOptions) -> None:
  """Run the subcommand that the options belong to."""
  if isinstance(options, FitOptions):
    fit(options)
  elif isinstance(options, ScoreOptions):
    score(options)
  else:
    report(options)


def main(argv: list[str] | None = None) -> int:
  """Run the command, and return its exit code: 0, or 2 for wrong input."""
  choice = (
    Annotated[FitOptions, tyro.conf.subcommand('fit')]
    | Annotated[ScoreOptions, tyro.conf.subcommand('score')]
    | Annotated[ReportOptions, tyro.conf.subcommand('report')]
  )
  return command.run('anomaly', choice, _act, argv)


if __name__ == '__main__':
  sys.exit(main())
