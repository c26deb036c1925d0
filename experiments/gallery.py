"""Make `docs/gallery.md` anew: what the command of each variant makes, and how near it comes.

For every variant there are a picture, the command, its length in steps, and a score with its
interval beside the score of real images. The data come with the package or with matplotlib, so
that nothing is downloaded: handwritten digits for the variants that draw from latents; the same
digits in two looks for those that translate; crops of one photograph for those that enlarge.

    python -m experiments.gallery                   # trains what is missing, then writes the page
    python -m experiments.gallery --only gan dcgan  # trains these alone
"""

import io
import json
import pathlib
import shlex
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tyro
from matplotlib import cbook
from PIL import Image

import jaxgan
from jaxgan.apps import evaluate, upscale
from jaxgan.data import digits
from jaxgan.evaluation.metrics import fidelity, intervals
from jaxgan.losses.super_resolution import downsampled
from jaxgan.main import jaxgan as command
from jaxgan.ops.images import to_uint8, to_unit
from jaxgan.ops.resample import resize
from jaxgan.storage import figures, files
from jaxgan.training.run import Run

DOCS = pathlib.Path(__file__).parents[1] / 'docs'
WORK = pathlib.Path('runs/gallery')
HEAVIEST = 60_000
"""Bytes of a picture, at most."""

CROPS = '--width=16 --crop=32 --batch-size=8 --pretrain-lr=1e-3 --pretrain=600 --steps=620'
SMALL = '--width=8 --batch-size=4 --jitter=False --steps=400'

SETTINGS: dict[str, str] = {
  'gan': '',
  'dcgan': '',
  'cgan': '',
  'infogan': '',
  'acgan': '',
  'bigan': '--width=16 --steps=1000',
  'vaegan': '--width=16 --steps=1000',
  'ebgan': '',
  'began': '',
  'wgan': '',
  'wgan_gp': '',
  'lsgan': '',
  'sngan': '',
  'unrolled': '',
  'sagan': '--steps=1000',
  'biggan': '',
  'progan': '',
  'stylegan': '',
  'stylegan2': '',
  'r3gan': '',
  'cyclegan': f'--folder={WORK}/two_looks --image-size=16 {SMALL}',
  'cut': f'--folder={WORK}/two_looks --image-size=16 {SMALL}',
  'stargan': f'--dataset=folder --folder={WORK}/looks --image-size=16 --steps=400',
  'pix2pix': f'--folder={WORK}/mosaics --image-size=16 {SMALL}',
  'spade': f'--folder={WORK}/mosaics --image-size=16 --modulation=8 --critic-width=8 {SMALL}',
  'srgan': f'--dataset=folder --folder={WORK}/photograph {CROPS}',
  'esrgan': f'--dataset=folder --folder={WORK}/photograph {CROPS}',
}
"""The options of each variant's command; all others have their defaults."""

GROUND, INK = np.array([20, 30, 110]), np.array([255, 190, 60])
SHOWN = ((190, 160), (254, 160), (80, 480), (340, 480), (10, 48), (222, 40))
"""Left and top of the crops of the photograph that no training sees."""
SIDE = 64


@dataclass(frozen=True)
class Arguments:
  """Train every variant shortly, and make the gallery of the site."""

  only: tuple[str, ...] = ()
  """Train and score these variants alone; the page then has these, and what was there before."""


def enlarged(images: np.ndarray) -> np.ndarray:
  """Digits of 16 pixels, uint8 `[n, 16, 16]`."""
  size = (digits.SIZE, digits.SIZE)
  return np.stack(
    [np.asarray(Image.fromarray(x).resize(size, Image.Resampling.BICUBIC)) for x in images]
  )


def colored(images: np.ndarray) -> np.ndarray:
  """The same digits in orange on blue, uint8 `[n, H, W, 3]`."""
  share = images[..., None] / 255.0
  return np.rint(GROUND * (1 - share) + INK * share).astype(np.uint8)


def mosaics(images: np.ndarray) -> np.ndarray:
  """Each digit as four by four tiles of its means, uint8 `[n, H, W, 3]`."""
  n, side = len(images), images.shape[1] // 4
  means = images.reshape(n, 4, side, 4, side).mean((2, 4), keepdims=True)
  tiles = np.broadcast_to(means, (n, 4, side, 4, side)).reshape(images.shape)
  return np.repeat(np.rint(tiles).astype(np.uint8)[..., None], 3, -1)


def written(images: np.ndarray, folder: pathlib.Path) -> None:
  """Write images as numbered files."""
  folder.mkdir(parents=True, exist_ok=True)
  for i, image in enumerate(images):
    Image.fromarray(image).save(folder / f'{i:04}.png')


def crops() -> tuple[np.ndarray, np.ndarray]:
  """Crops of a photograph to train on, and those to be enlarged: uint8 `[n, 64, 64, 3]`."""
  with cbook.get_sample_data('grace_hopper.jpg') as file, Image.open(file) as photograph:
    whole = np.asarray(photograph.convert('RGB'))
  apart = lambda x, y: all(abs(x - a) >= SIDE or abs(y - b) >= SIDE for a, b in SHOWN)
  places = [
    (x, y)
    for y in range(0, whole.shape[0] - SIDE + 1, SIDE // 4)
    for x in range(0, whole.shape[1] - SIDE + 1, SIDE // 4)
    if apart(x, y)
  ]
  cut = lambda chosen: np.stack([whole[y : y + SIDE, x : x + SIDE] for x, y in chosen])
  return cut(places), cut(SHOWN)


def prepare() -> None:
  """Write the folders that the commands read."""
  small, _ = digits.arrays()
  large = enlarged(small)
  known, test = large[: digits.TRAIN], large[digits.TRAIN :]
  gray = lambda images: np.repeat(images[..., None], 3, -1)
  half = digits.TRAIN // 2  # no digit is in both domains
  looks = {'trainA': gray(known[:half]), 'trainB': colored(known[half:])}
  looks |= {'testA': gray(test), 'testB': colored(test)}
  pairs = {'trainA': mosaics(known), 'trainB': colored(known)}
  pairs |= {'testA': mosaics(test), 'testB': colored(test)}
  named = {'trainA': 'train/white', 'trainB': 'train/orange'}
  named |= {'testA': 'test/white', 'testB': 'test/orange'}
  classes = {named[part]: images for part, images in looks.items()}
  train, shown = crops()
  folders = {
    'two_looks': looks,
    'looks': classes,
    'mosaics': pairs,
    'photograph': {'train': train, 'test': shown},
  }
  for name, parts in folders.items():
    for part, images in parts.items():
      if not (WORK / name / part).is_dir():
        written(images, WORK / name / part)


def line(variant: str) -> str:
  """The command of a variant, as a reader types it."""
  return ' '.join(
    f'jaxgan train --variant={variant} {SETTINGS[variant]} --workdir={WORK / variant}'.split()
  )


def drawn(run: Run) -> tuple[np.ndarray, int]:
  """Samples in rows of ten, by class where the run draws by class, by its choice if it has one."""
  if 'code' in run.sampler().codes:
    images = np.stack([run.sample(0, 4, codes={'code': str(choice)}) for choice in range(10)], 1)
    return images.reshape(40, *run.spec.shape), 10
  labels = list(range(10)) if run.recipe.conditional else None
  return run.sample(0, 40, labels), 10


def scored(run: Run, variant: str) -> dict[str, str]:
  """Samples against the training digits, by the classifier of the digits."""
  path = WORK / variant / 'evaluation.json'
  if not path.exists():
    evaluate.main(
      [f'--workdir={WORK / variant}', '--num=360', '--repeats=3', '--metrics=frechet,prdc']
    )
  found = {score['name']: score for score in files.read_config(path)['scores']}
  cell = lambda name: '{value:.3g} ({low:.3g} to {high:.3g})'.format(**found[name]['of'])
  return {name: cell(name) for name in FROM_LATENTS} | {
    f'real {name}': f'{found[name]["real"]:.3g}' for name in FROM_LATENTS
  }


FROM_LATENTS = ('Fréchet distance', 'precision', 'recall')


def test_images(run: Run) -> tuple[np.ndarray, np.ndarray]:
  """Inputs and what they should become, of digits that no training saw."""
  large = enlarged(digits.arrays()[0][digits.TRAIN :])
  pairs = run.config.variant in ('pix2pix', 'spade')
  return (mosaics(large) if pairs else np.repeat(large[..., None], 3, -1)), colored(large)


def translated(run: Run) -> np.ndarray:
  """Translations of the inputs, one after another: batch norm goes by its batch."""
  way = 'AtoB' if 'AtoB' in run.translator().ways else 'orange'
  return np.concatenate([run.translate(to_unit(x[None]), way) for x in test_images(run)[0]])


def rows(run: Run) -> tuple[np.ndarray, int]:
  """Inputs, translations, and what they should be."""
  inputs, right = test_images(run)
  return np.concatenate([to_unit(inputs[:10]), translated(run)[:10], to_unit(right[:10])]), 10


def near(run: Run, variant: str) -> dict[str, str]:
  """How near translations come to the digits in color, and how near the inputs are."""
  inputs, right = test_images(run)
  cell = lambda images: '{:.1f} ({:.1f} to {:.1f})'.format(
    *intervals.repeats(fidelity.psnr(images, right).tolist())
  )
  return {'PSNR': cell(to_uint8(translated(run))), 'untouched': cell(inputs)}


def sizes(run: Run) -> tuple[np.ndarray, int]:
  """Crops bicubically enlarged, enlarged by the run, and as they were."""
  _, shown = crops()
  low = to_uint8(np.asarray(downsampled(to_unit(shown), 4)))
  smooth = np.asarray(resize(to_unit(low), SIDE, SIDE))
  made = to_unit(upscale.enlarge(run, low))
  return np.concatenate([smooth, made, to_unit(shown)]), len(shown)


def restored(run: Run, variant: str) -> dict[str, str]:
  """PSNR and detail of each crop, by the run and by bicubic interpolation."""
  found = [upscale.compare(run, [crop]) for crop in crops()[1]]
  cell = lambda who, what: '{:.3g} ({:.3g} to {:.3g})'.format(
    *intervals.repeats([each[who][what] for each in found])
  )
  return {
    f'{who} {what}': cell(who, what) for who in ('run', 'bicubic') for what in ('psnr', 'detail')
  }


Show = Callable[[Run], tuple[np.ndarray, int]]
Judge = Callable[[Run, str], dict[str, str]]
KINDS: dict[str, tuple[Show, Judge]] = {
  'cyclegan': (rows, near),
  'cut': (rows, near),
  'stargan': (rows, near),
  'pix2pix': (rows, near),
  'spade': (rows, near),
  'srgan': (sizes, restored),
  'esrgan': (sizes, restored),
}
"""How a run is shown and scored; all others draw from latents."""


def picture(images: np.ndarray, columns: int) -> bytes:
  """A grid as a small file: PNG with a palette, of fewer colors where it would be too heavy."""
  whole = Image.open(io.BytesIO(figures.png(images, columns))).convert('RGB')
  for colors in (256, 128, 64, 32, 16):
    data = io.BytesIO()
    whole.quantize(colors).save(data, format='PNG', optimize=True)
    if data.tell() <= HEAVIEST:
      return data.getvalue()
  raise ValueError(f'a picture of {whole.size} pixels has {data.tell()} bytes even in 16 colors')


def made(variant: str) -> None:
  """Train a variant by its command, draw its picture and keep its scores; or read what is there."""
  folder = WORK / variant
  kept = folder / 'gallery.json'
  if kept.exists():
    return
  if code := command(shlex.split(line(variant))[1:]):
    raise SystemExit(code)
  run = jaxgan.load(folder)
  show, judge = KINDS.get(variant, (drawn, scored))
  (DOCS / 'gallery').mkdir(exist_ok=True)
  (DOCS / 'gallery' / f'{variant}.png').write_bytes(picture(*show(run)))
  found = {'steps': run.step, 'images': run.step * run.config.images_per_step}
  found |= judge(run, variant)
  kept.write_text(json.dumps(found, ensure_ascii=False))


INTRODUCTION = """# Gallery

What the command of each variant makes. Every picture is made of the run that the command below it
trains, by its last state: seed 0, the first samples. The setting of `srgan` was changed after a
first run that was worse; nothing else was chosen. The runs are *short*, so that each takes minutes
on two CPU cores: they show what to expect first, not what a variant can do.

    python -m experiments.gallery

trains all of them in `runs/gallery`, scores them, and writes this page anew. It also writes the
folders that the last seven commands read. All other options have their defaults; data and seed are
the same for all. One seed does not rank variants: for that, see
[what each variant scores](experiments/variants_scored.md). `gan_cls` is not here: it draws from
captions, and no captions come with the package.
"""

LATENTS = """
## From latents: digits

The data are the handwritten digits that come with the package, 1437 of them, enlarged from 8 to 16
pixels. Scores compare 360 samples with the training digits, by a classifier of digits; the interval
(95 %) is over three draws of samples from the one run. The *Fréchet distance* is best near that of
real digits, which other people wrote: {Fréchet distance}. Their precision is {precision} and their
recall {recall}.

| variant | steps | images seen by the critic | Fréchet distance | precision | recall |
|---|---|---|---|---|---|
"""

LOOKS = """
## From image to image: two looks

`two_looks` has digits in white on black (A) and *other* digits in orange on blue (B), without
pairs; `looks` has the same as two classes. `mosaics` has digits as four by four gray tiles (A),
each with the same digit in ink on paper (B). Each picture shows inputs, translations, and what they
should be, of digits by writers whom no training saw. PSNR, in dB, is between translation and what
it should be; its interval (95 %) is over the 360 test digits. *Untouched* is the PSNR of the input
itself. A real image would be infinitely near to itself.

| variant | steps | images seen by the critics | PSNR | untouched |
|---|---|---|---|---|
"""

LARGER = """
## Four times as large: one photograph

The data are crops of one photograph, a portrait of Grace Hopper by the United States Navy, in the
public domain, which comes with matplotlib. The six crops that are shown overlap with none of the
training crops. Each picture shows them enlarged from 16 to 64 pixels by bicubic interpolation, by
the run, and as they were. PSNR is in dB; *detail* is the power of fine detail as a share of the
original's, so a real image has 1. Intervals (95 %) are over the six crops, which differ much. One
photograph is far too little to learn from: expect a result near to bicubic.

| variant | steps | images | PSNR | of bicubic | detail | of bicubic |
|---|---|---|---|---|---|---|
"""

TABLES = {
  scored: (LATENTS, FROM_LATENTS),
  near: (LOOKS, ('PSNR', 'untouched')),
  restored: (LARGER, ('run psnr', 'bicubic psnr', 'run detail', 'bicubic detail')),
}
"""For each kind of score, the text before its table and its columns."""


def page(found: dict[str, dict[str, str]]) -> str:
  """The page, of the scores of all variants."""
  parts = [INTRODUCTION]
  for judge, (text, columns) in TABLES.items():
    names = [name for name in SETTINGS if KINDS.get(name, (drawn, scored))[1] is judge]
    there = [name for name in names if name in found]
    first = found[there[0]] if there else {}
    parts.append(text.format(**{name: first.get(f'real {name}', '-') for name in FROM_LATENTS}))
    for name in there:
      cells = [found[name][column] for column in ('steps', 'images', *columns)]
      parts.append(f'| [`{name}`](#{name}) | {" | ".join(map(str, cells))} |\n')
    for name in names:
      alt = f'What {name} makes after {found[name]["steps"]} steps' if name in found else ''
      shown = f'![{alt}](gallery/{name}.png)' if alt else 'Not made yet.'
      parts.append(f'\n### {name}\n\n{shown}\n\n    {line(name)}\n')
  return ''.join(parts)


def main(arguments: Arguments) -> None:
  """Train what is missing, and write the page of what is there."""
  prepare()
  for variant in arguments.only or SETTINGS:
    made(variant)
  kept = {name: WORK / name / 'gallery.json' for name in SETTINGS}
  found = {name: json.loads(path.read_text()) for name, path in kept.items() if path.exists()}
  (DOCS / 'gallery.md').write_text(page(found))


if __name__ == '__main__':
  main(tyro.cli(Arguments))
