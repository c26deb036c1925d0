import io
import os
import pickle
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from jaxgan import data


@pytest.fixture(scope='session')
def data_dir(tmp_path_factory):
  """One place where the sets of all these tests are prepared."""
  return tmp_path_factory.mktemp('prepared')


@pytest.fixture(scope='session')
def mnist_dir(data_dir, test_data):
  """`data_dir` with mnist prepared from the four original files."""
  data.load('mnist', data_dir=data_dir, folder=test_data / 'mnist')
  return data_dir


@pytest.fixture
def corpus(tmp_path):
  """A folder of 31 odd entries."""
  folder = tmp_path / 'corpus'
  folder.mkdir()
  for name, content in odd_files().items():
    (folder / name).write_bytes(content)
  links = {'link_out.png': '/etc/passwd', 'link_dangling.png': '/nope', 'loop': folder}
  for name, target in links.items():
    os.symlink(target, folder / name)
  (folder / 'dir.png').mkdir()
  return folder


def odd_files():
  noise = np.random.default_rng(0)
  rgb = Image.fromarray(noise.integers(0, 256, (64, 48, 3), np.uint8))
  deep = Image.fromarray(noise.integers(0, 65536, (64, 48), np.uint16))
  real = Image.fromarray(noise.random((64, 48), np.float32))
  jpg, png, exif = encoded(rgb, 'JPEG'), encoded(rgb, 'PNG'), Image.Exif()
  exif[0x0112] = 6
  return {
    'ok.jpg': jpg,
    'ok.png': png,
    'trunc.jpg': jpg[: len(jpg) // 2],
    'trunc.png': png[: len(png) // 2],
    'empty.png': b'',
    'text.png': b'hello',
    'zeros.jpg': b'\0' * 5000,
    'flip.png': png[:200] + bytes([png[200] ^ 255]) + png[201:],
    'pickle.png': pickle.dumps(print),
    'bomb_90k.png': png_bomb(90000, 90000),
    'bomb_12k.png': png_bomb(12000, 12000),
    'bomb_14k.png': png_bomb(14000, 14000),
    'zero.png': png_bomb(0, 5),
    **{f'{m}.png': encoded(rgb.convert(m), 'PNG') for m in ('L', 'LA', 'RGBA', 'P', '1')},
    'i16.png': encoded(deep, 'PNG'),
    'f32.tiff': encoded(real, 'TIFF'),
    'cmyk.jpg': encoded(rgb.convert('CMYK'), 'JPEG'),
    'exif6.jpg': encoded(rgb, 'JPEG', exif=exif),
    'anim.gif': encoded(rgb, 'GIF', save_all=True, append_images=[rgb] * 50),
    'tiny.png': encoded(rgb.crop((0, 0, 1, 1)), 'PNG'),
    'long.png': encoded(rgb.resize((1, 4000)), 'PNG'),
    'eps.eps': b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage',
    'svg.svg': b'<svg/>',
  }


def encoded(image, kind, **options):
  file = io.BytesIO()
  image.save(file, kind, **options)
  return file.getvalue()


def png_bomb(width, height):
  def chunk(kind, content):
    check = struct.pack('>I', zlib.crc32(kind + content))
    return struct.pack('>I', len(content)) + kind + content + check

  header = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
  body = chunk(b'IHDR', header) + chunk(b'IDAT', zlib.compress(b'\0' * 1000)) + chunk(b'IEND', b'')
  return b'\x89PNG\r\n\x1a\n' + body
