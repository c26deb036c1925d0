"""The film of a training: pictures of the same latents through time, as GIF or MP4."""

import fractions
import io
import pathlib
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw

from jaxgan.core.typing import Json
from jaxgan.reports import pictures
from jaxgan.storage import files

LARGEST = 480  # pixels on a side of a frame, about
FRAMES = 120
SECONDS = 8.0  # of a film of many frames
BAND = 18  # pixels below the picture, with the step
LAST = 1.5  # seconds for which the last frame stays


def write(
  shots: Mapping[int, pathlib.Path], out: pathlib.Path, seconds: float | None = None
) -> int:
  """Write the film of some pictures, and return the number of its frames.

  Args:
    shots: files of pictures by step; of more than 120, about evenly many are taken.
    out: the file to write, .gif or .mp4; MP4 needs the package av.
    seconds: how long a frame is shown; None: from 0.05 to 0.5, so that the film takes 8.

  Raises:
    ValueError: there are fewer than two pictures, the file has another ending, or the package av is
      missing.
  """
  make = {'.gif': _gif, '.mp4': _mp4}.get(out.suffix)
  if make is None:
    raise ValueError(f'--out={out} must end in .gif or .mp4')
  frames = _frames(shots)
  if len(frames) < 2:
    raise ValueError(f'a film needs two pictures of samples, there are {len(frames)}')
  data = make(frames, seconds or min(max(SECONDS / len(frames), 0.05), 0.5))
  with files.atomic(out) as file:
    file.write(data)
  return len(frames)


def _frames(shots: Mapping[int, pathlib.Path]) -> list[Image.Image]:
  """Return the pictures at one size, with their steps below; unreadable ones are skipped."""
  found = {}
  for step in pictures.chosen(list(shots), FRAMES):
    try:
      found[step] = Image.fromarray(pictures.native(pictures.opened(shots[step])))
    except (OSError, ValueError):
      continue
  size = _size([image.size for image in found.values()])
  return [_captioned(image, size, f'step {step}') for step, image in found.items()]


def _size(sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
  """Return the size of all frames: the largest picture, scaled to about `LARGEST`."""
  width, height = max(sizes, default=(1, 1), key=lambda size: size[0] * size[1])
  longest = max(width, height)
  factor = max(LARGEST // longest, 1) if longest <= LARGEST else LARGEST / longest
  return round(width * factor), round(height * factor)


def _captioned(image: Image.Image, size: tuple[int, int], caption: str) -> Image.Image:
  smaller = image.width > size[0]
  how = Image.Resampling.LANCZOS if smaller else Image.Resampling.NEAREST
  frame = Image.new(image.mode, (size[0], size[1] + BAND))
  frame.paste(image.resize(size, how))
  white = 255 if image.mode == 'L' else (255, 255, 255)
  ImageDraw.Draw(frame).text((4, size[1] + 3), caption, fill=white)
  return frame


def _gif(frames: Sequence[Image.Image], seconds: float) -> bytes:
  """Return frames as a GIF that repeats without end; the last one stays longer."""
  each = [round(1000 * seconds)] * (len(frames) - 1)
  last = round(1000 * max(seconds, LAST))
  buffer = io.BytesIO()
  # optimize=False: with it, pillow 13 changes the greys of some frames.
  options: Json = dict(
    save_all=True, optimize=False, append_images=frames[1:], loop=0, duration=[*each, last]
  )
  frames[0].save(buffer, 'GIF', **options)
  return buffer.getvalue()


def _mp4(frames: Sequence[Image.Image], seconds: float) -> bytes:
  """Return frames as an MP4, H.264, whose width and height are even; the last one stays longer."""
  try:
    import av
  except ImportError:
    raise ValueError("a film as .mp4 needs the package av: pip install 'jaxgan[film]'") from None
  rate = fractions.Fraction(1 / seconds).limit_denominator(1000)
  width, height = (side + side % 2 for side in frames[0].size)
  stay = [frames[-1]] * max(round(LAST / seconds) - 1, 0)
  buffer = io.BytesIO()
  with av.open(buffer, 'w', format='mp4') as film:
    stream = film.add_stream('libx264', rate=rate, options={'crf': '18'})
    stream.width, stream.height, stream.pix_fmt = width, height, 'yuv420p'
    for frame in [*frames, *stay]:
      even = Image.new('RGB', (width, height))
      even.paste(frame.convert('RGB'))
      film.mux(stream.encode(av.VideoFrame.from_image(even)))
    film.mux(stream.encode())
  return buffer.getvalue()
