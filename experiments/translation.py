"""Claim: `cyclegan` makes zebras of horses and back, `pix2pix` maps of aerial photographs.

For `cyclegan`: the mean distance between an image and its way there and back, and the Fréchet
distance of the test images of each domain to the other domain's training images, before (as they
are) and after (translated); by features of a classifier of the two domains, trained here, and no
distance of another network is to be compared with it.

For `pix2pix`: mean L1 and PSNR, from 0 to 255, on the pairs of the test split, of the run, of the
mean training image, and of the source taken as it is.

Command, after training:

    python -m jaxgan.main --variant=cyclegan --folder=HORSE2ZEBRA --workdir=runs/h2z
    python -m jaxgan.main --variant=pix2pix --folder=MAPS --workdir=runs/maps
    python -m experiments.translation --runs runs/h2z runs/maps
"""

import json
import pathlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tyro

import jaxgan
from jaxgan.data import Source, from_arrays
from jaxgan.evaluation import features
from jaxgan.evaluation.metrics import fidelity, frechet, moments
from jaxgan.ops.images import to_uint8, to_unit
from jaxgan.training.run import Run
from jaxgan.training.session import open_data


@dataclass(frozen=True)
class Arguments:
  """Measure runs that translate."""

  runs: tuple[pathlib.Path, ...] = ()
  """Work directories of runs of cyclegan or pix2pix whose data have a test split."""
  num: int = 1000
  """Test images of each domain, at most."""
  batch: int = 1
  """Images translated together: pix2pix's batch norm goes by them."""


def images_of(source: Source, num: int | None = None) -> np.ndarray:
  """The first images, uint8 `[n, H, W, C]`."""
  return source.all() if num is None else source.images(np.arange(min(num, len(source))))


def translated(run: Run, images: np.ndarray, way: str, batch: int) -> np.ndarray:
  """uint8 to uint8."""
  made = [
    run.translate(to_unit(images[i : i + batch]), way, i)
    for i in range(0, len(images) // batch * batch, batch)
  ]
  return to_uint8(np.concatenate(made))


def distance(images: np.ndarray, others: np.ndarray) -> float:
  """Mean absolute difference, of values from 0 to 255."""
  return float(np.abs(images.astype(np.float64) - others[: len(images)]).mean())


def cycle(run: Run, train: Source, test: Source, given: Arguments) -> dict[str, Any]:
  """There and back, and how near each domain comes to the other."""
  known = [images_of(domain) for domain in (train, train.target)]
  labels = np.repeat([0, 1], [len(x) for x in known])
  both = from_arrays(np.concatenate(known), labels, names=('A', 'B'))
  network = features.classifier(both, both)
  references = [frechet.reference(moments.of(network.apply(x)[0])) for x in known]
  found: dict[str, Any] = {'features': f'{network.name} {network.hash}'}
  first, second = run.translator().ways
  for i, (domain, there, back) in enumerate(((test, first, second), (test.target, second, first))):
    images = images_of(domain, given.num)
    made = translated(run, images, there, given.batch)
    returned = translated(run, made, back, given.batch)
    near = lambda x, i=i: frechet.distance_of(network.apply(x)[0], references[1 - i])
    found[there] = {
      'images': len(made),
      'cycle': round(distance(returned, images), 3),
      'to_target_before': round(near(images), 4),
      'to_target_after': round(near(made), 4),
    }
  return found


def pairs(run: Run, train: Source, test: Source, given: Arguments) -> dict[str, Any]:
  """The run against the mean image and the source itself."""
  sources, targets = images_of(test, given.num), images_of(test.target, given.num)
  made = translated(run, sources, run.config.direction, given.batch)
  mean = np.broadcast_to(images_of(train.target).mean(0), targets.shape)
  tried = {'run': made, 'mean_image': mean, 'copy': sources}
  return {
    name: {
      'images': len(made),
      'l1': round(distance(images[: len(made)], targets), 3),
      'psnr': round(float(fidelity.psnr(images[: len(made)], targets[: len(made)]).mean()), 3),
    }
    for name, images in tried.items()
  }


MEASURES: Mapping[str, Callable[..., dict[str, Any]]] = {'target': cycle, 'pairs': pairs}


def main(arguments: Arguments) -> None:
  """A line of JSON for each run."""
  for folder in arguments.runs:
    run = jaxgan.load(folder)
    train, test = (open_data(run.config, split) for split in ('train', 'test'))
    found = MEASURES[run.recipe.needs](run, train, test, arguments)
    about = {'name': folder.name, 'variant': run.config.variant, 'seed': run.config.seed}
    print(json.dumps({**about, 'steps': run.step, **found}), flush=True)


if __name__ == '__main__':
  main(tyro.cli(Arguments))
