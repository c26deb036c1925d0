"""Transparent images through networks that know opaque images alone.

What a network makes must not depend on colours that cannot be seen. There are two ways:

- A translator sees what it saw in training, where transparent images lie over white. What it makes
  of white is then subtracted, so that no white remains in half-transparent pixels.
- An upscaler, which looks at near pixels alone, sees the visible colours extended under the
  transparent pixels, so that there is no edge between them. It enlarges the alpha channel too.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image
from scipy import ndimage

from jaxgan.data import images

Make = Callable[[Image.Image], Image.Image]
"""A function from an image to an image, both 8-bit grey or RGB."""
Way = Callable[[Make, Image.Image], Image.Image]
"""A function that takes an image with an alpha channel through a `Make`."""

SEEN = 16
"""A pixel whose alpha is at least this, of 255, keeps its color where colors are extended."""


def translated(make: Make, image: Image.Image) -> Image.Image:
  """Translate an image with an alpha channel, which the new image has too.

  With the color c and the share a = alpha / 255 of a pixel, the network sees a c + (1 - a) white,
  and makes y of it. Of a white image it makes w. The new color is (y - (1 - a) w) / a: exact if the
  network takes each pixel for itself and is affine.

  Args:
    make: the network, which keeps the size.
    image: grey or RGB, with alpha ('LA' or 'RGBA').

  Returns:
    The new image with the same alpha; white where alpha is 0.
  """
  alpha, seen = image.getchannel('A'), images.flat(image)
  share = _array(alpha) / 255
  made = make(seen)
  if share.min() < 1:
    white = make(Image.new(seen.mode, seen.size, 'white'))
    color = _array(made) - (1 - share) * _array(white)
    made = _image(np.where(share > 0, color / np.maximum(share, 1 / 255), 255))
  made.putalpha(alpha)
  return made


def enlarged(make: Make, image: Image.Image) -> Image.Image:
  """Enlarge an image with an alpha channel.

  The alpha channel is enlarged by the same network, as a grey image: so its edges are as sharp as
  those of the colors. It stays between the least and the greatest alpha of the nine nearest pixels,
  so that opaque areas stay opaque.

  Args:
    make: the network, which may change the size.
    image: grey or RGB, with alpha ('LA' or 'RGBA').

  Returns:
    The new image with its alpha.
  """
  alpha = image.getchannel('A')
  plain = image.convert('L' if image.mode == 'LA' else 'RGB')
  made = make(_image(extended(_array(plain), _array(alpha))))
  near = lambda found: np.asarray(
    Image.fromarray(found).resize(made.size, Image.Resampling.NEAREST)
  )
  least, most = (f(np.asarray(alpha), 3) for f in (ndimage.minimum_filter, ndimage.maximum_filter))
  sides = np.asarray(make(alpha).convert('L'))
  made.putalpha(Image.fromarray(np.clip(sides, near(least), near(most))))
  return made


def extended(colors: np.ndarray, alpha: np.ndarray) -> np.ndarray:
  """Return colors in which those of visible pixels go on under the transparent ones.

  Means of 2 x 2 pixels, weighted by alpha, of these again, and so on, fill what is transparent: a
  pixel takes its color from the finest level at which something is visible.

  Args:
    colors: `[H, W, C]` from 0 to 255.
    alpha: `[H, W, 1]` from 0 to 255; a pixel with 16 or more keeps its color.

  Returns:
    `[H, W, C]`; white if nothing is visible.

  Example:
    >>> extended(np.array([[[9.0], [70.0]]]), np.array([[[255.0], [0.0]]])).ravel().tolist()
    [9.0, 9.0]
  """
  return _filled(colors * alpha, alpha)


def _filled(weighted: np.ndarray, alpha: np.ndarray) -> np.ndarray:
  """Return the colors of a level; `weighted` are colors times alpha."""
  own = np.where(alpha > 0, weighted / np.maximum(alpha, 1e-6), 255)
  if alpha.shape[:2] == (1, 1) or alpha.min() >= SEEN:
    return own
  height, width = alpha.shape[:2]
  coarse = _filled(_halved(weighted), _halved(alpha))
  fill = coarse.repeat(2, 0).repeat(2, 1)[:height, :width]
  seen = np.minimum(alpha / SEEN, 1)
  return seen * own + (1 - seen) * fill


def _halved(array: np.ndarray) -> np.ndarray:
  """Return means of 2 x 2 pixels of `[H, W, C]`; an odd side is filled up with 0."""
  height, width, channels = array.shape
  even = np.pad(array, ((0, height % 2), (0, width % 2), (0, 0)))
  return even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2, channels).mean((1, 3))


def _array(image: Image.Image) -> np.ndarray:
  """Return an image as float32 `[H, W, C]` from 0 to 255."""
  return np.atleast_3d(np.asarray(image, np.float32))


def _image(array: np.ndarray) -> Image.Image:
  return images.from_array(array.round().clip(0, 255).astype(np.uint8))
