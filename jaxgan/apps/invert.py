"""Latents of given images: `jaxgan invert --workdir=/tmp/run --images=FOLDER ...`.

The method is gradient descent on the latent (for a StyleGAN: on the styles of every layer), from
several initial points. The picture shows each image, its reconstruction from the latent that was
found, and the difference.
"""

import pathlib
import sys
from dataclasses import dataclass

import numpy as np

from jaxgan.apps import checks, command, latents
from jaxgan.apps.command import Pictures
from jaxgan.apps.search import Distance, Found, Search, search
from jaxgan.core.nets import Nets
from jaxgan.core.typing import Array
from jaxgan.evaluation.metrics import fidelity
from jaxgan.ops.images import in_colors, to_uint8
from jaxgan.storage import figures, files
from jaxgan.training.run import Run, load


@dataclass(frozen=True)
class Options:
  """Find the latents whose images are nearest to given images."""

  workdir: pathlib.Path
  """The run's directory."""
  images: pathlib.Path | None = None
  """An image, or a folder of images."""
  split: str | None = None
  """A split of the run's data set, in place of a folder: test, train."""
  generated: bool = False
  """Use images that the run generates, to test how well the search works."""
  num: int = 8
  """Number of images."""
  out: checks.Picture | None = None
  """The picture to write, PNG: image, reconstruction and difference in a row."""
  npz: checks.Arrays | None = None
  """A file to write: the latents or styles `points`, and their images, uint8 `images`."""
  label: str | None = None
  """The class of all images, by name or number, for a run that draws by class."""
  steps: int = 300
  """Steps of Adam."""
  rate: float = 0.1
  """Learning rate of Adam."""
  restarts: int = 4
  """Searches for each image; the best result is kept."""
  feature_weight: float = 0.1
  """Weight of the critic's features in the loss, from 0 to 1; pixels have the rest."""
  seed: int = 0
  """Seed of the latents at which searches begin."""


def nearness(run: Run, weight: float) -> Distance:
  """Return the distance (1 - weight) mean (x - y)^2 + weight mean (f(x) - f(y))^2 / mean f(x)^2.

  Here f are the critic's features. StyleGAN's projector uses those of VGG instead, whose weights
  would have to be downloaded.

  Args:
    run: the run.
    weight: from 0 to 1.

  Raises:
    ValueError: if the weight is outside [0, 1], or the run has no critic of images.
  """
  if not 0 <= weight <= 1:
    raise ValueError(f'--feature-weight must lie from 0 to 1, it is {weight}')
  squares = lambda x: (x.reshape(len(x), -1) ** 2).mean(1)
  features = latents.features(run) if weight else None

  def distance(nets: Nets, made: Array, targets: Array, labels: Array) -> Array:
    pixels = (1 - weight) * squares(made - targets)
    if features is None:
      return pixels
    of, wanted = features(nets, made, labels), features(nets, targets, labels)
    return pixels + weight * squares(of - wanted) / (squares(wanted) + 1e-8)

  return distance


def targets(run: Run, options: Options) -> Pictures:
  """Return the images whose latents are to be found.

  Raises:
    ValueError: if no images are given, or more than one kind of them; or a run that draws by class
      gets no --label.
  """
  if run.recipe.conditional and options.label is None:
    raise ValueError(f"{run.config.variant} draws by class: give the images' class, --label")
  if options.generated and (options.images or options.split):
    raise ValueError('--generated uses images of the run: do not give --images or --split')
  if options.generated:
    images = run.sample(options.seed + 1, options.num, options.label)
    return Pictures([f'generated/{i}' for i in range(options.num)], images)
  return command.given(run, options.images, options.split, options.num)


def invert(run: Run, images: np.ndarray, options: Options) -> Found:
  """Find the points of images `[n, H, W, C]` in [-1, 1]; return them with their own images."""
  how = Search(options.steps, options.rate, options.restarts, options.seed)
  labels = latents.labels(run, len(images), options.label)
  distance = nearness(run, options.feature_weight)
  return search(run, latents.space(run), distance, images, labels, how)


def write(options: Options) -> None:
  """Find the latents, print the PSNR of each image, and write the results.

  Raises:
    ValueError: if there is no run with latents; as in `targets` and `nearness`.
  """
  command.positive(options, 'num', 'steps', 'rate', 'restarts')
  run = load(options.workdir)
  latents.space(run)  # raises before any image is read
  given = targets(run, options)
  found = invert(run, given.images, options)
  decibels = fidelity.psnr(found.images, given.images, peak=2.0)
  for name, value in zip(given.names, decibels, strict=True):
    print(f'{name}: {value:.1f} dB')
  print(f'jaxgan: mean PSNR {decibels.mean():.2f} dB over {len(decibels)} images')
  if options.out:
    figures.save_grid(options.out, compared(given.images, found.images), columns=3)
  if options.npz:
    files.save_npz(options.npz, points=found.points, images=to_uint8(found.images))
  command.said((options.out, options.npz), f'{len(decibels)} reconstructions')


def compared(images: np.ndarray, others: np.ndarray) -> np.ndarray:
  """Return image, other image and difference in turn, `[3 n, H, W, 3]`.

  The difference is |image - other|, shown as a heat map in which white is 1 or more, half of the
  range of pixels.
  """
  difference = figures.heat(np.abs(images - others).mean(-1), 1.0)
  shown = [in_colors(images), in_colors(others), difference]
  return np.stack(shown, 1).reshape(-1, *shown[0].shape[1:])


def main(argv: list[str] | None = None) -> int:
  """Run the command, and return its exit code: 0, or 2 for wrong input."""
  return command.run('invert', Options, write, argv)


if __name__ == '__main__':
  sys.exit(main())
