"""Claim: from 200 images, a run that starts from another one draws better than one from scratch.

A run learns nine of the ten classes of EuroSAT. Then 200 images of the tenth are learnt, each seed
in three ways at equal steps: from scratch, from that run, and from that run with the first layers
of the critic frozen (FreezeD). Their images are compared with the images of this class that no run
has seen, by the features of a classifier of all ten classes.

Command:

    python -m experiments.transfer --folder=EUROSAT --out=/tmp/transfer

EUROSAT holds train/0 to train/9 and test/0 to test/9. The experiment may be done in parts: what is
in OUT already is not done again, and --ways and --seeds choose the part.
"""

import json
import pathlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import tyro

import jaxgan
from experiments import defaults
from jaxgan import data
from jaxgan.evaluation import features
from jaxgan.evaluation.scores import Evaluator, evaluate, evaluator_of
from jaxgan.ops.images import to_uint8
from jaxgan.storage import figures

WAYS = ('scratch', 'transfer', 'freeze')


@dataclass(frozen=True)
class Arguments:
  """Learn few images of a new class, from scratch and from a run on the other classes."""

  folder: pathlib.Path
  """The images, in folders by split and class."""
  out: pathlib.Path
  """Where the runs and results.jsonl go; runs that are there are carried on."""
  variant: str = 'dcgan'
  """The GAN."""
  size: int = 32
  """Pixels on a side."""
  width: int = 16
  """Of both networks."""
  batch_size: int = 32
  """Images in a step."""
  target: int = 8
  """The class that is new: rivers."""
  few: int = 200
  """Its images that are learnt."""
  before: int = 2000
  """Steps on the other classes."""
  steps: int = 300
  """Steps on the few images, equal in all ways."""
  freeze: int = 1
  """Layers of the critic that stay, in the third way."""
  ways: tuple[str, ...] = WAYS
  """What to do now."""
  seeds: tuple[int, ...] = (0, 1, 2)
  """Of the runs; all start from one run and see the same images."""
  num: int = 1000
  """Images of each score."""
  repeats: int = 3
  """Scores of each run, by other latents."""


def options(arguments: Arguments, **more: Any) -> Any:
  """Return the config of a run; no augmentation, and no classes."""
  usual: dict[str, Any] = dict(
    **defaults.START.get(arguments.variant, {}),
    width=arguments.width,
    batch_size=arguments.batch_size,
    sample_every=1000,
    checkpoint_every=1000,
    log_every=100,
    report=False,
  )
  return jaxgan.configure(arguments.variant, **{**usual, **more})


def before(arguments: Arguments) -> jaxgan.Run:
  """Return the run on the other classes."""
  config = options(
    arguments,
    dataset='folder',
    folder=arguments.folder,
    data_dir=arguments.out / 'data',
    image_size=arguments.size,
    without_classes=(arguments.target,),
    steps=arguments.before,
  )
  return jaxgan.train(config, arguments.out / 'before')


def after(arguments: Arguments, way: str, seed: int, images: np.ndarray) -> jaxgan.Run:
  """Return the run on the few images in one of the ways."""
  freeze = arguments.freeze if way == 'freeze' else 0
  config = options(arguments, steps=arguments.steps, seed=seed, freeze=freeze)
  start = None if way == 'scratch' else arguments.out / 'before'
  return jaxgan.train(config, arguments.out / f'{way}-{seed}', data=images, start_from=start)


def opened(arguments: Arguments) -> tuple[np.ndarray, Evaluator]:
  """Return the few images, and what judges: the other images of the class, and those of the test.

  The classifier learns from the training images of all classes.
  """
  read = lambda split: data.load(
    'folder',
    split=split,
    folder=arguments.folder,
    data_dir=arguments.out / 'data',
    image_size=arguments.size,
  )
  train, test = read('train'), read('test')
  assert train.labels is not None and test.labels is not None
  own = np.flatnonzero(np.asarray(train.labels) == arguments.target)
  few, rest = own[: arguments.few], own[arguments.few :]
  held = test.images(np.flatnonzero(np.asarray(test.labels) == arguments.target))
  network = features.classifier(train, test)
  judge = evaluator_of(network, train.images(rest), held, 'unseen')
  return train.images(few), judge


def main(arguments: Arguments) -> None:
  """Train and score what is asked for, a line of results for each run; then draw the picture."""
  before(arguments)
  if not arguments.ways:
    return
  images, judge = opened(arguments)
  file = arguments.out / 'results.jsonl'
  for seed in arguments.seeds:
    for way in arguments.ways:
      run = after(arguments, way, seed, images)
      draw = lambda key, run=run: to_uint8(run.sample(key, arguments.num))
      keys = list(range(1000, 1000 + arguments.repeats))
      found = evaluate(draw, judge, metrics=('kernel', 'frechet'), seeds=keys)
      line = {'way': way, 'seed': seed, 'scores': [score.plain() for score in found]}
      with file.open('a') as lines:
        lines.write(json.dumps(line) + '\n')
      print(way, seed, {s.name: round(s.of.value, 4) for s in found}, flush=True)
  picture(arguments)


def picture(arguments: Arguments) -> None:
  """Draw a row of samples for each way, of the first seed, wherever the run is there."""
  places = [arguments.out / f'{way}-{arguments.seeds[0]}' for way in WAYS]
  rows = [jaxgan.load(place).sample(0, 16) for place in places if place.exists()]
  (arguments.out / 'samples.png').write_bytes(figures.png(np.concatenate(rows), columns=16))


if __name__ == '__main__':
  main(tyro.cli(Arguments))
