"""Claim: `stargan` translates MNIST between colour, rotation and thickness, and keeps the digits.

The domains are made of MNIST: `plain` are the images as they are, `red` are drawn in red, `turned`
are rotated by 45 degrees, `thick` have thicker strokes. Every image is in one domain alone, so that
no digit is there in two. Test images are translated to the three other domains. Two classifiers,
trained on the real training images of all domains, name the domain and the digit of the results.
Their own accuracy is on real test images.

    python -m experiments.stargan prepare --mnist=MNIST_FILES --folder=DOMAINS
    python -m jaxgan train --variant=stargan --dataset=folder --folder=DOMAINS --image-size=28 \
--steps=S --seed=N --workdir=RUN
    python -m experiments.stargan judge --folder=DOMAINS --runs RUN [RUN ...] --out=PICTURE.png
"""

import json
import pathlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tyro
from PIL import Image, ImageFilter

import jaxgan
from jaxgan import data
from jaxgan.evaluation import features
from jaxgan.evaluation.metrics import intervals
from jaxgan.ops.images import to_uint8, to_unit
from jaxgan.storage import figures
from jaxgan.training.run import Run

EACH = {'train': 15_000, 'test': 500}
"""Images of each domain."""
SIDE = 28


def in_red(image: Image.Image) -> Image.Image:
  """Return a grey image in red."""
  black = Image.new('L', image.size)
  return Image.merge('RGB', (image, black, black))


DOMAINS: dict[str, Callable[[Image.Image], Image.Image]] = {
  'plain': lambda image: image,
  'red': in_red,
  'thick': lambda image: image.filter(ImageFilter.MaxFilter(3)),
  'turned': lambda image: image.rotate(-45, Image.Resampling.BICUBIC),
}


@dataclass(frozen=True)
class Prepare:
  """Write the images, one folder for each domain in train and in test."""

  mnist: pathlib.Path
  """The four original files of MNIST."""
  folder: pathlib.Path
  """Where the folders are written."""


@dataclass(frozen=True)
class Judge:
  """Name the domains and the digits of translated test images."""

  folder: pathlib.Path
  """What `prepare` wrote."""
  runs: tuple[pathlib.Path, ...]
  """Work directories of stargan, of equal options and other seeds."""
  out: pathlib.Path | None = None
  """A picture of the first run: test images of each domain, each beside its translations."""


def prepare(arguments: Prepare) -> None:
  """Write the images as PNG; a name begins with the digit."""
  for split, count in EACH.items():
    source = data.load('mnist', split=split, folder=arguments.mnist)
    order = np.random.default_rng(0).permutation(len(source))[: count * len(DOMAINS)]
    for (name, change), chosen in zip(DOMAINS.items(), np.split(order, len(DOMAINS)), strict=True):
      folder = arguments.folder / split / name
      folder.mkdir(parents=True, exist_ok=True)
      chosen = np.sort(chosen)
      images = source.images(chosen)
      for index, image, digit in zip(chosen, images, source.labels[chosen], strict=True):
        made = change(Image.fromarray(image[..., 0])).convert('RGB')
        made = made.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        made.save(folder / f'{digit}-{index:05d}.png')


def read(folder: pathlib.Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Return images uint8 `[n, H, W, 3]`, the numbers of their domains, and their digits."""
  paths = [(i, p) for i, name in enumerate(DOMAINS) for p in sorted((folder / name).glob('*.png'))]
  images = np.stack([np.asarray(Image.open(path)) for _, path in paths])
  digits = [int(path.name[0]) for _, path in paths]
  return images, np.array([i for i, _ in paths], np.int32), np.array(digits, np.int32)


def translated(run: Run, images: np.ndarray) -> dict[str, np.ndarray]:
  """Return uint8 images translated to each domain, by name."""
  return {name: to_uint8(run.translate(to_unit(images), name)) for name in DOMAINS}


def judge(arguments: Judge) -> None:
  """Train the classifiers, or take them as they are kept, then judge every run by them."""
  train, (images, domains, digits) = (read(arguments.folder / split) for split in EACH)
  named = {}
  for what, known, asked in (('domain', train[1], domains), ('digit', train[2], digits)):
    network = features.classifier(data.from_arrays(train[0], known))
    named[what] = lambda x, network=network: network.apply(x)[1].argmax(1)
    accuracy = float((named[what](images) == asked).mean())
    print(json.dumps({'classifier of the': what, 'accuracy': round(accuracy, 4)}), flush=True)
  kept: dict[str, list[float]] = {'domain': [], 'digit': []}
  for folder in arguments.runs:
    run, found = jaxgan.load(folder), {}
    for number, (name, made) in enumerate(translated(run, images).items()):
      other = domains != number
      found[name] = {
        'domain': float((named['domain'](made)[other] == number).mean()),
        'digit': float((named['digit'](made)[other] == digits[other]).mean()),
      }
    for what, values in kept.items():
      values.append(float(np.mean([one[what] for one in found.values()])))
    line = {'run': folder.name, 'seed': run.config.seed, 'steps': run.step}
    line |= {what: round(values[-1], 4) for what, values in kept.items()}
    to = {name: [round(x, 3) for x in one.values()] for name, one in found.items()}
    print(json.dumps(line | {'to': to}), flush=True)
  report = {what: intervals.repeats(values) for what, values in kept.items()}
  print(json.dumps({what: [round(x, 4) for x in one] for what, one in report.items()}))
  if arguments.out:
    picture(arguments, images, domains)


def picture(arguments: Judge, images: np.ndarray, domains: np.ndarray) -> None:
  """Draw test images of each domain, each beside its translations by the first run."""
  shown = images[[i for k in range(len(DOMAINS)) for i in np.flatnonzero(domains == k)[::97][:5]]]
  made = translated(jaxgan.load(arguments.runs[0]), shown)
  rows = np.stack([shown, *made.values()], 1)
  assert arguments.out
  figures.save_grid(arguments.out, to_unit(rows.reshape(-1, *rows.shape[2:])), columns=10)


def main(arguments: Prepare | Judge) -> None:
  """Run a command."""
  prepare(arguments) if isinstance(arguments, Prepare) else judge(arguments)


if __name__ == '__main__':
  main(tyro.cli(Prepare | Judge))
