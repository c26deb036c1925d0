"""Enlarge images: `python -m jaxgan.apps.upscale --workdir=RUN --images=PATH --out=DIR`.

Of a run of srgan or esrgan. With --compare=True the images are taken for originals: they are made
small, enlarged again, by the run and bicubically, and a table tells how near both come.
"""

import pathlib
import sys
from collections.abc import Iterable
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from PIL import Image

from jaxgan.apps import command, files, tiles
from jaxgan.data import images
from jaxgan.evaluation.metrics import fidelity
from jaxgan.losses.super_resolution import lowered
from jaxgan.ops.images import to_uint8, to_unit
from jaxgan.ops.resample import resize
from jaxgan.training.run import Run, load


@dataclass(frozen=True)
class Options:
  """Enlarge images by a run that has learnt to."""

  workdir: pathlib.Path
  """The run's directory."""
  images: pathlib.Path
  """An image, or a folder of images at any depth."""
  out: pathlib.Path | None = None
  """The folder for what is made, as PNG under the same names."""
  compare: bool = False
  """Instead of enlarging: PSNR and SSIM of what becomes of originals, against bicubic."""
  tile: int = 128
  """Pixels a side above which an image goes through in tiles, since memory is limited; 0: never."""
  overlap: int = 16
  """Pixels that tiles share."""


def enlarge(run: Run, array: np.ndarray, tile: int = 128, overlap: int = 16) -> np.ndarray:
  """uint8 `[n, H, W, C]` to `[n, scale H, scale W, C]`; colours by a network of grey one by one.

  Raises:
    ValueError: a run that does not enlarge.
  """
  way, channels = run.way('upscale'), run.spec.channels
  grey = array.shape[-1] == 1
  if grey and channels == 3:
    return _to_grey(enlarge(run, np.repeat(array, 3, -1), tile, overlap))
  apart = np.moveaxis(array, -1, 0).reshape(-1, *array.shape[1:3], 1) if channels == 1 else array
  given = dict(scale=way.scale, multiple=way.multiple, smallest=way.smallest)
  made = tiles.through(
    lambda x: run.translate(x, 'upscale'),
    to_unit(apart),
    tile=tile,
    overlap=overlap,
    **given,
  )
  if channels == 1:
    made = np.moveaxis(made.reshape(-1, len(array), *made.shape[1:3]), 0, -1)
  return to_uint8(made)


def _to_grey(array: np.ndarray) -> np.ndarray:
  return np.stack([images.to_array(Image.fromarray(x), 1) for x in array])


def compare(run: Run, originals: Iterable[np.ndarray]) -> dict[str, dict[str, float]]:
  """Mean PSNR (dB) and SSIM of the run and of bicubic, and detail as a share of the originals'.

  By name, with how many images they are of. Originals are uint8 `[H, W, C]`; they are cut to a
  multiple of the scale, made small bicubically and rounded. All is of the luma, without as many
  pixels at the border as the scale.
  """
  scale = run.way('upscale').scale
  inside = lambda image: fidelity.cropped(fidelity.luma(image), scale)
  rows, details = [], []
  for original in originals:
    height, width = (n // scale * scale for n in original.shape[:2])
    whole = original[None, :height, :width]
    low = to_uint8(np.asarray(lowered(to_unit(jnp.asarray(whole)), scale)))
    smooth = resize(to_unit(jnp.asarray(low)), height, width)
    made = {'run': enlarge(run, low), 'bicubic': to_uint8(np.asarray(smooth))}
    real = inside(whole)
    rows.append({name: _near(inside(image), real, scale) for name, image in made.items()})
    details.append(fidelity.detail(real, scale))
  if not rows:
    raise ValueError('there is no image to compare')
  there = float(np.mean(details))
  return {name: _means(np.array([row[name] for row in rows]), there) for name in rows[0]}


def _near(made: np.ndarray, real: np.ndarray, scale: int) -> tuple[float, ...]:
  told = fidelity.psnr(made, real), fidelity.ssim(made, real), fidelity.detail(made, scale)
  return tuple(float(value[0]) for value in told)


def _means(rows: np.ndarray, there: float) -> dict[str, float]:
  psnr, ssim, detail = map(float, rows.mean(0))
  share = detail / there if there else float('nan')  # the originals are flat
  return {'psnr': psnr, 'ssim': ssim, 'detail': share, 'images': len(rows)}


def table(found: dict[str, dict[str, float]]) -> str:
  """The comparison in columns."""
  lines = ['         PSNR    SSIM    detail']
  lines += [
    f'{name:8} {row["psnr"]:5.2f}  {row["ssim"]:.4f}  {row["detail"]:.3f}'
    for name, row in found.items()
  ]
  return '\n'.join(lines)


def write(options: Options) -> None:
  """Enlarge or compare, and print what came of it.

  Raises:
    ValueError: no run that enlarges; as `files.found`, `files.convert` and `compare`.
  """
  run = load(options.workdir)
  run.way('upscale')
  say = _compared if options.compare else _enlarged
  print(say(run, options))


def main(argv: list[str] | None = None) -> int:
  """Run the command, and return its exit code: 0, or 2 for wrong input."""
  return command.run('upscale', Options, write, argv)


def _enlarged(run: Run, options: Options) -> str:
  if options.out is None:
    raise ValueError('nowhere to write: give --out=DIR, or --compare=True')

  def make(image: Image.Image) -> Image.Image:
    array = images.to_array(image, 1 if image.mode == 'L' else 3)
    return images.from_array(enlarge(run, array[None], options.tile, options.overlap)[0])

  done = files.convert(files.found(options.images, options.out), options.out, make)
  return f'jaxgan: {done} images in {options.out}'


def _compared(run: Run, options: Options) -> str:
  work = files.found(options.images)
  originals: list[np.ndarray] = []
  with images.guarded():
    for name in work.names:
      try:
        image = images.load_image(work.root / name, work.root)
        originals.append(images.to_array(image, run.spec.channels))
      except ValueError as error:
        print(f'jaxgan: left out {name!r}: {error}', file=sys.stderr)
  found, config = compare(run, originals), run.config
  by = getattr(config, 'perceptual', 'none')
  about = f'{config.variant} at step {run.step}, content by {"pixels" if by == "none" else by}'
  about += f'; luma of {len(originals)} of {len(work.names)} images, border cut off'
  return f'{table(found)}\n\n{about}'


if __name__ == '__main__':
  sys.exit(main())
