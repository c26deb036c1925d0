"""Colors that cannot be seen reach no visible pixel, and nothing else is lost."""

import numpy as np
import pytest
from PIL import Image

from jaxgan.apps import files, tiles, transparency
from jaxgan.data import images
from photographs import look_alikes, opened

BACKGROUNDS = ('black', 'white', 'gray')


def over(image, background):
  """The picture as it is seen."""
  seen = Image.new('RGBA', image.size, background)
  seen.alpha_composite(image.convert('RGBA'))
  return np.asarray(seen.convert('RGB')).astype(float)


def bicubic(image):
  return image.resize([4 * n for n in image.size], Image.Resampling.BICUBIC)


def in_tiles(image):
  """A network whose every pixel depends on its neighbours, tile by tile."""
  array = images.to_array(image, 1 if image.mode == 'L' else 3)[None] / 1.0
  blurred = lambda x: (x + np.roll(x, 1, 1) + np.roll(x, 1, 2)) / 3
  made = tiles.through(blurred, array, tile=8, overlap=2)
  return images.from_array(made[0].round().astype(np.uint8))


@pytest.mark.parametrize('mode', ['RGBA', 'LA', 'P'])
@pytest.mark.parametrize('way', [transparency.enlarged, transparency.translated])
def test_pictures_that_look_alike_come_out_alike(mode, way, tmp_path):
  for name, image in zip('ab', look_alikes(mode), strict=True):
    image.save(tmp_path / f'{name}.png')
  make = bicubic if way is transparency.enlarged else in_tiles
  with pytest.MonkeyPatch.context() as patch:
    patch.chdir(tmp_path)
    assert files.convert(files.Work(tmp_path, ('a.png', 'b.png')), tmp_path / 'out', make, way) == 2
  one, other = (opened(tmp_path / 'out' / f'{name}.png') for name in 'ab')
  assert one.mode == other.mode == ('LA' if mode == 'LA' else 'RGBA')
  np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


@pytest.mark.parametrize('background', BACKGROUNDS)
def test_no_invisible_color_bleeds_into_an_edge(background):
  """The disc has one color: whatever lies under it, each pixel is a mixture of these two."""
  made = transparency.enlarged(bicubic, look_alikes()[0])
  share = np.asarray(made.getchannel('A'))[..., None] / 255
  expected = share * (200, 30, 60) + (1 - share) * Image.new('RGB', (1, 1), background).getpixel(
    (0, 0)
  )
  assert np.abs(over(made, background) - expected).max() <= 1


def test_colors_are_resized_as_premultiplied_ones_are():
  """Of a bicubic network: noise under a soft edge, against the textbook's way."""
  draw = np.random.default_rng(0)
  alpha = np.clip(np.indices((24, 24))[1] - 7, 0, 2)[..., None] / 2.0
  colors = np.full((24, 24, 3), (200.0, 30, 60))
  colors = np.where(alpha > 0, colors, draw.integers(0, 256, colors.shape))
  image = Image.fromarray(np.dstack([colors, 255 * alpha]).astype(np.uint8))
  premultiplied = bicubic(image.convert('RGBa')).convert('RGBA')
  apart = bicubic(image.convert('RGB'))
  apart.putalpha(bicubic(image.getchannel('A')))
  far = lambda image: max(
    np.abs(over(image, where) - over(premultiplied, where)).max() for where in BACKGROUNDS
  )
  assert far(transparency.enlarged(bicubic, image)) <= 8 < 20 < far(apart)


@pytest.mark.parametrize('affine', [lambda x: x, lambda x: 255 - x, lambda x: x // 2 + 40])
def test_a_translator_of_single_pixels_sees_through_half_transparent_ones(affine):
  """The result is the translated colors under the same alpha, over every background."""
  colors = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
  alpha = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
  make = lambda image: Image.fromarray(affine(np.asarray(image)))
  made = transparency.translated(make, Image.fromarray(np.dstack([colors, alpha])))
  np.testing.assert_array_equal(np.asarray(made)[..., 3:], alpha)
  wanted = Image.fromarray(np.dstack([affine(colors), alpha]))
  for background in BACKGROUNDS:
    assert np.abs(over(made, background) - over(wanted, background)).max() <= 3


def test_a_translator_sees_transparent_images_over_white():
  seen = []
  transparency.translated(lambda image: seen.append(image) or image.copy(), look_alikes()[0])
  assert seen[0].getpixel((0, 0)) == (255, 255, 255) and seen[0].getpixel((12, 12)) == (200, 30, 60)


@pytest.mark.parametrize('way', [transparency.enlarged, transparency.translated])
def test_an_opaque_image_is_made_as_without_alpha(way):
  colors = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8))
  image = colors.copy()
  image.putalpha(255)
  make = bicubic if way is transparency.enlarged else in_tiles
  made = np.asarray(way(make, image))
  np.testing.assert_array_equal(made[..., :3], np.asarray(make(colors)))
  assert (made[..., 3] == 255).all()


def test_areas_stay_opaque_and_empty_whatever_the_network_makes():
  """A bad network moves edges at most."""
  image = look_alikes()[0]
  noise = np.random.default_rng(0).integers(0, 256, (96, 96), np.uint8)
  make = lambda given: Image.fromarray(noise) if given.mode == 'L' else bicubic(given)
  alpha = np.asarray(transparency.enlarged(make, image).getchannel('A'))
  assert (alpha[40:56, 40:56] == 255).all() and not alpha[:8].any()


def test_colors_reach_far_and_stay_where_they_are_seen():
  colors = np.random.default_rng(0).integers(0, 256, (13, 21, 3)).astype(np.float32)
  alpha = np.zeros((13, 21, 1), np.float32)
  assert (transparency.extended(colors, alpha) == 255).all()
  alpha[2, 3], alpha[9, 18] = 255, transparency.SEEN
  made = transparency.extended(colors, alpha)
  for at in ((2, 3), (9, 18)):
    np.testing.assert_array_equal(made[at], colors[at])
  np.testing.assert_array_equal(made[3, 2], colors[2, 3])
  low, high = np.sort([colors[2, 3], colors[9, 18]], 0)
  assert (made >= low - 1e-3).all() and (made <= high + 1e-3).all()


def test_a_picture_without_a_visible_pixel():
  image = Image.new('RGBA', (8, 8), (9, 200, 3, 0))
  assert np.asarray(transparency.enlarged(bicubic, image))[0, 0].tolist() == [255, 255, 255, 0]
  made = transparency.translated(lambda given: given.copy(), image)
  assert np.asarray(made)[0, 0].tolist() == [255, 255, 255, 0]
