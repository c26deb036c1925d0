"""Claim: a head that names the class makes better images of it than projection does.

Runs of `acgan` with each of its heads, of `cgan` and of `projection.py`, whose generators are equal
and whose critics have equal convolutions, are judged class by class. *Asked class* is the share of
images whose class, by the classifier that evaluation trains on real images, is the asked one.
*Within classes* is the Fréchet distance between the images drawn of a class and the training images
of this class, a mean over the classes. The Fréchet distance and the recall of all images together
are those of `jaxgan evaluate`. The intervals are over runs that differ in their seed alone.

    python -m jaxgan train --variant=acgan DATA OPTIONS --seed=S --workdir=RUN
    python -m jaxgan train --variant=acgan --head=reacgan DATA OPTIONS --seed=S --workdir=RUN
    python -m jaxgan train --variant=cgan DATA OPTIONS --seed=S --workdir=RUN
    python -m jaxgan train --plugin=experiments/projection.py --variant=projection DATA OPTIONS \
--seed=S --workdir=RUN
    python -m experiments.acgan --runs RUN [RUN ...] --test=EUROSAT/test --out=PICTURE.png

DATA and OPTIONS are in acgan.md. The training images are those of the first run.
"""

import json
import pathlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tyro

import jaxgan
from jaxgan import data
from jaxgan.data import Source
from jaxgan.evaluation import features, scores
from jaxgan.evaluation.metrics import frechet, intervals, moments
from jaxgan.ops.images import to_uint8
from jaxgan.recipes.config import Data, part
from jaxgan.storage import figures
from jaxgan.training.run import Run


@dataclass(frozen=True)
class Arguments:
  """Judge runs that draw by class, class by class."""

  runs: tuple[pathlib.Path, ...]
  """Work directories, all on the same images."""
  test: pathlib.Path | None = None
  """Held-out images in folders by class; that of the data set if it has one."""
  num: int = 500
  """Images drawn of each class."""
  out: pathlib.Path | None = None
  """A picture: a row of each class of the first run of each way."""


def way_of(run: Run) -> str:
  """Return how a run learns of classes."""
  return getattr(run.config, 'head', run.config.variant)


def opened(config: Data, test: pathlib.Path | None) -> tuple[Source, Source]:
  """Return the training images of a run, and held-out ones."""
  place = dict(image_size=config.image_size, data_dir=config.data_dir)
  train = data.load(config.dataset, split='train', folder=config.folder, **place)
  held = dict(folder=config.folder, split='test') if test is None else dict(folder=test)
  return train, data.load(config.dataset, **held, **place)


class Judge:
  """What runs are compared with: the classifier, and the features of real images by class."""

  def __init__(self, train: Source, test: Source) -> None:
    self.network = features.classifier(train, test)
    self.evaluator = scores.evaluator_of(self.network, train, test)
    known, labels = self.network.apply(train.all())[0], np.asarray(train.labels)
    self.classes = range(train.spec.classes)
    self.references = [frechet.reference(moments.of(known[labels == k])) for k in self.classes]

  def within(self, images: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return the share of images of the asked class, and the mean distance within classes."""
    seen, logits = self.network.apply(images)
    apart = [frechet.distance_of(seen[labels == k], self.references[k]) for k in self.classes]
    right = float((logits.argmax(1) == labels).mean())
    return {'asked class': right, 'within classes': float(np.mean(apart))}

  def whole(self, draw: Callable[[int], np.ndarray]) -> dict[str, float]:
    """Return the Fréchet distance and the recall of images of all classes together."""
    found = scores.evaluate(draw, self.evaluator, metrics=('frechet', 'prdc'), seeds=(1000,))
    return {s.name: s.of.value for s in found if s.name in ('Fréchet distance', 'recall')}

  def ideal(self, num: int) -> float:
    """Return the mean distance within classes of `num` samples of an ideal sampler."""
    return float(np.mean([scores.floor(reference, num) for reference in self.references]))

  def judged(self, run: Run, num: int) -> dict[str, float]:
    """Return all figures of a run, from `num` images of each class."""
    each = [to_uint8(run.sample(k, num, label=k)) for k in self.classes]
    found = self.within(np.concatenate(each), np.repeat(self.classes, num))
    return found | self.whole(lambda seed: to_uint8(run.sample(seed, num * len(self.classes))))


def rounded(values: dict[str, float]) -> dict[str, float]:
  """Return values to four digits behind the point."""
  return {name: round(value, 4) for name, value in values.items()}


def show(line: dict[str, object]) -> None:
  """Print a line of results as JSON."""
  print(json.dumps(line, ensure_ascii=False), flush=True)


def main(arguments: Arguments) -> None:
  """Judge held-out images, then each run; then print the means of each way with intervals."""
  runs = [jaxgan.load(folder) for folder in arguments.runs]
  train, test = opened(part(runs[0].config, Data), arguments.test)
  judge = Judge(train, test)
  real = judge.within(test.all(), np.asarray(test.labels)) | judge.whole(lambda seed: test.all())
  show({'classifier': judge.network.described, 'real, held out': rounded(real)})
  show({'ideal, within classes': judge.ideal(arguments.num)})
  kept: dict[str, list[dict[str, float]]] = defaultdict(list)
  for run in runs:
    kept[way_of(run)].append(judge.judged(run, arguments.num))
    about = {'way': way_of(run), 'seed': run.config.seed, 'steps': run.step}
    show(about | rounded(kept[way_of(run)][-1]))
  for way, rows in kept.items():
    means = {what: intervals.repeats([row[what] for row in rows]) for what in rows[0]}
    report = {what: [round(x, 4) for x in mean] for what, mean in means.items()}
    show({'way': way, 'runs': len(rows)} | report)
  if arguments.out:
    picture(arguments.out, runs)


def picture(path: pathlib.Path, runs: list[Run]) -> None:
  """Draw eight images of each class by the first run of each way, side by side."""
  first = {way_of(run): run for run in reversed(runs)}
  classes = range(runs[0].spec.classes)
  shown = [run.sample(0, 8, label=k) for k in classes for run in first.values()]
  figures.save_grid(path, np.concatenate(shown), columns=8 * len(first))


if __name__ == '__main__':
  main(tyro.cli(Arguments))
