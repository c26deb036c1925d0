"""Claim: published weights of Real-ESRGAN enlarge photographs more sharply than interpolation does.

Three photographs, which matplotlib and scikit-learn bring, are reduced to a quarter of their side
and enlarged again: by both networks of the extra `realesrgan`, and by bicubic and Lanczos
interpolation. A line for each has PSNR and SSIM of the luma against the original, without a border
of four pixels, and `detail`, the power of fine detail as a share of the original's. The picture has
a crop of each photograph. The last line compares an image that is enlarged in tiles with the same
image enlarged whole.

Command:

    python -m experiments.published_weights --out=experiments/published_weights.jpg
"""

import pathlib
from collections.abc import Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from matplotlib import cbook
from PIL import Image

from jaxgan.apps import upscale
from jaxgan.evaluation.metrics import fidelity
from jaxgan.losses.super_resolution import downsampled
from jaxgan.ops.images import to_uint8, to_unit
from jaxgan.published import runs, sources
from jaxgan.training.run import Run

SCALE = 4
CROPS = {'china': (96, 180), 'flower': (150, 280), 'hopper': (90, 170)}
"""The upper left corner of what the picture shows of each photograph."""
SHOWN = ('bicubic', 'lanczos', 'realesrgan-x4plus', 'original')


@dataclass(frozen=True)
class Arguments:
  """Enlarge three photographs."""

  out: pathlib.Path
  """The picture, .jpg or .png."""
  side: int = 160
  """Pixels on a side of the crops that it shows."""


def photographs() -> dict[str, np.ndarray]:
  """Return the originals, uint8 `[H, W, 3]`, cropped to a multiple of the scale."""
  from sklearn.datasets import load_sample_image

  whole = {name: load_sample_image(f'{name}.jpg') for name in ('china', 'flower')}
  with cbook.get_sample_data('grace_hopper.jpg') as file:
    whole['hopper'] = np.asarray(Image.open(file).convert('RGB'))
  even = lambda n: n // SCALE * SCALE
  return {name: x[: even(x.shape[0]), : even(x.shape[1])] for name, x in whole.items()}


def enlarged(low: np.ndarray, networks: Mapping[str, Run]) -> dict[str, np.ndarray]:
  """Return uint8 `[h, w, 3]`, enlarged in each way."""
  size = (SCALE * low.shape[1], SCALE * low.shape[0])
  image, ways = Image.fromarray(low), Image.Resampling
  made = {
    'bicubic': np.asarray(image.resize(size, ways.BICUBIC)),
    'lanczos': np.asarray(image.resize(size, ways.LANCZOS)),
  }
  return made | {name: upscale.enlarge(run, low[None])[0] for name, run in networks.items()}


def scored(made: np.ndarray, original: np.ndarray) -> str:
  """Return PSNR, SSIM and detail as text."""
  inside = lambda image: fidelity.cropped(fidelity.luma(image[None]), SCALE)
  a, b = inside(made), inside(original)
  share = float(fidelity.detail(a, SCALE)[0] / fidelity.detail(b, SCALE)[0])
  return f'{fidelity.psnr(a, b)[0]:.2f} dB, SSIM {fidelity.ssim(a, b)[0]:.3f}, detail {share:.2f}'


def seams(run: Run, image: np.ndarray) -> str:
  """Compare an image that is enlarged in tiles with the same image enlarged whole, in levels."""
  whole = upscale.enlarge(run, image[None], tile=0).astype(int)
  apart = np.abs(upscale.enlarge(run, image[None]).astype(int) - whole)
  return (
    f'tiles of {upscale.TILE} on {image.shape[1]} x {image.shape[0]}, levels of 256 apart: mean '
    f'{apart.mean():.3f}, largest {apart.max()}, 99.9 % within {np.quantile(apart, 0.999):.0f}'
  )


def main(arguments: Arguments) -> None:
  """Print all lines, and draw the picture."""
  networks = {name: runs.from_published(sources.carried(name)) for name in sources.CARRIED}
  for name, run in networks.items():
    numbers = sum(x.size for x in jax.tree.leaves(run.state.params['generator']))
    print(f'{name}: {numbers:,} parameters')
  rows, originals = [], photographs()
  for name, original in originals.items():
    unit = to_unit(jnp.asarray(original[None]))
    low = to_uint8(np.asarray(downsampled(unit, SCALE)))[0]
    made = enlarged(low, networks)
    for way, image in made.items():
      print(f'{name}, {way}: {scored(image, original)}', flush=True)
    (top, left), n = CROPS[name], arguments.side
    every = made | {'original': original}
    rows.append(np.concatenate([every[x][top : top + n, left : left + n] for x in SHOWN], 1))
  Image.fromarray(np.concatenate(rows)).save(arguments.out, quality=90)
  print(seams(networks['realesrgan-x4plus'], originals['china'][:212, :400]))


if __name__ == '__main__':
  main(tyro.cli(Arguments))
