import io
import struct
import subprocess
import sys
import warnings
import zlib

import chex
import numpy as np
import pytest
from PIL import Image

from jaxgan.data import images
from photographs import look_alikes

LOADED = set(
  [
    'ok.jpg',
    'ok.png',
    'L.png',
    'LA.png',
    'RGBA.png',
    'P.png',
    '1.png',
    'i16.png',
    'cmyk.jpg',
    'exif6.jpg',
    'anim.gif',
    'tiny.png',
    'long.png',
  ]
)
REASONS = {
  'trunc.png': 'truncated',
  'bomb_12k.png': 'pixels',
  'bomb_90k.png': 'DecompressionBombError',
  'text.png': 'cannot identify',
  'f32.tiff': 'floating-point',
  'eps.eps': 'cannot identify',
  'link_out.png': 'link leaves the image folder',
  'link_dangling.png': 'link leaves the image folder',
  'loop': 'link leaves the image folder',
  'dir.png': 'not a regular file',
}


def stored(image, kind='PNG', **options):
  file = io.BytesIO()
  image.save(file, kind, **options)
  file.seek(0)
  return file


def test_every_odd_entry_loads_or_is_refused_with_a_reason(corpus):
  loaded, refused = {}, {}
  with images.guarded():
    for path in corpus.iterdir():
      try:
        loaded[path.name] = images.load_image(path, corpus)
      except ValueError as error:
        refused[path.name] = str(error)
  assert set(loaded) == LOADED
  assert len(loaded) + len(refused) == 31
  assert all(image.mode in ('L', 'RGB') for image in loaded.values())
  for name, reason in REASONS.items():
    assert reason in refused[name]


def test_exif_rotation_turns_the_image():
  exif = Image.Exif()
  exif[0x0112] = 6  # the camera was turned: rotate 90 degrees clockwise
  left_black = np.full((8, 16), 255, np.uint8)
  left_black[:, :8] = 0
  image = images.decode(stored(Image.fromarray(left_black), 'PNG', exif=exif))
  chex.assert_trees_all_equal(np.asarray(image), np.rot90(left_black, -1))


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('kind', ['PNG', 'JPEG', 'WEBP', 'TIFF', 'AVIF'])
def test_the_upright_size_is_that_of_the_loaded_image(kind, orientation, tmp_path):
  exif = Image.Exif()
  exif[0x0112] = orientation
  (tmp_path / 'a').write_bytes(stored(Image.new('L', (16, 8)), kind, exif=exif).getvalue())
  loaded = images.load_image(tmp_path / 'a', tmp_path)
  assert images.upright_size(tmp_path / 'a', tmp_path) == loaded.size
  assert loaded.size == ((8, 16) if orientation > 4 else (16, 8))


@pytest.mark.parametrize('kind', ['TIFF', 'AVIF', 'WEBP'])
@pytest.mark.parametrize('orientation', range(1, 9))
def test_every_kind_is_turned_as_a_png_is(kind, orientation, tmp_path):
  exif = Image.Exif()
  exif[0x0112] = orientation
  gray = np.repeat(np.repeat(np.array([[0, 90, 255], [40, 200, 130]], np.uint8), 8, 0), 8, 1)
  lossless = {'AVIF': dict(quality=100, subsampling='4:4:4'), 'WEBP': dict(lossless=True)}
  image = Image.fromarray(gray).convert('RGB')
  for each in ('PNG', kind):
    image.convert('L').save(tmp_path / each, each, exif=exif, **lossless.get(each, {}))
  same, other = (
    np.asarray(images.load_image(tmp_path / each, tmp_path).convert('L')) for each in ('PNG', kind)
  )
  chex.assert_trees_all_close(other.astype(float), same.astype(float), atol=2)


@pytest.mark.parametrize('kind', ['TIFF', 'AVIF', 'WEBP'])
def test_transparency_lies_over_white_in_every_kind(kind):
  pixels = np.full((8, 8, 4), 60, np.uint8)
  pixels[..., 3] = 0
  seen = np.asarray(images.decode(stored(Image.fromarray(pixels), kind)))
  chex.assert_trees_all_equal(seen, np.full((8, 8, 3), 255, np.uint8))


@pytest.mark.parametrize(
  ('pixels', 'seen'),
  [
    (np.array([[0x0102, 0xFFFE]], np.uint16), [[1, 255]]),
    (np.array([[0, 1]], np.uint8) > 0, [[0, 255]]),
    (np.array([[2**20, 5]], np.int32), '32 bits'),
    (np.array([[0.5, 1]], np.float32), 'floating-point'),
  ],
)
def test_the_depths_of_a_tiff(pixels, seen):
  file = stored(Image.fromarray(pixels), 'TIFF')
  if isinstance(seen, str):
    with pytest.raises(ValueError, match=seen):
      images.decode(file)
  else:
    assert np.asarray(images.decode(file)).tolist() == seen


def test_the_first_page_of_a_tiff_is_read():
  pages = [Image.new('L', (4, 4), value) for value in (10, 20)]
  file = stored(pages[0], 'TIFF', save_all=True, append_images=pages[1:])
  assert np.asarray(images.decode(file)).max() == 10


def test_only_images_have_an_upright_size(tmp_path):
  (tmp_path / 'a.png').write_bytes(b'no')
  for name in ('a.png', 'none.png'):
    with pytest.raises(ValueError):
      images.upright_size(tmp_path / name, tmp_path)


def test_sixteen_bits_keep_the_high_byte():
  deep = np.arange(0, 65536, 256, dtype=np.uint16).reshape(16, 16) + 255
  image = images.decode(stored(Image.fromarray(deep)))
  chex.assert_trees_all_equal(np.asarray(image), np.arange(256, dtype=np.uint8).reshape(16, 16))


def test_transparency_lies_over_white():
  alpha = np.arange(256, dtype=np.uint8).reshape(16, 16)
  rgba = np.stack([np.full_like(alpha, 50)] * 3 + [alpha], -1)
  image = np.asarray(images.decode(stored(Image.fromarray(rgba)))).astype(float)
  expected = 50 * (alpha / 255) + 255 * (1 - alpha / 255)
  chex.assert_trees_all_close(image, np.stack([expected] * 3, -1), atol=0.51, rtol=0)


def test_a_transparent_palette_entry_is_white():
  image = Image.new('P', (4, 4), 1)
  image.putpalette([0, 0, 0, 10, 20, 30])
  image.putpixel((0, 0), 0)
  pixels = np.asarray(images.decode(stored(image, transparency=0)))
  assert pixels[0, 0].tolist() == [255] * 3
  assert pixels[1, 1].tolist() == [10, 20, 30]


def png(depth, kind, row, key):
  """A PNG with a row of two pixels and a transparent color, byte by byte."""
  size = struct.pack('>IIBBBBB', 2, 1, depth, kind, 0, 0, 0)
  parts = {b'IHDR': size, b'tRNS': key, b'IDAT': zlib.compress(b'\0' + row), b'IEND': b''}
  chunks = [
    struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))
    for name, data in parts.items()
  ]
  return io.BytesIO(b'\x89PNG\r\n\x1a\n' + b''.join(chunks))


@pytest.mark.parametrize(
  ('depth', 'kind', 'row', 'key', 'seen'),
  [
    (1, 0, b'\x40', '0001', [0]),
    (2, 0, b'\x10', '0001', [0]),
    (4, 0, b'\x03', '0003', [0]),
    (8, 0, b'\x00\x09', '0009', [0]),
    (16, 0, b'\x12\x34\xab\xcd', 'abcd', [0x12]),
    (8, 2, b'\x01\x02\x03\x09\x08\x07', '000900080007', [1, 2, 3]),
    (16, 2, b'\x01\xff\x02\xff\x03\xff\x09\x10\x08\x11\x07\x12', '091008110712', [1, 2, 3]),
  ],
)
def test_the_transparent_color_of_a_png_is_white_at_every_depth(depth, kind, row, key, seen):
  file = png(depth, kind, row, bytes.fromhex(key))
  image = images.decode(file)
  assert image.mode == {1: 'L', 3: 'RGB'}[len(seen)]
  assert np.asarray(image).reshape(2, -1).tolist() == [seen, [255] * len(seen)]


def test_a_gray_image_with_alpha_stays_gray():
  image = images.decode(stored(Image.merge('LA', [Image.new('L', (3, 3), n) for n in (0, 51)])))
  assert image.mode == 'L' and image.getpixel((1, 1)) == 204


@pytest.mark.parametrize('mode', ['RGBA', 'LA', 'P'])
def test_images_that_look_alike_are_the_same_to_a_training(mode):
  """Also after they are resized: no color under a transparent pixel reaches another."""
  one, other = look_alikes(mode)
  arrays = [images.to_array(images.fit(images.decode(stored(i)), 8), 3) for i in (one, other)]
  chex.assert_trees_all_equal(*arrays)


def test_a_large_jpeg_is_reduced_while_decoding_and_a_large_png_refused():
  large = Image.new('L', (4200, 4100), 77)
  image = images.decode(stored(large, 'JPEG'), size=64)
  assert 128 <= min(image.size) < 1100 and image.getpixel((9, 9)) == 77
  with pytest.raises(ValueError, match='4200 x 4100 pixels'):
    images.decode(stored(large, 'JPEG'))
  with pytest.raises(ValueError, match='4200 x 4100 pixels'):
    images.decode(stored(large), size=64)


def test_guarded_restores_the_filters():
  before = list(warnings.filters)
  with images.guarded(), pytest.raises(Image.DecompressionBombWarning):
    warnings.warn('', Image.DecompressionBombWarning, stacklevel=1)
  assert warnings.filters == before


@pytest.mark.parametrize('shape', [(10, 16), (16, 10)])
def test_fit_takes_the_centre_square(shape):
  rows, columns = np.indices(shape)
  pixels = (rows * 16 + columns).astype(np.uint8)
  expected = pixels[:, 3:13] if shape[0] < shape[1] else pixels[3:13]
  chex.assert_trees_all_equal(np.asarray(images.fit(Image.fromarray(pixels), 10)), expected)


@pytest.mark.parametrize('shape', [(8, 16), (16, 8)])
def test_padding_is_white_on_two_sides_and_keeps_all(shape):
  image = Image.fromarray(np.full(shape, 40, np.uint8))
  padded = np.asarray(images.fit(image, 8, 'pad'))
  inside = padded[2:6] if shape[0] < shape[1] else padded[:, 2:6]
  assert padded.shape == (8, 8) and (inside == 40).all() and (padded == 255).sum() == 32


def test_squashing_keeps_all_in_other_proportions():
  halves = np.full((8, 32), 50, np.uint8)
  halves[:, 16:] = 200
  squashed = np.asarray(images.fit(Image.fromarray(halves), 8, 'squash'))
  assert squashed.shape == (8, 8)
  chex.assert_trees_all_equal(squashed[:, [0, 7]], np.full((8, 2), [50, 200], np.uint8))


def half_transparent():
  """Red on the left, transparent green on the right, 32 wide and 16 high."""
  pixels = np.zeros((16, 32, 4), np.uint8)
  pixels[:, :16], pixels[:, 16:] = (200, 0, 0, 255), (0, 200, 0, 0)
  return Image.fromarray(pixels)


def test_four_channels_keep_transparency_and_no_hidden_color():
  array = images.Form(8, 4, 'squash').array(half_transparent())
  assert array.shape == (8, 8, 4) and array.dtype == np.uint8
  assert (array[:, 0] == (200, 0, 0, 255)).all() and (array[:, 7] == (255, 255, 255, 0)).all()
  seen = array[..., 3] > 0
  assert (array[seen][:, 1] == 0).all()  # no green bleeds into what is seen


def test_four_channels_are_padded_with_nothing():
  array = images.Form(8, 4, 'pad').array(half_transparent())
  assert (array[:2] == (255, 255, 255, 0)).all() and (array[2:6, :3, 3] >= 250).all()
  opaque = images.Form(8, 4, 'pad').array(Image.new('L', (8, 4), 7))
  assert (opaque[2:6] == (7, 7, 7, 255)).all() and (opaque[:2, :, 3] == 0).all()


def test_three_channels_lie_on_white():
  array = images.Form(8, 3, 'squash').array(half_transparent())
  assert (array[:, 0] == (200, 0, 0)).all() and (array[:, 7] == 255).all()


def test_the_text_of_a_form_tells_forms_apart():
  forms = [images.Form(8, c, fit) for c in (3, 4) for fit in ('crop', 'pad', 'squash')]
  assert images.Form(8).text == '8px' and len({form.text for form in forms}) == 6


def test_fit_averages_on_the_way_down_and_interpolates_on_the_way_up():
  checks = (np.indices((64, 64)).sum(0) % 2 * 200).astype(np.uint8)
  small = np.asarray(images.fit(Image.fromarray(checks), 8)).astype(float)
  chex.assert_trees_all_close(small[1:-1, 1:-1], np.full((6, 6), 100.0), atol=1)
  ramp = np.tile(np.arange(0, 160, 20, dtype=np.uint8), (8, 1))
  large = np.asarray(images.fit(Image.fromarray(ramp), 16)).astype(float)
  chex.assert_trees_all_close(np.diff(large[:, 4:-4]), np.full((16, 7), 10.0), atol=1)


def test_grey_survives_a_journey_through_colour():
  grey = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
  colour = images.to_array(images.from_array(grey), 3)
  chex.assert_shape(colour, (16, 16, 3))
  chex.assert_trees_all_equal(images.to_array(images.from_array(colour), 1), grey)


PEAK = """
import pathlib
import sys
from jaxgan.data import images
with images.guarded():
  for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    try:
      images.load_image(path, pathlib.Path(sys.argv[1]))
    except ValueError:
      pass
print(pathlib.Path('/proc/self/status').read_text())
"""


@pytest.mark.skipif(sys.platform != 'linux', reason='reads the peak of memory as Linux tells it')
def test_odd_entries_take_little_memory(corpus):
  """All of the process, JAX among it: no bomb goes off."""
  ended = subprocess.run(
    [sys.executable, '-c', PEAK, str(corpus)], capture_output=True, text=True, timeout=120
  )
  (peak,) = (line.split()[1] for line in ended.stdout.splitlines() if line.startswith('VmHWM'))
  assert int(peak) * 1024 < 300e6, ended.stderr


def png_of(bits, kind, row, transparent):
  """A PNG of two pixels whose first color is transparent, as its bytes."""
  chunk = lambda name, data: (
    struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))
  )
  head = struct.pack('>IIBBBBB', 2, 1, bits, kind, 0, 0, 0)
  parts = {b'IHDR': head, b'tRNS': transparent, b'IDAT': zlib.compress(b'\0' + row), b'IEND': b''}
  return io.BytesIO(b'\x89PNG\r\n\x1a\n' + b''.join(chunk(*part) for part in parts.items()))


DEPTHS = {  # bits, gray or color, pixels, the transparent color, the pixels seen
  'gray of 16 bits': (16, 0, struct.pack('>2H', 1000, 40000), struct.pack('>H', 1000), 156),
  'its high byte alone': (16, 0, struct.pack('>2H', 1000, 1001), struct.pack('>H', 1000), 3),
  'color of 16 bits': (16, 2, struct.pack('>6H', *[1000] * 3, *[40000] * 3), b'\3\xe8' * 3, 156),
  'gray of 2 bits': (2, 0, bytes([0b01100000]), struct.pack('>H', 1), 170),
  'gray of 4 bits': (4, 0, bytes([0x37]), struct.pack('>H', 3), 119),
  'gray of 8 bits': (8, 0, bytes([3, 7]), struct.pack('>H', 3), 7),
}


@pytest.mark.parametrize('depth', DEPTHS)
def test_a_transparent_color_is_white_at_every_depth(depth):
  *given, seen = DEPTHS[depth]
  pixels = images.to_array(images.decode(png_of(*given)), 1)
  assert pixels.ravel().tolist() == [255, seen]
