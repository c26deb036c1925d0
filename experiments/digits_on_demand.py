"""Claim: `cgan` and `sngan` draw the MNIST digit that they are asked for.

An independent classifier, the one that evaluation trains on real MNIST, names the drawn digits: the
share it names as asked is printed for each run, with its accuracy on the real test images.

Command, after training the runs (see the results beside this file):

    python -m experiments.digits_on_demand --folder=MNIST_FILES --runs RUN [RUN ...]
"""

import json
import pathlib
from dataclasses import dataclass

import numpy as np
import tyro

import jaxgan
from jaxgan import data
from jaxgan.evaluation import features
from jaxgan.ops.images import to_uint8


@dataclass(frozen=True)
class Arguments:
  """Name the digits that runs draw."""

  runs: tuple[pathlib.Path, ...] = ()
  """Work directories of conditional runs on MNIST."""
  folder: pathlib.Path | None = None
  """The four original files of MNIST, where they are not yet prepared."""
  num: int = 1000
  """Images drawn of each class."""


def main(arguments: Arguments) -> None:
  """Train the classifier, or take it as it is kept, then judge every run by it."""
  train, test = (data.load('mnist', split=s, folder=arguments.folder) for s in ('train', 'test'))
  network = features.classifier(train, test)
  named = lambda images: network.apply(images)[1].argmax(1)
  accuracy = float((named(test.all()) == test.labels).mean())
  print(json.dumps({'classifier': 'real test images', 'accuracy': round(accuracy, 4)}))
  for folder in arguments.runs:
    run = jaxgan.load(folder)
    right = [
      float((named(to_uint8(run.sample(label, arguments.num, label))) == label).mean())
      for label in range(10)
    ]
    print(
      json.dumps(
        {
          'run': folder.name,
          'variant': run.config.variant,
          'seed': run.config.seed,
          'steps': run.step,
          'right': round(float(np.mean(right)), 4),
          'by_class': [round(r, 3) for r in right],
        }
      ),
      flush=True,
    )


if __name__ == '__main__':
  main(tyro.cli(Arguments))
