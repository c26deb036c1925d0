"""Claim: `gan_cls` composes: it draws emoji in skin tones in which it never saw them.

The test data have 320 emoji in each of 5 skin tones. One tone of each emoji, 64 of each tone, is
held out: the run sees every emoji and every tone, but not these 320 pairs. A caption is the Unicode
name, such as "waving hand sign: dark skin tone". A classifier of the tone, trained on the real
training images, names the tone of the images that are drawn by the held-out captions. The control
is the same run with the captions shuffled among the training images.

Commands: the first writes the folder of images and captions, the second trains a run, the third
judges runs, beside real held-out images and an untrained generator.

    python -m experiments.text_to_image prepare --archive=noto_png72.zip --folder=EMOJI
    python -m experiments.text_to_image train --folder=EMOJI --workdir=RUN --seed=0
    python -m experiments.text_to_image judge --folder=EMOJI --runs RUN [RUN ...] --out=PICTURE.png
"""

import csv
import dataclasses
import io
import json
import pathlib
import re
import unicodedata
import zipfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import tyro
from PIL import Image

import jaxgan
from jaxgan import data
from jaxgan.apps.captions import drawn
from jaxgan.core.typing import Array
from jaxgan.data import Source
from jaxgan.evaluation import matching
from jaxgan.evaluation.matching import Matcher
from jaxgan.evaluation.metrics import frechet, moments
from jaxgan.evaluation.metrics.intervals import Interval, wilson
from jaxgan.evaluation.metrics.memorization import memorization
from jaxgan.evaluation.metrics.retrieval import r_precision
from jaxgan.ops.images import to_uint8, to_unit
from jaxgan.recipes import texts
from jaxgan.storage import figures
from jaxgan.training.run import Run

TONES = ('light', 'medium-light', 'medium', 'medium-dark', 'dark')
FIRST_TONE = 0x1F3FB
SILENT = {0x200D, 0xFE0F}
"""Characters that join emoji, which have no word."""
BINS = 8
"""Levels of each colour in a histogram."""
VECTOR = 512
Names = Callable[[np.ndarray], np.ndarray]
"""Names the tones, int `[n]`, of images uint8 `[n, H, W, 3]`."""


@dataclass(frozen=True)
class Prepare:
  """Write the emoji and their captions into the folders train and test."""

  archive: pathlib.Path
  """noto_png72.zip."""
  folder: pathlib.Path
  """Where the folders are written."""


@dataclass(frozen=True)
class Train:
  """Train a run on the captions."""

  folder: pathlib.Path
  """What `prepare` wrote."""
  workdir: pathlib.Path
  """The run's directory."""
  seed: int = 0
  """Seed of the run."""
  steps: int = 4000
  """Length of the run in steps."""
  shuffled: bool = False
  """Shuffle the captions among the training images: the control."""
  size: int = 24
  """Pixels on a side."""


@dataclass(frozen=True)
class Judge:
  """Judge runs by the captions that were held out."""

  folder: pathlib.Path
  """What `prepare` wrote."""
  runs: tuple[pathlib.Path, ...]
  """Work directories."""
  out: pathlib.Path | None = None
  """A picture of the first run: real held-out images, and three drawn by each of their captions."""
  drawn: int = 4
  """Images drawn by each held-out caption."""
  size: int = 24
  """Pixels on a side of the runs' images."""


# The data.


def name_of(codes: Sequence[int]) -> str:
  """Return the Unicode names of the characters; the code of one that Python does not know."""
  known = [unicodedata.name(chr(c), f'emoji {c:x}') for c in codes if c not in SILENT]
  return ' '.join(known).lower() or 'swatch'


def in_tones(names: Sequence[str]) -> dict[tuple[int, ...], dict[int, str]]:
  """Return the files of the emoji that have exactly one skin tone, by emoji and tone."""
  found: dict[tuple[int, ...], dict[int, str]] = defaultdict(dict)
  for name in names:
    if match := re.fullmatch(r'.*/emoji_u([0-9a-f_]+)\.png', name):
      codes = [int(code, 16) for code in match[1].split('_')]
      tones = [c - FIRST_TONE for c in codes if 0 <= c - FIRST_TONE < len(TONES)]
      if len(tones) == 1:
        rest = tuple(c for c in codes if not 0 <= c - FIRST_TONE < len(TONES))
        found[rest][tones[0]] = name
  return {codes: tones for codes, tones in found.items() if len(tones) == len(TONES)}


def prepare(arguments: Prepare) -> None:
  """Write the images on white, in the folders train and test, each with its captions.csv."""
  rows: dict[str, list[tuple[str, str]]] = {'train': [], 'test': []}
  with zipfile.ZipFile(arguments.archive) as stored:
    emoji = in_tones(stored.namelist())
    held = np.random.default_rng(0).permutation(np.arange(len(emoji)) % len(TONES))
    for codes, tone_out in zip(sorted(emoji), held, strict=True):
      for tone, member in emoji[codes].items():
        split = 'test' if tone == tone_out else 'train'
        name = f'{"_".join(f"{c:x}" for c in codes)}-{tone}.png'
        path = arguments.folder / split / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.open(io.BytesIO(stored.read(member))).convert('RGBA')
        white = Image.new('RGBA', picture.size, 'white')
        Image.alpha_composite(white, picture).convert('RGB').save(path)
        rows[split].append((name, f'{name_of(codes)}: {TONES[tone]} skin tone'))
  for split, found in rows.items():
    with open(arguments.folder / split / 'captions.csv', 'w', newline='', encoding='utf-8') as file:
      csv.writer(file).writerows([('file_name', 'caption'), *found])
    print(json.dumps({'split': split, 'images': len(found)}))


def load(folder: pathlib.Path, split: str, size: int) -> Source:
  """Return the images of a split, with their captions."""
  return data.load('captions', folder=folder, split=split, image_size=size)


def shuffled(source: Source, seed: int) -> Source:
  """Return the same images with each other's captions."""
  assert source.labels is not None
  labels = np.random.default_rng(seed).permutation(source.labels)
  return dataclasses.replace(
    source, labels=labels, captions=None, fingerprint=f'shuffled {seed} {source.fingerprint}'
  )


def captions_of(source: Source) -> list[str]:
  """Return the caption of each image."""
  assert source.labels is not None
  return [source.spec.names[i] for i in source.labels]


def tones_of(captions: Sequence[str]) -> np.ndarray:
  """Return the tones that captions name, int `[n]`."""
  return np.array([TONES.index(x.rpartition(': ')[2].removesuffix(' skin tone')) for x in captions])


def train(arguments: Train) -> None:
  """Train a run on the images of train."""
  config = jaxgan.configure(
    'gan_cls',
    **dict(steps=arguments.steps, seed=arguments.seed, width=24, batch_size=32),
    **dict(sample_every=100_000, report=False),
  )
  source = load(arguments.folder, 'train', arguments.size)
  jaxgan.train(
    config,
    arguments.workdir,
    data=shuffled(source, arguments.seed) if arguments.shuffled else source,
  )


# The judges.


def histograms(images: np.ndarray) -> np.ndarray:
  """Return the roots of colour histograms with soft bins, `[n, BINS^3]`: a tone is a colour."""
  levels = np.linspace(0, 255, BINS)
  pixels = images.reshape(len(images), -1, 3, 1).astype(np.float32)
  near = np.clip(1 - np.abs(pixels - levels) / levels[1], 0, 1)
  counts = [np.einsum('pi,pj,pk->ijk', *x.transpose(1, 0, 2), optimize=True).ravel() for x in near]
  return np.sqrt(np.stack(counts) / pixels.shape[1])


class Colours(nn.Module):
  """Returns the logits of the tones of histograms."""

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    x = nn.Dropout(0.3, deterministic=not train)(nn.relu(nn.Dense(128)(x)))
    return nn.Dense(len(TONES))(x)


def classifier(images: np.ndarray, tones: np.ndarray, steps: int = 1500, members: int = 4) -> Names:
  """Train networks on colour histograms of real images; return the function that names tones."""
  found = histograms(images)
  used = found.std(0) > 1e-4
  scale = 1 / found[:, used].std(0).mean()
  x, y, net = jnp.asarray(found[:, used] * scale), jnp.asarray(tones), Colours()
  adam = optax.adamw(optax.cosine_decay_schedule(3e-3, steps), weight_decay=1e-2)

  def fitted(key: Array):
    def step(carry, i):
      params, opt = carry
      drawing, dropout = jax.random.split(jax.random.fold_in(key, i))
      rows = jax.random.randint(drawing, (128,), 0, len(x))

      def loss(params):
        logits = net.apply(params, x[rows], train=True, rngs={'dropout': dropout})
        return optax.softmax_cross_entropy_with_integer_labels(logits, y[rows]).mean()

      updates, opt = adam.update(jax.grad(loss)(params), opt, params)
      return (optax.apply_updates(params, updates), opt), None

    params = net.init(key, x[:1])
    return jax.lax.scan(step, (params, adam.init(params)), jnp.arange(steps))[0][0]

  several = [jax.jit(fitted)(jax.random.key(i)) for i in range(members)]

  def named(images: np.ndarray) -> np.ndarray:
    given = histograms(images)[:, used] * scale
    logits = sum(jax.nn.log_softmax(net.apply(params, given)) for params in several)
    return np.asarray(logits).argmax(1)

  return named


@dataclass(frozen=True)
class Judges:
  """What judges images: the real images, the classifier of tones and the network of matches."""

  real: Source
  held: Source
  named: Names
  match: Matcher
  near: frechet.Reference
  """The moments of the real training images, in the features of the matching network."""

  def report(self, what: str, images: np.ndarray, times: int, **more: object) -> None:
    """Print the scores of images uint8 that were drawn by the held-out captions, `times` over."""
    captions = captions_of(self.held)
    wanted, found = np.tile(tones_of(captions), times), self.named(images)
    others = np.random.default_rng(0).permutation(wanted)
    table = texts.hashed(captions, VECTOR)
    seen, own = self.match.images(images), np.tile(np.arange(len(captions)), times)
    precise = [r_precision(seen, self.match.texts(table), own, top=top) for top in (1, 10)]
    flat = lambda x: to_unit(x).reshape(len(x), -1).astype(np.float64)
    some = np.random.default_rng(0).permutation(len(self.real))[: len(self.held)]
    copied = memorization(flat(images), flat(self.real.images(some)), flat(self.held.all()))
    scores = {
      'asked tone': rounded(wilson(int((found == wanted).sum()), len(found))),
      'a shuffled caption': rounded(wilson(int((found == others).sum()), len(found))),
      'r-precision at 1': rounded(precise[0]),
      'r-precision at 10': rounded(precise[1]),
      'Fréchet distance': round(frechet.distance_of(seen.astype(np.float64), self.near), 4),
      'nearer to train': round(copied.nearer_to_train, 3),
      'copies': copied.copies,
    }
    print(json.dumps({'what': what, **more, 'images': len(images), **scores}), flush=True)


def rounded(interval: Interval) -> list[float]:
  """Return a value and its interval with three digits."""
  return [round(float(x), 3) for x in interval]


def by_captions(run: Run, captions: Sequence[str], times: int) -> np.ndarray:
  """Draw images by captions, uint8; all captions once, then all again."""
  every = list(captions) * times
  return to_uint8(drawn(run, every, run.latents(0, len(every))))


def untrained(run: Run) -> Run:
  """Return the run as it was before its first step."""
  from jaxgan.core import game

  stage = run.stage
  state = game.init(stage.game, jax.random.key(run.config.seed), dict(stage.example))
  return dataclasses.replace(run, state=state)


def judge(arguments: Judge) -> None:
  """Judge the real held-out images, an untrained generator, and each run."""
  real, held = (load(arguments.folder, split, arguments.size) for split in ('train', 'test'))
  captions = captions_of(held)
  table = texts.hashed(texts.of_classes(real.spec), VECTOR)
  named = classifier(real.all(), tones_of(captions_of(real)))
  match = matching.fit(real, table)
  seen = match.images(real.all()).astype(np.float64)
  judges = Judges(real, held, named, match, frechet.reference(moments.of(seen)))
  judges.report('real held-out images', held.all(), 1)
  for i, folder in enumerate(arguments.runs):
    run = jaxgan.load(folder)
    if not i:
      judges.report('untrained', by_captions(untrained(run), captions, 1), 1)
    images = by_captions(run, captions, arguments.drawn)
    judges.report(folder.name, images, arguments.drawn, seed=run.config.seed, steps=run.step)
    if not i and arguments.out:
      some = np.random.default_rng(1).choice(len(held), 16, replace=False)
      shown = [held.images(some), *(images[k * len(held) + some] for k in range(3))]
      figures.save_grid(arguments.out, to_unit(np.concatenate(shown)), columns=len(some))


def main(arguments: Prepare | Train | Judge) -> None:
  """Do what is asked."""
  acts: dict[type, Callable[..., None]] = {Prepare: prepare, Train: train, Judge: judge}
  acts[type(arguments)](arguments)


if __name__ == '__main__':
  main(tyro.cli(Prepare | Train | Judge))  # type: ignore[arg-type]
