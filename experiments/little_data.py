"""Claim: with a tenth of MNIST, augmenting all that the critic sees makes better digits.

Each way of augmenting is trained on the same tenth, once a seed. Its images are compared with all
60 000 training images by a classifier's features: Fréchet and kernel distance, and whether the few
images were learnt by heart.

Command:

    python -m experiments.little_data --folder=MNIST_FILES --out=/tmp/little
"""

import json
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tyro
from PIL import Image

import jaxgan
from experiments import defaults
from jaxgan import data
from jaxgan.data import Source
from jaxgan.evaluation import features, samples
from jaxgan.evaluation.scores import Evaluator, Score, evaluate, evaluator_of
from jaxgan.ops.images import to_uint8
from jaxgan.recipes import tricks


@dataclass(frozen=True)
class Arguments:
  """Train on few images, with and without augmentation, and score each run."""

  out: pathlib.Path
  """Where runs, the few images and results.jsonl go; runs that are there are carried on."""
  folder: pathlib.Path | None = None
  """The four original files of MNIST, where they are not yet prepared."""
  data_dir: pathlib.Path | None = None
  """Where tfds keeps its data."""
  variant: str = 'dcgan'
  """The GAN."""
  augment: tuple[str, ...] = tuple(tricks.AUGMENTATIONS)
  """Ways of augmenting."""
  policy: str = 'color,translation,cutout'
  """What DiffAugment does."""
  share: float = 0.1
  """Of the training images, equally of each class."""
  steps: int = 6000
  """Length of each run."""
  width: int = 32
  """Of the networks."""
  seeds: tuple[int, ...] = (0, 1, 2)
  """Of the runs; all see the same images."""
  num: int = 10_000
  """Images of each score."""
  repeats: int = 3
  """Scores of each run, by other latents."""


def few(source: Source, share: float, folder: pathlib.Path) -> int:
  """Write that share of the images, equally of each class, as PNG by class; how many."""
  assert source.labels is not None
  count = round(len(source) * share / source.spec.classes)
  for label, name in enumerate(source.spec.names):
    chosen = np.flatnonzero(source.labels == label)[:count]
    (folder / name).mkdir(parents=True, exist_ok=True)
    for i, image in zip(chosen, source.images(chosen), strict=True):
      Image.fromarray(image[..., 0]).save(folder / name / f'{i:05d}.png')
  return count * source.spec.classes


def trained(arguments: Arguments, images: pathlib.Path, augment: str, seed: int) -> jaxgan.Run:
  """One run on the few images."""
  options = dict(
    dataset='folder',
    folder=images,
    data_dir=arguments.out / 'data',
    image_size=28,
    channels=1,
    augment=augment,
    policy=arguments.policy,
    steps=arguments.steps,
    width=arguments.width,
    seed=seed,
  )
  usual = defaults.START.get(arguments.variant, {})
  config = jaxgan.configure(arguments.variant, **{**usual, **options})
  return jaxgan.train(config, arguments.out / f'{arguments.variant}-{augment}-{seed}')


def scored(
  run: jaxgan.Run, evaluator: Evaluator, seen: Source, arguments: Arguments
) -> list[Score]:
  """Distances to all images of the set, and copies of those that the run has seen."""
  draw = lambda seed: to_uint8(run.sample(seed, arguments.num))
  seeds = range(1000, 1000 + arguments.repeats)
  own = evaluator._replace(train=samples.seen(evaluator.network, seen), about=f'seen ({len(seen)})')
  apart = evaluate(draw, evaluator, metrics=('frechet', 'kernel', 'prdc'), seeds=list(seeds))
  return apart + evaluate(draw, own, metrics=('memorization',), seeds=list(seeds))


def report(augment: str, seed: int, count: int, found: Sequence[Score]) -> dict[str, object]:
  """A line of the results."""
  values = [score.plain() for score in found]
  return {'augment': augment, 'seed': seed, 'images': count, 'scores': values}


def main(arguments: Arguments) -> None:
  """Train and score every way of augmenting by every seed."""
  options: dict[str, Any] = dict(folder=arguments.folder, data_dir=arguments.data_dir)
  train, test = (data.load('mnist', split=split, **options) for split in ('train', 'test'))
  evaluator = evaluator_of(features.classifier(train, test), train, test)
  images = arguments.out / 'images'
  count = few(train, arguments.share, images)
  seen = data.load(
    'folder', folder=images, data_dir=arguments.out / 'data', image_size=28, channels=1
  )
  for seed in arguments.seeds:
    for augment in arguments.augment:
      run = trained(arguments, images, augment, seed)
      found = scored(run, evaluator, seen, arguments)
      line = report(augment, seed, count, found)
      with (arguments.out / 'results.jsonl').open('a') as file:
        file.write(json.dumps(line) + '\n')
      print(augment, seed, {s.name: round(s.of.value, 4) for s in found}, flush=True)


if __name__ == '__main__':
  main(tyro.cli(Arguments))
