"""Pictures of noise in files, and a command that refuses."""

import numpy as np
from PIL import Image


def opened(path):
  with Image.open(path) as image:
    return image.copy()


def photographs(folder, count=2, size=(16, 16), mode='RGB'):
  folder.mkdir(parents=True, exist_ok=True)
  draw, channels = np.random.default_rng(0), len(Image.new(mode, (1, 1)).getbands())
  for i in range(count):
    shape = (size[1], size[0], channels) if channels > 1 else size[::-1]
    Image.fromarray(draw.integers(0, 256, shape, np.uint8)).save(folder / f'{i}.png')
  return folder


def refused(capsys, main, *argv):
  assert main([*argv]) == 2
  said = capsys.readouterr().err
  assert said.startswith('jaxgan: ') and 'Traceback' not in said
  return said


def look_alikes(mode='RGBA', size=24):
  """Two pictures of an opaque disc whose colors differ in transparent pixels alone."""
  across = np.hypot(*(np.indices((size, size)) - (size - 1) / 2))
  disc = across < size / 3
  pictures = []
  for color in ((0, 255, 0), (40, 0, 255)):
    colors = np.where(disc[..., None], (200, 30, 60), color).astype(np.uint8)
    rgba = Image.fromarray(np.dstack([colors, 255 * disc.astype(np.uint8)]))
    pictures.append(rgba.convert('LA') if mode == 'LA' else rgba)
    if mode == 'P':
      palette = Image.fromarray(disc.astype(np.uint8), 'P')
      palette.putpalette([*color, 200, 30, 60])
      palette.info['transparency'] = 0
      pictures[-1] = palette
  return pictures
