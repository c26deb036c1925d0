"""What keeps a critic smooth: terms added to its loss, of its slopes at chosen points.

At the end a term of a network's parameters alone.

Below `D` is the critic's score and ||.|| the Euclidean norm over all axes but the first. A score
must judge each image by itself: through batch normalisation or minibatch statistics the gradient of
the summed score is no longer one slope an image.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp

from jaxgan.core import network_transforms
from jaxgan.core.typing import Array, Key, Score

Penalty = Callable[[Score, Array, Array, Key], Array]
"""`(score, real, fake, key) -> scalar`; images `[B, ...]` of any rank."""

_TINY = 1e-12  # under the root, whose gradient at 0 would be NaN


def slopes(score: Score, x: Array) -> Array:
  """The gradient of each image's score by that image, `[B, ...]`; maps of logits are summed."""
  # One gradient of the sum: vmap(grad) would give each image a critic, and kernels, of its own.
  return jax.grad(lambda x: score(x).astype(_wide(x)).sum())(x)


def norms(x: Array) -> Array:
  """||x||, `[B, ...] -> [B]`, float32 at least, with a finite gradient at 0."""
  return jnp.sqrt(_squares(x) + _TINY)


def _squares(x: Array) -> Array:
  return (x.astype(_wide(x)) ** 2).sum(tuple(range(1, x.ndim)))


def _wide(x: Array) -> jnp.dtype:
  return jnp.promote_types(x.dtype, jnp.float32)


def interpolates(real: Array, fake: Array, key: Key) -> Array:
  """Points between images: e real + (1 - e) fake with one e ~ U(0, 1) for each pair.

  Raises:
    ValueError: batches of unequal shapes.
  """
  if real.shape != fake.shape:
    raise ValueError(
      f'images need one shape, got real {real.shape} and fake {fake.shape}: '
      'give as many fake images as real ones, of their size'
    )
  mix = _per_image(key, real)
  return (mix * real + (1 - mix) * fake).astype(real.dtype)


def surroundings(real: Array, key: Key, scale: float) -> Array:
  """Points beside images: real + a scale s u, where s is the standard deviation of the batch.

  u ~ U(0, 1) for each element and a ~ U(0, 1) for each image.
  """
  reach, noise = jax.random.split(key)
  spread = scale * real.astype(_wide(real)).std()
  u = jax.random.uniform(noise, real.shape, _wide(real))
  return (real + _per_image(reach, real) * spread * u).astype(real.dtype)


def _per_image(key: Key, x: Array) -> Array:
  return jax.random.uniform(key, (len(x), *[1] * (x.ndim - 1)), _wide(x))


def gradient_penalty(weight: float = 10.0, target: float = 1.0) -> Penalty:
  """Slopes of norm `target` between real and fake images.

  weight E (||grad D(x)|| - target)^2,  x = e real + (1 - e) fake

  Raises (when called): ValueError, batches of unequal shapes. Gulrajani et al. 2017 (WGAN-GP).
  """

  def penalty(score: Score, real: Array, fake: Array, key: Key) -> Array:
    lengths = norms(slopes(score, interpolates(real, fake, key)))
    return weight * ((lengths - target) ** 2).mean()

  return penalty


def one_sided(weight: float = 10.0) -> Penalty:
  """Slopes of norm one at most between real and fake images.

  weight E max(0, ||grad D(x)|| - 1)^2,  x = e real + (1 - e) fake

  Raises (when called): ValueError, batches of unequal shapes. Petzka et al. 2018 (WGAN-LP).
  """

  def penalty(score: Score, real: Array, fake: Array, key: Key) -> Array:
    lengths = norms(slopes(score, interpolates(real, fake, key)))
    return weight * (jax.nn.relu(lengths - 1) ** 2).mean()

  return penalty


def dragan(weight: float = 10.0, scale: float = 0.5) -> Penalty:
  """Slopes of norm one around real images; fake ones are ignored.

  weight E (||grad D(x)|| - 1)^2,  x = real + a scale s u

  The points are those of the authors' code (see `surroundings`): noise of one sign, uniform, in
  units of the batch's standard deviation; the paper writes Gaussian noise. Kodali et al. 2017.
  """

  def penalty(score: Score, real: Array, fake: Array, key: Key) -> Array:
    lengths = norms(slopes(score, surroundings(real, key, scale)))
    return weight * ((lengths - 1) ** 2).mean()

  return penalty


def r1(weight: float | Array) -> Penalty:
  """Flat at real images: weight / 2 E ||grad D(real)||^2; fake ones are ignored.

  Played only every k steps, it needs k times the weight. Mescheder et al. 2018.
  """

  def penalty(score: Score, real: Array, fake: Array, key: Key) -> Array:
    return weight / 2 * _squares(slopes(score, real)).mean()

  return penalty


def r2(weight: float | Array) -> Penalty:
  """Flat at fake images: weight / 2 E ||grad D(fake)||^2; real ones are ignored.

  Mescheder et al. 2018.
  """

  def penalty(score: Score, real: Array, fake: Array, key: Key) -> Array:
    return weight / 2 * _squares(slopes(score, fake)).mean()

  return penalty


def drift(weight: float = 1e-3) -> Penalty:
  """Logits near zero: weight E D(real)^2; fake images are ignored. Karras et al. 2018 (ProGAN)."""

  def penalty(score: Score, real: Array, fake: Array, key: Key) -> Array:
    logits = score(real)
    return weight * (logits.astype(_wide(logits)) ** 2).mean()

  return penalty


def of_packs(penalty: Penalty, size: int) -> Penalty:
  """The penalty, to which a pack of `size` images is one, for critics that judge packs."""
  joined, apart = (
    partial(network_transforms.packs, size=size),
    partial(network_transforms.unpacked, size=size),
  )
  return lambda score, real, fake, key: penalty(
    lambda packs: score(apart(packs)), joined(real), joined(fake), key
  )
