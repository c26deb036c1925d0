"""Claim: f-AnoGAN on a WGAN-GP tells digits that it was not trained on from those that it was.

For each class of MNIST a WGAN-GP and its encoder are trained on part of the training images; every
test image is scored, and the AUROC of abnormal against normal ones is printed, with their mean.
`--method=neighbors` fits no encoder: it compares test images with training images in the critic's
features. There are two protocols, and the second is the harder one by far:

  one-class: the class alone is normal and trained on, the nine others are abnormal.
  leave-one-out: the nine others are normal and trained on, the class alone is abnormal.

Command (see the results beside this file):

    python -m experiments.anomaly_mnist --folder=MNIST_FILES --workdir=runs/anomaly
"""

import json
import pathlib
import time
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import tyro

import jaxgan
from jaxgan.apps import anomaly, command, encoder
from jaxgan.evaluation.metrics import neighbors
from jaxgan.evaluation.metrics.ranking import auroc
from jaxgan.training.session import open_data


@dataclass(frozen=True)
class Arguments:
  """Train, fit and score for each class."""

  workdir: pathlib.Path
  """Where the runs go, one a class."""
  folder: pathlib.Path | None = None
  """The four original files of MNIST, where they are not yet prepared."""
  data_dir: pathlib.Path | None = None
  """Where data sets are prepared."""
  protocol: Literal['one-class', 'leave-one-out'] = 'one-class'
  """Which images are normal: those of the class, or all others."""
  method: Literal['encoder', 'neighbors'] = 'encoder'
  """How images are scored: as `jaxgan anomaly score --method`."""
  known: int = 5000
  """For --method=neighbors: training images to compare with."""
  neighbors: int = 20
  """For --method=neighbors: how many of the nearest count."""
  classes: tuple[int, ...] = tuple(range(10))
  """Which classes."""
  image_size: int = 28
  """Pixels a side."""
  width: int = 16
  """Channels of the networks' layers next to the image."""
  latent_size: int = 32
  """Dimensions of the latent."""
  steps: int = 1500
  """Steps of the GAN, of `n_critic` updates of the critic each."""
  n_critic: int = 3
  """Updates of the critic in a step."""
  gan_lr: float = 5e-4
  """Learning rate of both of its networks."""
  fit_steps: int = 3000
  """Updates of the encoder."""
  lr: float = 5e-4
  """Its learning rate."""
  bound: float = 1.0
  """Latents found lie within."""
  kappa: float = 1.0
  """Weight of the critic's features in loss and score."""
  seed: int = 0
  """Of everything."""


def trained(arguments: Arguments, digit: int, folder: pathlib.Path) -> jaxgan.Run:
  """A WGAN-GP of the digits that are normal."""
  others = tuple(c for c in range(10) if c != digit)
  config = jaxgan.configure(
    'wgan_gp',
    dataset='mnist',
    folder=arguments.folder,
    data_dir=arguments.data_dir,
    without_classes=others if arguments.protocol == 'one-class' else (digit,),
    image_size=arguments.image_size,
    width=arguments.width,
    latent_size=arguments.latent_size,
    n_critic=arguments.n_critic,
    generator_lr=arguments.gan_lr,
    critic_lr=arguments.gan_lr,
    steps=arguments.steps,
    checkpoint_every=arguments.steps,
    sample_every=arguments.steps,
    seed=arguments.seed,
  )
  return jaxgan.train(config, folder, quiet=True)


def scores(
  arguments: Arguments, run: jaxgan.Run, folder: pathlib.Path, images: np.ndarray
) -> dict[str, np.ndarray]:
  """Return the scores of images, and those by parts alone, by name."""
  if arguments.method == 'neighbors':
    known = anomaly.training_images(run, arguments.known)
    found = anomaly.by_neighbors(run, known, images, arguments.neighbors)
    flat = lambda x: x.reshape(len(x), -1)
    pixels = neighbors.outliers(flat(known), flat(images), arguments.neighbors)
    return {
      'auroc': found.total,
      'pixels alone': found.pixels,
      'distance alone': found.features,
      'the same in pixels': pixels.factors,
      'distance in pixels alone': pixels.distances,
    }
  how = encoder.Fit(
    steps=arguments.fit_steps, lr=arguments.lr, bound=arguments.bound, kappa=arguments.kappa
  )
  encoder.save(folder, run, encoder.fit(run, open_data(run.config), how), how)
  found = anomaly.by_encoder(run, folder, images)
  alone = {f'{name} alone': getattr(found, name) for name in ('pixels', 'features', 'latents')}
  return {'auroc': found.total, **alone}


def judged(arguments: Arguments, digit: int) -> dict[str, Any]:
  """The line of a class."""
  began = time.perf_counter()
  folder = arguments.workdir / f'{arguments.protocol}-{digit}-{arguments.seed}'
  run = trained(arguments, digit, folder)
  between = time.perf_counter()
  test = command.of_split(replace(run.config, without_classes=()), 'test')
  found = scores(arguments, run, folder, test.images)
  normal = (np.asarray(test.labels) == digit) == (arguments.protocol == 'one-class')
  areas = {name: auroc(values[normal], values[~normal]) for name, values in found.items()}
  return {
    'protocol': arguments.protocol,
    'class': digit,
    'interval': [round(areas['auroc'].low, 4), round(areas['auroc'].high, 4)],
    **{name: round(area.value, 4) for name, area in areas.items()},
    'normal error': round(float(found['pixels alone'][normal].mean()), 4),
    'abnormal error': round(float(found['pixels alone'][~normal].mean()), 4),
    'seconds': [round(between - began), round(time.perf_counter() - between)],
  }


def main(arguments: Arguments) -> None:
  """Every class, then the mean."""
  lines = []
  for digit in arguments.classes:
    lines.append(judged(arguments, digit))
    print(json.dumps(lines[-1]), flush=True)
  names = [name for name in lines[0] if name == 'auroc' or 'alone' in name or 'same' in name]
  mean = {name: round(float(np.mean([line[name] for line in lines])), 4) for name in names}
  print(json.dumps({'protocol': arguments.protocol, 'mean': mean}))


if __name__ == '__main__':
  main(tyro.cli(Arguments))
