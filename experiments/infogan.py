"""Claim: the code of `infogan` comes to mean the digit, though no label is ever shown.

A classifier, the one that evaluation trains on real digits with labels, names the digits that a run
draws by each of its codes. Codes and digits are matched one to one as well as possible; the share
of images whose digit is that of their code is printed. The control is the same run without the
information term. So is the share of real test images whose digit is that of the code which the
head finds in them, by the same matching.

Commands: for every seed, with and without the term; then once for all.

    python -m jaxgan train --variant=infogan --dataset=D --steps=1000 --seed=S --workdir=RUN
      [--information=0 --continuous-information=0]
    python -m experiments.infogan --dataset=D --out=PICTURE.png --runs RUN [RUN ...]

D is `digits`, which comes with the package, or `mnist`, with --folder=MNIST_FILES.
"""

import json
import pathlib
from dataclasses import dataclass

import numpy as np
import tyro
from scipy.optimize import linear_sum_assignment

import jaxgan
from jaxgan import data
from jaxgan.core.nets import Nets
from jaxgan.core.typing import Array
from jaxgan.data import Source
from jaxgan.evaluation import features
from jaxgan.ops.images import to_uint8, to_unit
from jaxgan.storage import figures
from jaxgan.training.programs import in_batches
from jaxgan.training.run import Run


@dataclass(frozen=True)
class Arguments:
  """Match the codes of runs with digits."""

  runs: tuple[pathlib.Path, ...]
  """Work directories of infogan on digits."""
  dataset: str = 'digits'
  """The digits of the runs: digits or mnist."""
  folder: pathlib.Path | None = None
  """The four original files of MNIST, where they are not yet prepared."""
  data_dir: pathlib.Path | None = None
  """Where prepared data are."""
  num: int = 500
  """Images drawn by each code."""
  out: pathlib.Path | None = None
  """A picture of what each code of the first run does."""


def matched(counts: np.ndarray) -> tuple[np.ndarray, float]:
  """Return the digit of each code by the best matching, and the share of images that have it.

  Example:
    >>> matched(np.array([[1, 9], [8, 2]]))
    (array([1, 0]), 0.85)
  """
  codes, digits = linear_sum_assignment(-counts)
  return digits, float(counts[codes, digits].sum() / counts.sum())


def found(run: Run, images: np.ndarray) -> np.ndarray:
  """Return the code that the head finds in images uint8 `[n, H, W, C]`."""

  def apply(nets: Nets, images: Array) -> Array:
    seen, _ = nets.features('critic', images)
    return nets('head', seen.reshape(len(seen), -1))[0][:, : run.sampler().codes['code'].size]

  return np.asarray(in_batches(run.bound(apply), to_unit(images), size=500)).argmax(1)


def effects(run: Run) -> tuple[np.ndarray, int]:
  """Draw pictures of what each code does, ten in a row, and return them with this number.

  Five rows have a latent each, and the columns are the choices. Then each continuous number goes
  from -2 to 2, twice as far as in training, for three choices.
  """
  codes, z = run.sampler().codes, run.latents(0, 5)
  size, columns = codes['code'].size, codes['code'].size
  rows = []
  for latent in z:
    row = np.repeat(latent[None], columns, 0)
    row[:, -size - _numbers(run) : len(latent) - _numbers(run)] = np.eye(size)
    rows.append(row)
  for number in range(_numbers(run)):
    for choice in (0, 1, 2):
      row = np.repeat(rows[0][choice][None], columns, 0)
      row[:, -_numbers(run) :] = 0
      row[:, len(z[0]) - _numbers(run) + number] = np.linspace(-2, 2, columns)
      rows.append(row)
  return run.generate(np.concatenate(rows)), columns


def _numbers(run: Run) -> int:
  codes = run.sampler().codes
  return codes['continuous'].size if 'continuous' in codes else 0


def judged(run: Run, network: features.FeatureNetwork, test: Source, num: int) -> dict[str, object]:
  """Return how well the codes of a run are digits, drawn and found.

  The variety is the standard deviation of pixels among images of one code, as a share of that
  among real images of one digit: near 0, a code draws the same image again and again.
  """
  size = run.sampler().codes['code'].size
  counts, spread = np.zeros((size, 10), int), []
  for code in range(size):
    drawn = to_uint8(run.sample(code, num, codes={'code': str(code)}))
    spread.append(drawn.std(0).mean())
    counts[code] = np.bincount(network.apply(drawn)[1].argmax(1), minlength=10)
  digits, share = matched(counts)
  images, labels = test.all(), test.labels
  real = float((digits[found(run, images)] == labels).mean())
  of_real = np.mean([images[labels == digit].std(0).mean() for digit in range(10)])
  return {
    'code is digit': round(share, 4),
    'by code': [round(float(counts[c, d] / num), 3) for c, d in enumerate(digits)],
    'digits': digits.tolist(),
    'head on real digits': round(real, 4),
    'variety': round(float(np.mean(spread) / of_real), 3),
  }


def main(arguments: Arguments) -> None:
  """Train the classifier, or take it as it is kept, then judge every run by it."""
  name, place = arguments.dataset, dict(folder=arguments.folder, data_dir=arguments.data_dir)
  train, test = (data.load(name, split=split, **place) for split in ('train', 'test'))
  network = features.classifier(train, test)
  print(json.dumps({'classifier': network.described}))
  for i, folder in enumerate(arguments.runs):
    run = jaxgan.load(folder)
    about = {'run': folder.name, 'seed': run.config.seed, 'steps': run.step}
    about |= {'information': run.config.information}
    print(json.dumps(about | judged(run, network, test, arguments.num)), flush=True)
    if not i and arguments.out:
      figures.save_grid(arguments.out, *effects(run))


if __name__ == '__main__':
  main(tyro.cli(Arguments))
