"""Question: does a classifier of few images gain from images that a GAN of these few makes?

For each seed `num` images of MNIST's training set are drawn, equally many of each class; a
conditional GAN is trained on them alone, and a classifier on them with and without its images (half
of each batch, about). Its accuracy on all 10 000 test images is printed for both, and their means.

Command (options of the GAN come as on the command line of jaxgan.main):

    python -m experiments.augmentation --folder=MNIST_FILES --workdir=runs/few --gan steps=2000
"""

import json
import pathlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import tyro

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
  """Images of each class that the GAN adds."""
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


def accuracy(source: Source, test: Source, steps: int) -> float:
  """Of a classifier of `source`, on the test images."""
  net = Classifier(10)
  params = features.fit(net, source, steps)
  logits = features.logits(net, params, test.all())
  return float((logits.argmax(1) == test.labels).mean())


def judged(arguments: Arguments, train: Source, test: Source, seed: int) -> dict[str, Any]:
  """The line of a seed."""
  images, labels = few(train, arguments.num, seed)
  run = trained(arguments, images, labels, seed)
  made = list(augment.by_class(run, arguments.generated, seed))
  more = np.concatenate([x for _, x in made])
  classes = np.repeat([label for label, _ in made], arguments.generated)
  times = max(1, len(more) // len(images))  # so that half of what is seen is real
  both = np.concatenate([*[images] * times, more]), np.concatenate([*[labels] * times, classes])
  alone, joined = data.from_arrays(images, labels), data.from_arrays(*both)
  steps = arguments.classifier_steps
  return {
    'seed': seed,
    'real alone': round(accuracy(alone, test, steps), 4),
    'with generated': round(accuracy(joined, test, steps), 4),
    'steps of the GAN': run.step,
  }


def main(arguments: Arguments) -> None:
  """Every seed, then means with their intervals."""
  open_split = lambda split: data.load(
    'mnist', split=split, folder=arguments.folder, data_dir=arguments.data_dir
  )
  train, test = open_split('train'), open_split('test')
  lines = []
  for seed in range(arguments.seeds):
    lines.append(judged(arguments, train, test, seed))
    print(json.dumps(lines[-1]), flush=True)
  for name in ('real alone', 'with generated'):
    found = intervals.repeats([line[name] for line in lines])
    print(json.dumps({name: [round(x, 4) for x in found], 'seeds': len(lines)}))
  gain = intervals.repeats([line['with generated'] - line['real alone'] for line in lines])
  print(
    json.dumps({'gain': [round(x, 4) for x in gain], 'gan': [arguments.variant, *arguments.gan]})
  )


if __name__ == '__main__':
  main(tyro.cli(Arguments))
