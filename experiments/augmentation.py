"""Question: does a classifier of few images gain from images that a GAN of these few makes?

For each seed `num` images of MNIST's training set are drawn, equally many of each class. A
conditional GAN is trained on them alone, and a classifier on them without its images and with them.
There is one classifier for each way of adding them: `--keep` is the share of the generated images
that are kept, those of which the classifier of real images is most certain; `--real` is the share
of real images in what a classifier sees. Accuracies are on all 10 000 test images.

Command (options of the GAN come as on the command line of jaxgan.main):

    python -m experiments.augmentation --folder=MNIST_FILES --workdir=runs/few --gan steps=2000
"""

import json
import pathlib
from dataclasses import dataclass

import numpy as np
import tyro
from scipy.special import log_softmax

import jaxgan
from jaxgan import data
from jaxgan import main as command_line
from jaxgan.apps import augment
from jaxgan.data import Source
from jaxgan.evaluation import features
from jaxgan.evaluation.metrics import intervals
from jaxgan.networks.classifier import Classifier


@dataclass(frozen=True)
class Arguments:
  """Train GANs on few images, and classifiers with and without theirs."""

  workdir: pathlib.Path
  """Where runs and the few images go, by seed."""
  folder: pathlib.Path | None = None
  """The four original files of MNIST, where they are not yet prepared."""
  data_dir: pathlib.Path | None = None
  """Where data sets are prepared."""
  num: int = 100
  """Real images, a tenth of each class."""
  generated: int = 200
  """Images of each class that the GAN makes."""
  keep: tuple[float, ...] = (1.0, 0.5)
  """Shares of them that are kept."""
  real: tuple[float, ...] = (0.5, 0.8)
  """Shares of real images in what a classifier sees."""
  seeds: int = 5
  """Repeats, each with images, GAN and classifiers of its own."""
  variant: str = 'cgan'
  """The GAN, one that draws by class."""
  gan: tuple[str, ...] = ()
  """Its options, such as steps=2000 width=16."""
  classifier_steps: int = 600
  """Updates of each classifier."""


def few(source: Source, num: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
  """`num` images uint8 `[num, H, W, C]` and their labels, equally many of each class."""
  random, classes = np.random.default_rng(seed), source.spec.classes
  chosen = [
    random.permutation(np.flatnonzero(source.labels == c))[: num // classes] for c in range(classes)
  ]
  indices = np.concatenate(chosen)
  return source.images(indices), np.asarray(source.labels)[indices]


def trained(arguments: Arguments, images: np.ndarray, labels: np.ndarray, seed: int) -> jaxgan.Run:
  """A GAN of these images alone, by way of a folder of them."""
  place = arguments.workdir / f'seed-{seed}'
  for label in range(10):
    augment.save_png(place / 'images' / str(label), images[labels == label])
  argv = [f'--variant={arguments.variant}', f'--seed={seed}', '--dataset=folder', '--channels=1']
  argv += [f'--folder={place / "images"}', f'--image-size={images.shape[1]}']
  argv += [f'--data-dir={place / "data"}', f'--workdir={place / "run"}']
  config, workdir, _ = command_line.parse([*argv, *(f'--{option}' for option in arguments.gan)])
  return jaxgan.train(config, workdir, quiet=True)


def joined(real: Source, more: Source, share: float) -> Source:
  """Return both, the real images repeated so that they are this share of all."""
  times = max(1, round(share / (1 - share) * len(more) / len(real)))
  both = [*[real] * times, more]
  images, labels = [one.all() for one in both], [one.labels for one in both]
  return data.from_arrays(np.concatenate(images), np.concatenate(labels))


class Judged:
  """A classifier of some images."""

  def __init__(self, known: Source, steps: int):
    self.net = Classifier(10)
    self.params = features.fit(self.net, known, steps)

  def logits(self, images: Source) -> np.ndarray:
    """Return the logits of images, `[n, classes]`."""
    return features.logits(self.net, self.params, images.all())

  def accuracy(self, test: Source) -> float:
    """Return the share of the test images whose class it names."""
    return round(float((self.logits(test).argmax(1) == test.labels).mean()), 4)


def certain(logits: np.ndarray, made: Source, keep: float) -> Source:
  """Return, of each class, the share of the images whose class the logits name most surely."""
  labels = np.asarray(made.labels)
  own = log_softmax(logits, 1)[np.arange(len(labels)), labels]
  kept: list[int] = []
  for label in np.unique(labels):
    members = np.flatnonzero(labels == label)
    kept += list(members[np.argsort(-own[members])][: max(1, round(keep * len(members)))])
  return data.from_arrays(made.images(np.array(kept)), labels[kept])


def judged(arguments: Arguments, train: Source, test: Source, seed: int) -> dict[str, float]:
  """Return the accuracies of a seed, by how images were added."""
  images, labels = few(train, arguments.num, seed)
  run, real = trained(arguments, images, labels, seed), data.from_arrays(images, labels)
  found = list(augment.by_class(run, arguments.generated, seed))
  classes = np.repeat([label for label, _ in found], arguments.generated)
  made = data.from_arrays(np.concatenate([images for _, images in found]), classes)
  alone = Judged(real, arguments.classifier_steps)
  line, logits = {'real alone': alone.accuracy(test)}, alone.logits(made)
  for keep in arguments.keep:
    kept = certain(logits, made, keep)
    for share in arguments.real:
      judge = Judged(joined(real, kept, share), arguments.classifier_steps)
      line[f'{keep:.0%} of the generated, {share:.0%} real'] = judge.accuracy(test)
  return line


def main(arguments: Arguments) -> None:
  """Every seed, then means with their intervals."""
  open_split = lambda split: data.load(
    'mnist', split=split, folder=arguments.folder, data_dir=arguments.data_dir
  )
  train, test = open_split('train'), open_split('test')
  lines = []
  for seed in range(arguments.seeds):
    lines.append(judged(arguments, train, test, seed))
    print(json.dumps({'seed': seed} | lines[-1]), flush=True)
  for name in lines[0]:
    mean = intervals.repeats([line[name] for line in lines])
    gain = intervals.repeats([line[name] - line['real alone'] for line in lines])
    found = {what: [round(x, 4) for x in one] for what, one in (('mean', mean), ('gain', gain))}
    print(json.dumps({'classifier': name} | found))


if __name__ == '__main__':
  main(tyro.cli(Arguments))
