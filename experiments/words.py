"""Claim: `gan_cls` draws digits as words ask for, also in combinations that it never saw.

Each image has one or two digits of MNIST, left or right, and a caption such as "a thick seven on
the left" or "a thin three left of a thick zero". Thick and thin are measured: the width of the
strokes is four times the mean distance of a digit's pixels from its edge, as it is for a strip;
the thinnest and the thickest third of the digits have a name. Two kinds of combinations are held
out, and every word of theirs is in other captions: 20 of the 100 pairs of digits never stand side
by side, and each digit is never alone in one of the four kinds (thin or thick, left or right).

A classifier names the digit and its strokes in each half of an image, or that it is empty. It is
trained on halves of real training images. An image is right if both halves are as asked.

    python -m experiments.words prepare --mnist=MNIST_FILES --folder=WORDS
    python -m jaxgan train --variant=gan_cls --dataset=captions --folder=WORDS --image-size=32 \
--channels=1 --steps=S --seed=N --workdir=RUN
    python -m experiments.words judge --folder=WORDS --runs RUN [RUN ...] --out=PICTURE.png
"""

import csv
import json
import pathlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import tyro
from PIL import Image
from scipy import ndimage

import jaxgan
from experiments.text_to_image import captions_of, rounded
from jaxgan import data
from jaxgan.apps.captions import drawn
from jaxgan.data import Source
from jaxgan.evaluation import features
from jaxgan.evaluation.metrics.intervals import wilson
from jaxgan.networks.classifier import Classifier
from jaxgan.ops.images import to_uint8, to_unit
from jaxgan.storage import figures

DIGITS = 'zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'
STROKES = 'thin', 'thick'
SIDES = 'left', 'right'
SIDE = 32
"""Pixels on a side; a digit has half of them."""
COUNT = {'train': 9000, 'test': 900}
"""Images; a third of them have one digit."""
Half = tuple[int, int] | None
"""A digit and its strokes; None: empty."""
Halves = tuple[Half, Half]


@dataclass(frozen=True)
class Prepare:
  """Write the images and their captions into the folders train and test."""

  mnist: pathlib.Path
  """The four original files of MNIST."""
  folder: pathlib.Path
  """Where the folders are written."""


@dataclass(frozen=True)
class Judge:
  """Judge runs by the captions that were held out."""

  folder: pathlib.Path
  """What `prepare` wrote."""
  runs: tuple[pathlib.Path, ...]
  """Work directories of gan_cls."""
  out: pathlib.Path | None = None
  """A picture of the first run: a real image of a held-out caption, then four that it draws."""
  drawn: int = 10
  """Images drawn by each caption."""


# Words.


def caption(halves: Halves) -> str:
  """Say what is in the halves of an image.

  Example:
    >>> caption(((7, 1), None)), caption(((3, 0), (0, 1)))
    ('a thick seven on the left', 'a thin three left of a thick zero')
  """
  said = [f'a {STROKES[half[1]]} {DIGITS[half[0]]}' for half in halves if half]
  if len(said) == 2:
    return ' left of '.join(said)
  return f'{said[0]} on the {SIDES[halves[0] is None]}'


def combinations() -> tuple[list[Halves], list[Halves]]:
  """Return all contents of an image: those with one digit, and those with two."""
  kinds = [(digit, stroke) for digit in range(10) for stroke in (0, 1)]
  one: list[Halves] = [x for kind in kinds for x in ((kind, None), (None, kind))]
  return one, [(left, right) for left in kinds for right in kinds]


def held_out(halves: Halves) -> bool:
  """Return whether no training image shows this."""
  left, right = halves
  if left and right:
    return (3 * left[0] + right[0]) % 5 == 0
  digit, stroke = left or right or (0, 0)
  return 2 * stroke + (left is None) == digit % 4


# Images.


def stroke_width(image: np.ndarray) -> float:
  """Return the width of the strokes of a digit, in pixels.

  Example:
    >>> strip = np.zeros((28, 28), np.uint8)
    >>> strip[4:24, 10:16] = 255
    >>> 4 < stroke_width(strip) < 8
    True
  """
  ink = image > 127
  return 4 * float(ndimage.distance_transform_edt(ink)[ink].mean() - 0.5) if ink.any() else 0.0


def kinds_of(source: Source, bounds: Sequence[float] | None) -> tuple[dict, Sequence[float]]:
  """Return the digits' images by digit and stroke, and the widths that bound thin and thick."""
  images, found = source.all()[..., 0], {}
  widths = np.array([stroke_width(image) for image in images])
  low, high = np.quantile(widths, [1 / 3, 2 / 3]) if bounds is None else bounds
  for digit in range(10):
    for stroke, chosen in enumerate((widths <= low, widths >= high)):
      found[digit, stroke] = images[chosen & (source.labels == digit)]
  return found, (low, high)


def composed(halves: Halves, kinds: dict, rng: np.random.Generator) -> np.ndarray:
  """Return an image uint8 `[SIDE, SIDE]` of digits of these kinds, each up to 3 pixels off."""
  image, size = np.zeros((SIDE, SIDE), np.uint8), SIDE // 2
  for i, half in enumerate(halves):
    if half:
      digit = Image.fromarray(kinds[half][rng.integers(len(kinds[half]))]).crop((2, 2, 26, 26))
      top = size // 2 + rng.integers(-3, 4)
      small = np.asarray(digit.resize((size, size), Image.Resampling.LANCZOS))
      image[top : top + size, i * size : (i + 1) * size] = small
  return image


def prepare(arguments: Prepare) -> None:
  """Write the images as PNG, with their captions in captions.csv."""
  bounds, rng = None, np.random.default_rng(0)
  for split, count in COUNT.items():
    source = data.load('mnist', split=split, folder=arguments.mnist)
    kinds, bounds = kinds_of(source, bounds)
    groups = [[x for x in some if held_out(x) == (split == 'test')] for some in combinations()]
    folder, rows = arguments.folder / split, [('file_name', 'caption')]
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
      group = groups[i % 3 > 0]
      halves, name = group[rng.integers(len(group))], f'{i:05d}.png'
      Image.fromarray(composed(halves, kinds, rng)).save(folder / name)
      rows.append((name, caption(halves)))
    with open(folder / 'captions.csv', 'w', newline='', encoding='utf-8') as file:
      csv.writer(file).writerows(rows)
    about = {'split': split, 'images': count, 'captions': sum(map(len, groups))}
    print(json.dumps(about | {'thin below, thick above': [round(float(x), 2) for x in bounds]}))


# The judge.


def numbered(half: Half) -> int:
  """Return the class of a half: 0 is empty, and each digit has one for each stroke."""
  return 0 if half is None else 1 + 2 * half[0] + half[1]


def wanted(captions: Sequence[str]) -> np.ndarray:
  """Return the classes of the halves that captions ask for, int `[n, 2]`."""
  known = {caption(x): [numbered(half) for half in x] for some in combinations() for x in some}
  return np.array([known[text] for text in captions], np.int32)


def halved(images: np.ndarray) -> np.ndarray:
  """Return the left halves of images, then the right ones, each in the middle of a square.

  The rows above and below, where no real image has a digit, are cut.
  """
  half, edge = SIDE // 2, SIDE // 8
  both = np.concatenate([images[:, :, :half], images[:, :, half:]])[:, edge : SIDE - edge]
  return np.pad(both, ((0, 0), (0, 0), (edge, edge), (0, 0)))


def digits_of(classes: np.ndarray) -> np.ndarray:
  """Return the classes without the strokes."""
  return (classes + 1) // 2


def classifier(train: Source) -> Callable[[np.ndarray], np.ndarray]:
  """Train the function that names the classes of the halves of images, int `[n, 2]`.

  It is wider than the classifier of `jaxgan evaluate`, and trained twice as long: that one is right
  in 0.952 of the digits on the images that it was trained on, and this one in 0.994.
  """
  images, classes = halved(train.all()), wanted(captions_of(train)).T.reshape(-1)
  net = Classifier(numbered((9, 1)) + 1, features=256)
  params = features.fit(net, data.from_arrays(images, classes), steps=3000)
  return lambda x: features.logits(net, params, halved(x)).argmax(1).reshape(2, -1).T


def scores(found: np.ndarray, asked: np.ndarray) -> dict[str, list[float]]:
  """Return the shares of images that are right, with their intervals."""
  right = (digits_of(found) == digits_of(asked)).all(1)
  others = np.random.default_rng(0).permutation(len(asked))
  alone = (asked == 0).any(1)
  given = asked > 0
  parts = {
    'digits and places': right,
    'one digit': right[alone],
    'two digits': right[~alone],
    'strokes too': (found == asked).all(1),
    'strokes of a right digit': (found == asked)[given & right[:, None]],
    'by a shuffled caption': (digits_of(found) == digits_of(asked[others])).all(1),
  }
  return {name: rounded(wilson(int(part.sum()), max(len(part), 1))) for name, part in parts.items()}


def judge(arguments: Judge) -> None:
  """Judge real held-out images, then each run by captions that were held out and by seen ones."""
  options = dict(folder=arguments.folder, image_size=SIDE, channels=1)
  train, test = (data.load('captions', split=split, **options) for split in COUNT)
  named = classifier(train)
  print(json.dumps({'what': 'real images', **scores(named(test.all()), wanted(captions_of(test)))}))
  groups: dict[str, list[str]] = {'held out': [], 'seen': []}
  for some in combinations():
    for halves in some:
      groups['held out' if held_out(halves) else 'seen'].append(caption(halves))
  for i, folder in enumerate(arguments.runs):
    run = jaxgan.load(folder)
    for name, captions in groups.items():
      every = captions * (arguments.drawn if name == 'held out' else 1)
      images = to_uint8(drawn(run, every, run.latents(0, len(every))))
      about = {'what': name, 'run': folder.name, 'seed': run.config.seed, 'steps': run.step}
      print(json.dumps(about | scores(named(images), wanted(every))), flush=True)
      if not i and name == 'held out' and arguments.out:
        picture(arguments.out, test, captions, images)


def picture(path: pathlib.Path, test: Source, captions: Sequence[str], images: np.ndarray) -> None:
  """Draw a real image of some captions, beside four images that a run draws by each."""
  chosen = [*range(0, 10, 3), *range(12, len(captions), 11)]
  real = {text: i for i, text in enumerate(captions_of(test))}
  chosen = [i for i in chosen if captions[i] in real]
  shown = [
    np.concatenate([test.images(np.array([real[captions[i]]])), images[i :: len(captions)][:4]])
    for i in chosen
  ]
  columns = ['real', *('drawn',) * 4]
  figures.save_table(path, to_unit(np.concatenate(shown)), [captions[i] for i in chosen], columns)


def main(arguments: Prepare | Judge) -> None:
  """Run a command."""
  prepare(arguments) if isinstance(arguments, Prepare) else judge(arguments)


if __name__ == '__main__':
  main(tyro.cli(Prepare | Judge))
