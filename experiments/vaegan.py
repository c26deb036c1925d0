"""Claim: `vaegan` restores images of its latents, and draws images as other GANs do.

The restored image is G(E(x)), of held-out images. Its mean squared error, of pixels in [-1, 1], is
compared with that of as many principal components of the training images, which is the least that
any linear map of so few numbers has, and with that of the mean image. `kept` is the share of
restored images whose nearest training image has the label of the original's: an error of pixels
does not say whether a digit stays the same digit.

    python -m jaxgan train --variant=vaegan --dataset=D --steps=S --seed=N --workdir=RUN
    python -m jaxgan evaluate --workdir=RUN --metrics=frechet,prdc
    python -m experiments.vaegan --dataset=D --out=PICTURE.png --runs RUN [RUN ...]
"""

import json
import pathlib
from dataclasses import dataclass

import numpy as np
import tyro

import jaxgan
from experiments.bigan import components, nearest
from jaxgan import data
from jaxgan.apps.encode import encode
from jaxgan.evaluation.metrics import intervals
from jaxgan.ops.images import to_unit
from jaxgan.storage import figures


@dataclass(frozen=True)
class Arguments:
  """Judge how runs with an encoder restore images."""

  runs: tuple[pathlib.Path, ...]
  """Work directories of vaegan and bigan, with latents of one size."""
  dataset: str = 'digits'
  """digits or mnist."""
  folder: pathlib.Path | None = None
  """The files of --dataset=mnist."""
  size: int | None = None
  """Pixels on a side, as the runs have."""
  out: pathlib.Path | None = None
  """A picture: images, what the components make of them, and the first run of each variant."""


def projected(known: np.ndarray, asked: np.ndarray, count: int) -> np.ndarray:
  """Return rows as their first principal components say."""
  axes, middle = components(known, count), known.mean(0)
  made: np.ndarray = (asked - middle) @ axes @ axes.T + middle
  return made


def main(given: Arguments) -> None:
  """Print the error of each run, and of what it is compared with."""
  place = dict(folder=given.folder, image_size=given.size)
  train, test = (data.load(given.dataset, split=s, **place) for s in ('train', 'test'))
  known, asked = (to_unit(source.all()) for source in (train, test))
  flat = lambda images: images.reshape(len(images), -1)
  of_known = flat(known)

  def judged(images: np.ndarray) -> dict[str, float]:
    labels = nearest(of_known, train.labels, flat(images))
    return {
      'error': round(float(((images - asked) ** 2).mean()), 4),
      'kept': round(float((labels == test.labels).mean()), 4),
    }

  found: dict[str, list[float]] = {}
  shown = {'images': asked[:10]}
  for folder in given.runs:
    run = jaxgan.load(folder)
    if not found:
      linear = projected(of_known, flat(asked), run.config.latent_size).reshape(asked.shape)
      shown['components'] = linear[:10]
      mean = np.broadcast_to(known.mean(0), asked.shape)
      for name, images in (('components', linear), ('mean', mean), ('the images', asked)):
        print(json.dumps({'of': name} | judged(images)))
    made = run.generate(encode(run, folder, asked))
    name = run.config.variant
    scores = judged(made)
    found.setdefault(name, []).append(scores['error'])
    shown.setdefault(name, made[:10])
    print(json.dumps({'of': name, 'seed': run.config.seed, 'steps': run.step} | scores))
  print(json.dumps({n: [*intervals.repeats(v)] if len(v) > 1 else v for n, v in found.items()}))
  if given.out:
    figures.save_grid(given.out, np.concatenate([*shown.values()]), columns=10)


if __name__ == '__main__':
  main(tyro.cli(Arguments))
