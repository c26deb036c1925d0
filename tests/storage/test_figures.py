"""Pictures pixel by pixel."""

import numpy as np
import pytest
from PIL import Image

from jaxgan.ops.images import to_uint8, to_unit
from jaxgan.storage import figures

GREY = 96


def test_every_level_survives():
  levels = np.arange(256, dtype=np.uint8)
  images = levels.astype(np.float32) / 127.5 - 1  # as the training scales them
  np.testing.assert_array_equal(figures.to_uint8(images), levels)
  np.testing.assert_array_equal(figures.to_uint8(images.astype(np.float64)), levels)


def test_values_outside_are_clipped():
  images = np.array([-1.0, 1.0, -1.5, 1.5, -1e9, 1e9, 0.0], np.float32)
  np.testing.assert_array_equal(figures.to_uint8(images), [0, 255, 0, 255, 0, 255, 128])


@pytest.mark.parametrize('channels', [1, 3, 4])
@pytest.mark.parametrize('n, columns, rows', [(6, 3, 2), (5, 3, 2), (1, 4, 1), (3, 1, 3)])
def test_grid_pixel_by_pixel(n, columns, rows, channels):
  height, width, gap = 4, 5, figures.GAP
  images = np.random.default_rng(0).integers(0, 90, (n, height, width, channels), np.uint8)
  grid = figures.grid(images, columns)
  shape = (rows * (height + gap) - gap, columns * (width + gap) - gap, channels)
  assert grid.shape == shape and grid.dtype == np.uint8
  expected = np.full(shape, GREY, np.uint8)
  expected[..., 3:] = 255  # gaps are opaque
  for i in range(n):
    top, left = i // columns * (height + gap), i % columns * (width + gap)
    expected[top : top + height, left : left + width] = images[i]
  np.testing.assert_array_equal(grid, expected)


@pytest.mark.parametrize('channels, mode', [(1, 'L'), (3, 'RGB'), (4, 'RGBA')])
@pytest.mark.parametrize('size, columns, factor', [(8, 8, 6), (28, 8, 2), (64, 8, 1), (512, 2, 1)])
def test_saved_grids_are_enlarged_by_whole_factors(tmp_path, channels, mode, size, columns, factor):
  images = np.random.default_rng(0).uniform(-1.2, 1.2, (2 * columns, size, size, channels))
  path = tmp_path / 'samples' / '000500.png'
  figures.save_grid(path, images, columns)
  grid = figures.grid(figures.to_uint8(images), columns)
  with Image.open(path) as image:
    assert (image.format, image.mode) == ('PNG', mode)
    assert image.size == (grid.shape[1] * factor, grid.shape[0] * factor)
    pixels = np.asarray(image).reshape(*np.asarray(image).shape[:2], channels)
  np.testing.assert_array_equal(pixels, grid.repeat(factor, 0).repeat(factor, 1))
  assert [p.name for p in path.parent.iterdir()] == ['000500.png']  # nothing half written is left


def test_a_picture_replaces_the_one_before(tmp_path):
  path = tmp_path / 'grid.png'
  for value in (-1.0, 1.0):
    figures.save_grid(path, np.full((1, 512, 512, 1), value), 1)
  with Image.open(path) as image:
    assert np.asarray(image).min() == 255


def test_a_gif_has_all_frames_and_runs_for_ever(tmp_path):
  frames = np.linspace(-1, 1, 5)[:, None, None, None] * np.ones((5, 8, 8, 1))
  figures.save_gif(tmp_path / 'walk.gif', frames, seconds=0.1)
  with Image.open(tmp_path / 'walk.gif') as gif:
    assert gif.n_frames == 5 and gif.info['loop'] == 0 and gif.info['duration'] == 100
    assert gif.size == (240, 240)
    levels = []
    for i in range(5):
      gif.seek(i)
      levels.append(np.asarray(gif.convert('L'))[0, 0])
  np.testing.assert_array_equal(levels, figures.to_uint8(np.linspace(-1, 1, 5)))


def test_a_gif_keeps_the_greys_of_every_frame(tmp_path):
  """Also where some frames have all 256 of them and others few."""
  noise = np.random.default_rng(0).integers(0, 256, (240, 240)).astype(float)
  bars = np.full((240, 240), 255.0)
  bars[:, ::3] = 0
  frames = np.uint8([noise + (bars - noise) * i / 5 for i in range(5)])[..., None]
  figures.save_gif(tmp_path / 'walk.gif', to_unit(frames))
  with Image.open(tmp_path / 'walk.gif') as gif:
    for i, frame in enumerate(frames):
      gif.seek(i)
      np.testing.assert_array_equal(np.asarray(gif.convert('RGB'))[..., :1], frame)


def test_heat_goes_from_black_to_white():
  found = figures.heat(np.array([0.0, 1.0, 2.0, 3.0, 9.0]), top=3.0)
  black, red, yellow, white = (-1, -1, -1), (1, -1, -1), (1, 1, -1), (1, 1, 1)
  np.testing.assert_allclose(found, [black, red, yellow, white, white])


def test_bytes_are_those_of_the_file(tmp_path):
  images = np.linspace(-1, 1, 4 * 8 * 8 * 3, dtype=np.float32).reshape(4, 8, 8, 3)
  figures.save_grid(tmp_path / 'grid.png', images, columns=2)
  assert figures.png(images, columns=2) == (tmp_path / 'grid.png').read_bytes()


def test_a_table_has_its_images_below_and_beside_the_words(tmp_path):
  images = np.stack([np.full((4, 4, 3), v, np.float32) for v in (-1, 0, 1, -1, 0, 1)])
  figures.save_table(tmp_path / 't.png', images, ['one', 'a long row'], ['a', 'b', 'c'])
  with Image.open(tmp_path / 't.png') as picture:
    pixels = np.asarray(picture)
  plain = np.asarray(figures._enlarged(figures.grid(to_uint8(images), 3), figures.WIDTH))
  height, width = plain.shape[:2]
  np.testing.assert_array_equal(pixels[-height:, -width:], plain)
  assert pixels[:-height].min() < 100 and pixels[:, :-width].min() < 100  # the words


def test_pictures_without_transparency_lie_on_white(tmp_path):
  clear = np.tile(np.float32([-1, -1, -1, -1]), (2, 8, 8, 1))
  figures.save_gif(tmp_path / 'a.gif', clear)
  figures.save_table(tmp_path / 'a.png', clear, ['row'], ['one', 'two'])
  for name in ('a.gif', 'a.png'):
    with Image.open(tmp_path / name) as image:
      assert image.convert('RGB').getpixel((image.width - 9, image.height - 9)) == (255, 255, 255)
