"""What a run has not learnt to make: `python -m jaxgan.apps.anomaly fit|score|report`.

fit trains f-AnoGAN's encoder for a run whose images are the normal ones; score says how far images
are from what the generator can make, by that encoder or by AnoGAN's search; report says how well
the scores tell abnormal images from normal ones.

References: Schlegl et al., Unsupervised Anomaly Detection with Generative Adversarial Networks to
Guide Marker Discovery, 2017 (AnoGAN), and f-AnoGAN, 2019.
"""

import csv
import io
import pathlib
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, NamedTuple

import jax.numpy as jnp
import numpy as np
import tyro

from jaxgan.apps import command, encoder, invert, latents
from jaxgan.apps.command import Pictures
from jaxgan.apps.search import Distance, Search, search
from jaxgan.core.game import Nets
from jaxgan.core.typing import Array
from jaxgan.evaluation.metrics.ranking import auroc
from jaxgan.storage import figures, files
from jaxgan.training.run import Run, load
from jaxgan.training.session import open_data


@dataclass(frozen=True)
class FitOptions:
  """Train the encoder on the run's own images, and keep it in the run's directory."""

  workdir: pathlib.Path
  """The run's directory."""
  steps: int = 3000
  """Updates of the encoder; its authors make 50 000."""
  lr: float = 5e-5
  """Learning rate of RMSProp; a short fit needs a higher one."""
  batch_size: int = 64
  """Images in one update."""
  kappa: float = 1.0
  """Weight of the critic's features beside pixels."""
  bound: float = 1.0
  """Latents lie within, by tanh; 1 as its authors have it, though normal latents reach to 3."""
  seed: int = 0
  """Of parameters and the order of images."""


@dataclass(frozen=True)
class ScoreOptions:
  """Say how abnormal images are, the higher the more."""

  workdir: pathlib.Path
  """The run's directory."""
  out: pathlib.Path
  """Where the scores go, .csv or .json."""
  images: pathlib.Path | None = None
  """An image, or a folder of them."""
  split: str | None = None
  """A split of the run's data set in place of a folder, all classes of it: test, train."""
  num: int | None = None
  """So many of these images, drawn by a fixed seed; all if not given."""
  method: Literal['encoder', 'search'] = 'encoder'
  """encoder: f-AnoGAN, which needs a fit. search: AnoGAN, slower by far, which needs none."""
  maps: pathlib.Path | None = None
  """A picture of the most abnormal images, what is made of them, and where these differ, PNG."""
  show: int = 16
  """How many are in that picture."""
  steps: int = 500
  """Of the search: steps of Adam."""
  rate: float = 0.1
  """Of the search: learning rate."""
  restarts: int = 4
  """Of the search: starts of each image, the best of which is kept."""
  seed: int = 0
  """Of the search's starts."""


@dataclass(frozen=True)
class ReportOptions:
  """Say how well scores tell abnormal images from normal ones (AUROC, with its interval)."""

  normal: pathlib.Path
  """Scores of normal images, or of all where --abnormal-classes says which are not."""
  abnormal: pathlib.Path | None = None
  """Scores of abnormal images."""
  abnormal_classes: tuple[int, ...] = ()
  """Classes that are abnormal, where --normal holds all images with their classes."""
  out: pathlib.Path | None = None
  """Where the figures go as JSON, if anywhere."""


class Scores(NamedTuple):
  """What was made of each image `[n, H, W, C]`, how far off that is, `[n]`, and by what.

  `total` is the score; `pixels` and `features` are what it is made of; `latents` is how far E(x) is
  from E(G(E(x))), of the encoder alone.
  """

  made: np.ndarray
  total: np.ndarray
  pixels: np.ndarray
  features: np.ndarray
  latents: np.ndarray | None = None


def by_encoder(run: Run, folder: pathlib.Path, images: np.ndarray) -> Scores:
  """mean (x - G(E(x)))^2 + kappa mean (f(x) - f(G(E(x))))^2.

  Raises:
    ValueError: as `encoder.load`.
  """
  net, variables, options = encoder.load(folder, run)
  differences = encoder.parts(run)

  def apply(nets: Nets, variables: Any, images: Array):
    z, _ = net.apply(variables, images, train=False)
    made, pixels, features = differences(nets, images, z)
    again, _ = net.apply(variables, made, train=False)
    total = pixels + options.kappa * features
    return made, total, pixels, features, ((z - again) ** 2).mean(1)

  judge = run.bound(apply)
  return Scores(*latents.in_batches(lambda x: judge(variables, x), images, size=64))


PIXELS, FEATURES = 0.9, 0.1


def residual(run: Run) -> tuple[Distance, Distance, Distance]:
  """AnoGAN's 0.9 sum |x - y| + 0.1 sum |f(x) - f(y)|, and its two sums."""
  features = latents.features(run)
  sums = lambda x: jnp.abs(x).reshape(len(x), -1).sum(1)
  pixels: Distance = lambda nets, made, targets, labels: sums(made - targets)
  inner: Distance = lambda nets, made, targets, labels: sums(
    features(nets, made, labels) - features(nets, targets, labels)
  )
  whole: Distance = lambda *given: PIXELS * pixels(*given) + FEATURES * inner(*given)
  return whole, pixels, inner


def by_search(run: Run, images: np.ndarray, options: Search) -> Scores:
  """0.9 sum |x - G(z)| + 0.1 sum |f(x) - f(G(z))| at the best latent z that a search finds.

  Departs from the article in that the optimizer is Adam with the rates of `search.schedule`.
  """
  encoder.of(run, 1.0)  # refuses the same runs
  none = jnp.zeros(len(images), jnp.int32)
  whole, *sums = residual(run)
  found = search(run, latents.latent_space(run), whole, images, none, options)
  both = run.bound(lambda nets, *given: tuple(d(nets, *given) for d in sums))
  pixels, features = latents.in_batches(both, found.images, images, none, size=64)
  return Scores(found.images, found.distances, pixels, features)


def fit(options: FitOptions) -> None:
  """Train the encoder and keep it.

  Raises:
    ValueError: no run there whose generator can be inverted.
  """
  command.positive(options, 'steps', 'lr', 'batch_size', 'bound')
  run = load(options.workdir)
  encoder.of(run, options.bound)  # refuses before data are read
  how = encoder.Fit(**{name: getattr(options, name) for name in encoder.Fit._fields})
  log = lambda step, loss: print(f'jaxgan: step {step} of {how.steps}, loss {loss:.4f}', flush=True)
  variables = encoder.fit(run, open_data(run.config), how, log)
  path = encoder.save(options.workdir.expanduser(), run, variables, how)
  command.said([path], 'the encoder')


def score(options: ScoreOptions) -> None:
  """Score images and write what is asked for.

  Raises:
    ValueError: no run there, no images, or no encoder yet.
  """
  command.positive(options, 'num', 'show', 'steps', 'rate', 'restarts')
  if options.out.suffix not in ('.csv', '.json'):
    raise ValueError(f'--out must end in .csv or .json, it is {options.out}')
  run = load(options.workdir)
  encoder.of(run, 1.0)
  whole = replace(run, config=replace(run.config, without_classes=()))
  given = command.given(whole, options.images, options.split, options.num)
  if options.method == 'encoder':
    found = by_encoder(run, options.workdir.expanduser(), given.images)
  else:
    how = Search(options.steps, options.rate, options.restarts, options.seed)
    found = by_search(run, given.images, how)
  _write_table(options.out, rows(given, found))
  if options.maps:
    worst = np.argsort(-found.total)[: options.show]
    shown = invert.compared(given.images[worst], found.made[worst])
    figures.save_grid(options.maps, shown, columns=3 * min(4, len(worst)))
  command.said((options.out, options.maps), f'{len(found.total)} scores')


def rows(given: Pictures, found: Scores) -> list[dict[str, Any]]:
  """A line for each image."""
  table: list[dict[str, Any]] = []
  for i, name in enumerate(given.names):
    line: dict[str, Any] = {'image': name}
    if given.labels is not None:
      line['label'] = int(given.labels[i])
    line |= {'score': float(found.total[i]), 'pixels': float(found.pixels[i])}
    line['features'] = float(found.features[i])
    if found.latents is not None:
      line['latents'] = float(found.latents[i])
    table.append(line)
  return table


def _write_table(path: pathlib.Path, table: list[dict[str, Any]]) -> None:
  if path.suffix == '.json':
    return files.write_config(path, {'scores': table})
  text = io.StringIO()
  writer = csv.DictWriter(text, list(table[0]), lineterminator='\n')
  writer.writeheader()
  writer.writerows(table)
  return files.write_text(path, text.getvalue())


def read_scores(path: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
  """Scores and labels (-1 where there are none) of a table that score wrote.

  Raises:
    ValueError: no such file, or another one.
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
  except (KeyError, TypeError, ValueError):
    raise ValueError(f'{path} is not a table of scores: give one that score wrote') from None


def report(options: ReportOptions) -> None:
  """Print and write the AUROC.

  Raises:
    ValueError: both or neither of the ways to name what is abnormal; as `read_scores` and `auroc`.
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


ACTIONS: dict[type, Callable[[Any], None]] = {
  FitOptions: fit,
  ScoreOptions: score,
  ReportOptions: report,
}


def main(argv: list[str] | None = None) -> int:
  """The command; its exit code is 0, or 2 on wrong input."""
  choice = (
    Annotated[FitOptions, tyro.conf.subcommand('fit')]
    | Annotated[ScoreOptions, tyro.conf.subcommand('score')]
    | Annotated[ReportOptions, tyro.conf.subcommand('report')]
  )
  return command.run('anomaly', choice, lambda options: ACTIONS[type(options)](options), argv)


if __name__ == '__main__':
  sys.exit(main())
