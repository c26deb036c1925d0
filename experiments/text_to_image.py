"""Claim: `gan_cls` composes: it draws emoji in skin tones in which it never saw them.

The test data have 320 emoji in each of 5 skin tones. One tone of each emoji, 64 of each tone, is held
out: the run sees every emoji and every tone, but not these 320 pairs. A caption is the Unicode name,
such as "waving hand sign: dark skin tone". A classifier of the tone, trained on the real training
images, names the tone of images that are drawn by the held-out captions. The control is the same run
with the captions shuffled among the training images.

Commands (the first writes the folder of images and captions, each run is one call):

    python -m experiments.text_to_image --emoji=noto_png72.zip --out=EMOJI
    python -m experiments.text_to_image --out=EMOJI --seed=0
    python -m experiments.text_to_image --out=EMOJI --seed=0 --shuffled
"""

import csv
import io
import pathlib
import re
import unicodedata
import zipfile
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from PIL import Image

from jaxgan import data
from jaxgan.data import Source

TONES = ('light', 'medium-light', 'medium', 'medium-dark', 'dark')
FIRST_TONE = 0x1F3FB
SILENT = {0x200D, 0xFE0F}
"""Characters that join emoji, which have no word."""


@dataclass(frozen=True)
class Arguments:
  """Prepare the emoji, or train one run and judge it."""

  out: pathlib.Path
  """The folder of the images with their captions, and of the runs."""
  emoji: pathlib.Path | None = None
  """The archive of emoji, noto_png72.zip, to prepare the folder from."""
  seed: int = 0
  """Seed of the run."""
  steps: int = 6000
  """Steps of the run."""
  shuffled: bool = False
  """Shuffle the captions among the training images: the control."""
  size: int = 32
  """Pixels on a side."""
  drawn: int = 4
  """Images drawn by each held-out caption."""


def name_of(codes: tuple[int, ...]) -> str:
  """Return the Unicode names of an emoji's characters; the code of one that Python does not know."""
  known = [unicodedata.name(chr(c), f'emoji {c:x}') for c in codes if c not in SILENT]
  return ' '.join(known).lower()


def in_tones(names: list[str]) -> dict[tuple[int, ...], dict[int, str]]:
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


def prepare(archive: pathlib.Path, out: pathlib.Path) -> None:
  """Write the images on white, in the folders train and test, each with its captions.csv."""
  with zipfile.ZipFile(archive) as stored:
    emoji = in_tones(stored.namelist())
    held = np.random.default_rng(0).permutation(np.arange(len(emoji)) % len(TONES))
    rows: dict[str, list[tuple[str, str]]] = {'train': [], 'test': []}
    for codes, tone_out in zip(sorted(emoji), held, strict=True):
      for tone, member in emoji[codes].items():
        split = 'test' if tone == tone_out else 'train'
        path = out / split / f'{"_".join(f"{c:x}" for c in codes)}-{tone}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.open(io.BytesIO(stored.read(member))).convert('RGBA')
        white = Image.new('RGBA', picture.size, 'white')
        Image.alpha_composite(white, picture).convert('RGB').save(path)
        rows[split].append((path.name, f'{name_of(codes)}: {TONES[tone]} skin tone'))
  for split, found in rows.items():
    with open(out / split / 'captions.csv', 'w', newline='', encoding='utf-8') as file:
      csv.writer(file).writerows([('file_name', 'caption'), *found])
    print(f'{split}: {len(found)} images')


def of_tones(source: Source) -> Source:
  """Return the same images with their skin tones as labels."""
  captions = np.array(source.spec.names)[source.labels]
  return data.from_arrays(source.all(), tones_of(captions), names=TONES)


def tones_of(captions: np.ndarray) -> np.ndarray:
  """Return the tones that captions name."""
  return np.array(
    [TONES.index(text.rpartition(': ')[2][: -len(' skin tone')]) for text in captions]
  )
