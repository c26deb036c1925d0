"""Adaptive augmentation (ADA): random changes, each with probability p, of all images of a critic.

Reference: Karras et al., Training Generative Adversarial Networks with Limited Data, 2020.
"""

import math
from collections.abc import Iterator
from functools import partial, reduce
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.core.typing import Array, Key

_product = partial(jnp.matmul, precision=lax.Precision.HIGHEST)  # coordinates need full precision
_GREY = 1 / 3  # each entry of v v', where v = (1, 1, 1) / sqrt(3) is the gray axis


def ada(images: Array, p: Array | float, key: Key) -> Array:
  """Augment each image by its own random changes of geometry and color.

  With probability p each: flip; quarter turns; shift by whole pixels, up to an eighth of the size;
  scale 2^N(0, 0.2^2); rotation; stretch 2^N(0, 0.2^2); shift N(0, 0.125^2); brightness N(0, 0.2^2);
  contrast 2^N(0, 0.5^2); inverted luma; hue; saturation 2^N(0, 1). The result is differentiable
  with respect to the images, also twice and more.

  The authors resample at twice the size, with longer filters. Here all changes of geometry are one
  bilinear interpolation between pixels, with reflection at the border.

  Args:
    images: `[B, H, W, C]` in [-1, 1].
    p: the probability of each change, in [0, 1]; 0 returns the images equal to the bit.
    key: the random key.

  Returns:
    `[B, H, W, C]`; values may leave [-1, 1].

  Reference: Karras et al., Training Generative Adversarial Networks with Limited Data, 2020.
  """
  p = jnp.asarray(p, images.dtype)
  uniform, normal = jax.random.split(key)
  # Two draws for all changes: XLA compiles a random number generator for each draw.
  shape = (len(images), 32)
  draws = Draws(
    iter(jax.random.uniform(uniform, shape, p.dtype).T[..., None]),
    iter(jax.random.normal(normal, shape, p.dtype).T[..., None]),
  )
  matrix = _movement(draws, p, images)
  placed = moved(images, matrix)
  shown, alpha = (placed[..., :3], placed[..., 3:]) if images.shape[-1] == 4 else (placed, None)
  shown = _recoloured(shown, *_colours(draws, p, shown))
  return shown if alpha is None else jnp.concatenate([shown, alpha], -1)


class Draws(NamedTuple):
  """Random numbers `[B, 1]`, U(0, 1) and N(0, 1), to use one after another."""

  uniforms: Iterator[Array]
  normals: Iterator[Array]

  def uniform(self, low: float = 0.0, high: float = 1.0) -> Array:
    """Return the next numbers from U(low, high)."""
    return low + (high - low) * next(self.uniforms)

  def normal(self) -> Array:
    """Return the next numbers from N(0, 1)."""
    return next(self.normals)

  def some(self, drawn: Array, still: float, p: Array) -> Array:
    """Return `drawn` with probability p, else `still`, for each image."""
    return jnp.where(self.uniform() < p, drawn, still)


def _movement(draws: Draws, p: Array, images: Array) -> Array:
  """Draw matrices `[B, 3, 3]` from output coordinates to input coordinates, about the center."""
  uniform, normal = draws.uniform, draws.normal
  some = partial(draws.some, p=p)
  both = lambda draw: jnp.concatenate([draw(), draw()], -1)
  size = jnp.array([[images.shape[2], images.shape[1]]], p.dtype)
  rare = 1 - jnp.sqrt(1 - p)  # then at least one of the two rotations has probability p
  flip = some(jnp.where(uniform() < 0.5, -1.0, 1.0), 1.0)
  turns = some(jnp.floor(uniform(0.0, 4.0)), 0.0)
  whole = some(jnp.round(both(lambda: uniform(-0.125, 0.125)) * size), 0.0)
  scale = some(2 ** (0.2 * normal()), 1.0)
  before, after = (draws.some(uniform(-math.pi, math.pi), 0.0, rare) for _ in range(2))
  stretch = some(2 ** (0.2 * normal()), 1.0)
  shift = some(0.125 * both(normal) * size, 0.0)
  steps = [
    _scaling(flip, jnp.ones_like(flip)),
    _quarters(turns),
    _shift(whole),
    _scaling(1 / scale, 1 / scale),
    _rotation(before),
    _scaling(1 / stretch, stretch),
    _rotation(after),
    _shift(shift),
  ]
  return reduce(_product, steps)


def _matrix(*rows: tuple[Array, ...]) -> Array:
  """Join rows of arrays `[B, 1]` to matrices `[B, n, n]`."""
  return jnp.stack([jnp.concatenate(row, -1) for row in rows], -2)


def _plane(a: Array, b: Array, c: Array, d: Array, x: Array, y: Array) -> Array:
  one, zero = jnp.ones_like(a), jnp.zeros_like(a)
  return _matrix((a, b, x), (c, d, y), (zero, zero, one))


def _scaling(x: Array, y: Array) -> Array:
  zero = jnp.zeros_like(x)
  return _plane(x, zero, zero, y, zero, zero)


def _rotation(angle: Array) -> Array:
  cos, sin, zero = jnp.cos(angle), jnp.sin(angle), jnp.zeros_like(angle)
  return _plane(cos, -sin, sin, cos, zero, zero)


def _quarters(turns: Array) -> Array:
  """Return rotations by quarter turns; their sines and cosines are exactly -1, 0 or 1."""
  cos, sin = (jnp.round(f(turns * (math.pi / 2))) for f in (jnp.cos, jnp.sin))
  zero = jnp.zeros_like(turns)
  return _plane(cos, -sin, sin, cos, zero, zero)


def _shift(by: Array) -> Array:
  one, zero = jnp.ones_like(by[:, :1]), jnp.zeros_like(by[:, :1])
  return _plane(one, zero, zero, one, by[:, :1], by[:, 1:])


def moved(images: Array, matrix: Array) -> Array:
  """Sample images where the matrices point to: bilinear, with reflection at the border."""
  b, height, width, c = images.shape
  centre = jnp.array([[(width - 1) / 2], [(height - 1) / 2]], matrix.dtype)
  rows, columns = jnp.mgrid[:height, :width].reshape(2, -1).astype(matrix.dtype)
  places = jnp.stack([columns, rows]) - centre
  ahead = _product(matrix[:, :2, :2], jnp.broadcast_to(places[None], (b, *places.shape)))
  x, y = (ahead + (matrix[:, :2, 2:] + centre[None])).swapaxes(0, 1)
  flat = images.reshape(b, height * width, c)

  def tap(i: Array, j: Array, weight: Array) -> Array:
    place = _mirrored(i, height) * width + _mirrored(j, width)
    return jnp.take_along_axis(flat, place[..., None], 1) * weight[..., None].astype(flat.dtype)

  i, j = jnp.floor(y), jnp.floor(x)
  v, u = y - i, x - j
  moved = tap(i, j, (1 - v) * (1 - u)) + tap(i, j + 1, (1 - v) * u)
  moved += tap(i + 1, j, v * (1 - u)) + tap(i + 1, j + 1, v * u)
  still = (matrix == jnp.eye(3, dtype=matrix.dtype)[None]).all((1, 2))
  return jnp.where(still[:, None, None, None], images, moved.reshape(images.shape))


def _mirrored(place: Array, size: int) -> Array:
  """Reflect whole numbers into 0 .. size - 1, without repeating the border pixel."""
  period = max(2 * (size - 1), 1)
  place = place.astype(jnp.int32) % period
  return jnp.minimum(place, period - place) if size > 1 else jnp.zeros_like(place)


def _colours(draws: Draws, p: Array, images: Array) -> tuple[Array, Array]:
  """Draw M `[B, 3, 3]` and m `[B, 3, 1]`: a color x becomes M x + m."""
  some = lambda drawn, still: draws.some(drawn, still, p)[..., None]
  eye = jnp.eye(3, dtype=p.dtype)[None]
  grey = jnp.full((1, 3, 3), _GREY, p.dtype)
  brightness = some(0.2 * draws.normal(), 0.0)
  contrast = some(2 ** (0.5 * draws.normal()), 1.0)
  inverted = some(jnp.where(draws.uniform() < 0.5, 1.0, 0.0), 0.0)
  matrix = contrast * (eye - 2 * inverted * grey)
  if images.shape[-1] == 3:
    hue = some(draws.uniform(-math.pi, math.pi), 0.0)
    saturation = some(2 ** draws.normal(), 1.0)
    matrix = _product(_hue(hue), matrix)
    matrix = _product(grey + saturation * (eye - grey), matrix)
  return matrix, matrix.sum(2, keepdims=True) * brightness


def _hue(angle: Array) -> Array:
  """Return the rotation about the gray axis v: cos I + (1 - cos) v v' + sin [v]x."""
  eye = jnp.eye(3, dtype=angle.dtype)[None]
  cross = jnp.array([[[0, -1, 1], [1, 0, -1], [-1, 1, 0]]], angle.dtype) / 3**0.5
  cos = jnp.cos(angle)
  return cos * eye + (1 - cos) * jnp.full_like(eye, _GREY) + jnp.sin(angle) * cross


def _recoloured(images: Array, matrix: Array, offset: Array) -> Array:
  """Compute M x + m for each pixel; gray images change as a gray color would."""
  b, height, width, c = images.shape
  if c == 3:
    pixels = _product(images.reshape(b, -1, 3), matrix.swapaxes(1, 2)) + offset.swapaxes(1, 2)
  else:
    gain = matrix.sum(2).mean(1)[:, None, None]
    pixels = images.reshape(b, -1, c) * gain + offset.mean(1, keepdims=True)
  return pixels.reshape(images.shape)
