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
