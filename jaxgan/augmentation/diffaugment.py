"""Differentiable augmentation of all images of a critic, so that it cannot memorize few images.

It has derivatives of every order with respect to the images, so generators and gradient penalties
work through it. Images are `[B, H, W, C]` in [-1, 1].
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.core.typing import Array, Key

POLICY = 'color,translation,cutout'


def diff_augment(images: Array, key: Key, policy: str = POLICY) -> Array:
  """Augment each image by its own random changes.

  Args:
    images: `[B, H, W, C]` in [-1, 1].
    key: the random key.
    policy: names of changes, separated by commas, in the order in which they are applied: `color`
      (brightness, saturation and contrast), `translation` (up to an eighth of the size), `cutout`
      (a box of half the size). An empty policy changes nothing.

  Returns:
    `[B, H, W, C]`; values may leave [-1, 1].

  Raises:
    ValueError: an unknown name in the policy.

  Example:
    >>> diff_augment(jnp.zeros((2, 8, 8, 3)), jax.random.key(0), 'translation,cutout').shape
    (2, 8, 8, 3)

  Reference: Zhao et al., Differentiable Augmentation for Data-Efficient GAN Training, 2020.
  """
  for i, name in enumerate(parts(policy)):
    images = POLICIES[name](images, jax.random.fold_in(key, i))
  return images


def parts(policy: str) -> list[str]:
  """Return the names in a policy.

  Raises:
    ValueError: an unknown name.
  """
  names = [name.strip() for name in policy.split(',') if name.strip()]
  if unknown := [name for name in names if name not in POLICIES]:
    raise ValueError(f'--policy has {unknown[0]!r}, which is none of {", ".join(POLICIES)}')
  return names


def color(images: Array, key: Key) -> Array:
  """Change brightness, saturation and contrast, in this order, with one draw of each per image.

  x + U(-1/2, 1/2); then s (x - m) + m with s ~ U(0, 2) and m each pixel's mean over channels; then
  the same with s ~ U(1/2, 3/2) and m the image's mean. Saturation does not change gray images.
  Nothing changes the alpha of images with four channels.
  """
  if images.shape[-1] == 4:
    return jnp.concatenate([color(images[..., :3], key), images[..., 3:]], -1)
  keys = jax.random.split(key, 3)
  draw = lambda key, low, high: jax.random.uniform(
    key, (len(images), 1, 1, 1), images.dtype, low, high
  )
  about = lambda x, mean, scale: scale * (x - mean) + mean
  x = images + draw(keys[0], -0.5, 0.5)
  x = about(x, x.mean(3, keepdims=True), draw(keys[1], 0.0, 2.0))
  return about(x, x.mean((1, 2, 3), keepdims=True), draw(keys[2], 0.5, 1.5))


def translation(images: Array, key: Key) -> Array:
  """Shift by whole pixels, up to round(size / 8) in each direction; new pixels are 0."""
  _, height, width, _ = images.shape
  down, right = jax.random.split(key)
  images = _shifted(images, _steps(down, images, height), 1)
  return _shifted(images, _steps(right, images, width), 2)


def cutout(images: Array, key: Key) -> Array:
  """Set a box of half the height and width to 0; its center is any point of the image."""
  _, height, width, _ = images.shape
  rows, columns = jax.random.split(key)
  inside = _within(rows, images, height)[:, :, None] & _within(columns, images, width)[:, None, :]
  return jnp.where(inside[..., None], jnp.zeros((), images.dtype), images)


POLICIES: dict[str, Callable[[Array, Key], Array]] = {
  'color': color,
  'translation': translation,
  'cutout': cutout,
}


def _steps(key: Key, images: Array, size: int) -> Array:
  furthest = int(size / 8 + 0.5)
  return jax.random.randint(key, (len(images),), -furthest, furthest + 1)


def _shifted(images: Array, steps: Array, axis: int) -> Array:
  """Shift each image by its own number of pixels along an axis, by a product with a 0-1 matrix.

  A gather would give the same, but its gradient is a scatter, which is slow on every back end.
  """
  places = jnp.arange(images.shape[axis])
  matrix = places[None, :, None] == places[None, None, :] + steps[:, None, None]
  form = 'bij,bjwc->biwc' if axis == 1 else 'bij,bhjc->bhic'
  return jnp.einsum(form, matrix.astype(images.dtype), images, precision=lax.Precision.HIGHEST)


def _within(key: Key, images: Array, size: int) -> Array:
  """Draw an interval of half of `size` places, and return which places lie in it: `[B, size]`.

  Its center is a random place or, if its length is even, a random edge between places; all are
  equally likely.
  """
  length = int(size / 2 + 0.5)
  centres = jax.random.randint(key, (len(images), 1), 0, size + (1 - length % 2))
  first = centres - length // 2
  places = jnp.arange(size)[None]
  return (places >= first) & (places < first + length)
