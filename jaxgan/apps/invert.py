"""Latents of given images: `python -m jaxgan.apps.invert --workdir=/tmp/run --images=FOLDER ...`.

By gradient descent on the latent (of StyleGANs: on the styles of every layer), from several starts.
The picture shows each image, what the generator makes of the latent found, and the difference.
"""

import pathlib
import sys
from dataclasses import dataclass

import numpy as np

from jaxgan.apps import command, latents
from jaxgan.apps.command import Pictures
from jaxgan.apps.search import Distance, Found, Search, search
from jaxgan.core.game import Nets
from jaxgan.core.typing import Array
from jaxgan.evaluation.metrics import fidelity
from jaxgan.ops.images import to_uint8
from jaxgan.storage import figures, files
from jaxgan.training.run import Run, load


@dataclass(frozen=True)
class Options:
  """Find the latents whose images are nearest to given ones."""

  workdir: pathlib.Path
  """The run's directory."""
  images: pathlib.Path | None = None
  """An image, or a folder of them."""
  split: str | None = None
  """A split of the run's own data set in place of a folder: test, train."""
  generated: bool = False
  """The run's own images in place of given ones, to see what the search can do."""
  num: int = 8
  """How many images."""
  out: pathlib.Path | None = None
  """The picture to write, PNG: image, reconstruction and difference in a row."""
  npz: pathlib.Path | None = None
  """A file for the points found, `points`, and their images, uint8 `images`."""
  label: int | None = None
  """The class of all images, for a run that draws by class."""
  steps: int = 300
  """Steps of Adam."""
  rate: float = 0.1
  """Its learning rate."""
  restarts: int = 4
  """Starts of each image, the best of which is kept."""
  feature_weight: float = 0.1
  """Share of the distance between the critic's features in the loss; the rest is of pixels."""
  seed: int = 0
  """Of the starts."""


def nearness(run: Run, weight: float) -> Distance:
  """(1 - weight) mean (x - y)^2 + weight mean (f(x) - f(y))^2 / mean f(x)^2.

  Here f are the critic's features, in the place of those of VGG that StyleGAN's projector takes,
  whose weights one would have to fetch.

  Raises:
    ValueError: a weight outside of [0, 1], or a run without a critic.
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
  """The images to look for.

  Raises:
    ValueError: none named, or more than one kind; a conditional run without a class.
  """
  if run.recipe.conditional and options.label is None:
    raise ValueError(f"{run.config.variant} draws by class: give the images' class, --label")
  if options.generated and (options.images or options.split):
    raise ValueError("--generated takes the run's own images: leave --images and --split out")
  if options.generated:
    images = run.sample(options.seed + 1, options.num, options.label)
    return Pictures([f'generated/{i}' for i in range(options.num)], images)
  return command.given(run, options.images, options.split, options.num)


def invert(run: Run, images: np.ndarray, options: Options) -> Found:
  """The points of images `[n, H, W, C]` in [-1, 1]."""
  how = Search(options.steps, options.rate, options.restarts, options.seed)
  labels = latents.labels(run, len(images), options.label)
  distance = nearness(run, options.feature_weight)
  return search(run, latents.space(run), distance, images, labels, how)


def write(options: Options) -> None:
  """Search, say how near it came, and write what is asked for.

  Raises:
    ValueError: no run with latents there; as `targets` and `nearness`.
  """
  command.positive(options, 'num', 'steps', 'rate', 'restarts')
  run = load(options.workdir)
  latents.space(run)  # refuses before anything is read
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
  """Image, other, and |difference| as heat (white: 1, half of the range), one after the other."""
  difference = figures.heat(np.abs(images - others).mean(-1), 1.0)
  shown = [figures.coloured(images), figures.coloured(others), difference]
  return np.stack(shown, 1).reshape(-1, *shown[0].shape[1:])


def main(argv: list[str] | None = None) -> int:
  """Run the command, and return its exit code: 0, or 2 for wrong input."""
  return command.run('invert', Options, write, argv)


if __name__ == '__main__':
  sys.exit(main())
