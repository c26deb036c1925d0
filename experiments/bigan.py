"""Claim: the latents that `bigan` finds for images tell digits apart better than pixels do.

By one nearest neighbor: a test image has the digit of the nearest training image, by the Euclidean
distance of E(x), of the pixels' first principal components, as many as the latent has numbers, and
of all pixels. An encoder without training is there too, since random features tell much.

    python -m jaxgan train --variant=bigan --dataset=D --steps=S --seed=N --workdir=RUN
    python -m experiments.bigan --dataset=D --runs RUN [RUN ...]
"""

import dataclasses
import json
import pathlib
from dataclasses import dataclass

import numpy as np
import tyro

import jaxgan
from jaxgan import data
from jaxgan.apps.encode import encode
from jaxgan.core import game
from jaxgan.core.seeds import key_of
from jaxgan.evaluation.metrics import intervals, neighbors
from jaxgan.ops.images import to_unit
from jaxgan.training.run import Run


@dataclass(frozen=True)
class Arguments:
  """Judge encoders by their nearest neighbors."""

  runs: tuple[pathlib.Path, ...]
  """Work directories of bigan, of equal options and other seeds."""
  dataset: str = 'mnist'
  """digits or mnist."""
  folder: pathlib.Path | None = None
  """The files of --dataset=mnist."""
  data_dir: pathlib.Path | None = None
  """Where prepared data sets are."""
  size: int | None = None
  """Pixels on a side, as the runs have."""


def components(known: np.ndarray, count: int) -> np.ndarray:
  """Return the first principal components of rows, `[d, count]`."""
  centered = known - known.mean(0)
  _, vectors = np.linalg.eigh(centered.T @ centered)
  return vectors[:, ::-1][:, :count]


def untrained(run: Run) -> Run:
  """Return the run with the networks with which it began."""
  stage = run.stage
  state = game.init(stage.game, key_of(run.config.seed), dict(stage.example))
  return dataclasses.replace(run, state=state)


def main(arguments: Arguments) -> None:
  """Print the accuracy of each run, and of what it is compared with."""
  place = dict(folder=arguments.folder, data_dir=arguments.data_dir, image_size=arguments.size)
  train, test = (data.load(arguments.dataset, split=s, **place) for s in ('train', 'test'))
  images = [to_unit(source.all()) for source in (train, test)]

  def right(known: np.ndarray, asked: np.ndarray) -> float:
    numbers = neighbors.nearest(known, asked, 1)[1][:, 0]
    return float((train.labels[numbers] == test.labels).mean())

  pixels = [x.reshape(len(x), -1) for x in images]
  found: dict[str, list[float]] = {'encoder': [], 'untrained': []}
  for folder in arguments.runs:
    run = jaxgan.load(folder)
    for name, judged in (('encoder', run), ('untrained', untrained(run))):
      found[name].append(right(*(encode(judged, folder, x) for x in images)))
    seen = {name: round(values[-1], 4) for name, values in found.items()}
    print(json.dumps({'run': folder.name, 'seed': run.config.seed, 'steps': run.step} | seen))
  axes = components(pixels[0], run.config.latent_size)
  report = {name: [round(x, 4) for x in intervals.repeats(v)] for name, v in found.items()}
  report |= {'components': round(right(*(x @ axes for x in pixels)), 4)}
  print(json.dumps(report | {'pixels': round(right(*pixels), 4)}))


if __name__ == '__main__':
  main(tyro.cli(Arguments))
