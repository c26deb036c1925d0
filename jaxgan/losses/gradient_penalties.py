"""Penalties on the gradients or logits of a critic, to add to its loss.

Below `D` is the critic's score and ||.|| the Euclidean norm over all axes but the first. The score
of an image must not depend on the other images: with batch norm or minibatch statistics the
gradient of the summed score is not the gradient of each image's score.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp

from jaxgan.core import network_transforms
from jaxgan.core.parts import couples
from jaxgan.core.typing import Array, CriticFunction, Key

Penalty = Callable[[CriticFunction, Array, Array, Key], Array]
"""`(score, real, fake, key) -> scalar`; images `[B, ...]` of any rank."""

_TINY = 1e-12  # added under the root, whose gradient at 0 would be NaN


def input_gradients(score: CriticFunction, x: Array) -> Array:
  """Return the gradient of each image's score with respect to that image, `[B, ...]`.

  Where the score of an image is a map of logits, they are summed.
  """
  # One gradient of the sum: vmap(grad) would give each image its own critic, and its own kernels.
  return jax.grad(lambda x: score(x).astype(_wide(x)).sum())(x)


def norms(x: Array) -> Array:
  """Return ||x||, `[B, ...]` to `[B]`, float32 at least, with a finite gradient at 0."""
  return jnp.sqrt(_squares(x) + _TINY)


def _squares(x: Array) -> Array:
  return (x.astype(_wide(x)) ** 2).sum(tuple(range(1, x.ndim)))


def _wide(x: Array) -> jnp.dtype:
  return jnp.promote_types(x.dtype, jnp.float32)


def interpolates(real: Array, fake: Array, key: Key) -> Array:
  """Draw points between images: e real + (1 - e) fake with one e ~ U(0, 1) for each pair.

  Raises:
    ValueError: the batches have different shapes.
  """
  if real.shape != fake.shape:
    raise ValueError(
      f'images need one shape, got real {real.shape} and fake {fake.shape}: '
      'give as many fake images as real ones, of their size'
    )
  mix = _per_image(key, real)
  return (mix * real + (1 - mix) * fake).astype(real.dtype)


def surroundings(real: Array, key: Key, scale: float) -> Array:
  """Draw points near images: real + a scale s u, where s is the standard deviation of the batch.

  u ~ U(0, 1) for each element and a ~ U(0, 1) for each image.
  """
  couples('the penalty of DRAGAN')
  reach, noise = jax.random.split(key)
  spread = scale * real.astype(_wide(real)).std()
  u = jax.random.uniform(noise, real.shape, _wide(real))
  return (real + _per_image(reach, real) * spread * u).astype(real.dtype)


def _per_image(key: Key, x: Array) -> Array:
  return jax.random.uniform(key, (len(x), *[1] * (x.ndim - 1)), _wide(x))


def gradient_penalty(weight: float = 10.0, target: float = 1.0) -> Penalty:
  """Return the gradient penalty that pulls norms towards `target` between real and fake images.

  weight E (||grad D(x)|| - target)^2,  x = e real + (1 - e) fake,  e ~ U(0, 1)

  Args:
    weight: the weight, >= 0.
    target: the norm to reach, >= 0.

  Returns:
    The penalty. It raises ValueError where real and fake have different shapes.

  Reference: Gulrajani et al., Improved Training of Wasserstein GANs, 2017 (WGAN-GP).
  """

  def penalty(score: CriticFunction, real: Array, fake: Array, key: Key) -> Array:
    lengths = norms(input_gradients(score, interpolates(real, fake, key)))
    return weight * ((lengths - target) ** 2).mean()

  return penalty


def one_sided(weight: float = 10.0) -> Penalty:
  """Return the gradient penalty on norms above 1 between real and fake images.

  weight E max(0, ||grad D(x)|| - 1)^2,  x = e real + (1 - e) fake,  e ~ U(0, 1)

  Args:
    weight: the weight, >= 0.

  Returns:
    The penalty. It raises ValueError where real and fake have different shapes.

  Reference: Petzka et al., On the Regularization of Wasserstein GANs, 2018 (WGAN-LP).
  """

  def penalty(score: CriticFunction, real: Array, fake: Array, key: Key) -> Array:
    lengths = norms(input_gradients(score, interpolates(real, fake, key)))
    return weight * (jax.nn.relu(lengths - 1) ** 2).mean()

  return penalty


def dragan(weight: float = 10.0, scale: float = 0.5) -> Penalty:
  """Return the gradient penalty that pulls norms towards 1 around real images.

  weight E (||grad D(x)|| - 1)^2,  x = real + a scale s u

  The penalty ignores fake images. The points x are those of the authors' code (see `surroundings`):
  uniform noise >= 0, in units of the batch's standard deviation s. The paper has Gaussian noise.

  Args:
    weight: the weight, >= 0.
    scale: the largest distance in each element, in standard deviations.

  Reference: Kodali et al., On Convergence and Stability of GANs, 2017 (DRAGAN).
  """

  def penalty(score: CriticFunction, real: Array, fake: Array, key: Key) -> Array:
    lengths = norms(input_gradients(score, surroundings(real, key, scale)))
    return weight * ((lengths - 1) ** 2).mean()

  return penalty


def r1(weight: float | Array) -> Penalty:
  """Return the gradient penalty at real images: weight / 2 E ||grad D(real)||^2.

  Args:
    weight: the weight, >= 0. A turn that is played every k steps needs k times the weight.

  Reference: Mescheder et al., Which Training Methods for GANs do actually Converge?, 2018.
  """

  def penalty(score: CriticFunction, real: Array, fake: Array, key: Key) -> Array:
    return weight / 2 * _squares(input_gradients(score, real)).mean()

  return penalty


def r2(weight: float | Array) -> Penalty:
  """Return the gradient penalty at fake images: weight / 2 E ||grad D(fake)||^2.

  Args:
    weight: the weight, >= 0. A turn that is played every k steps needs k times the weight.

  Reference: Mescheder et al., Which Training Methods for GANs do actually Converge?, 2018.
  """

  def penalty(score: CriticFunction, real: Array, fake: Array, key: Key) -> Array:
    return weight / 2 * _squares(input_gradients(score, fake)).mean()

  return penalty


def drift(weight: float = 1e-3) -> Penalty:
  """Return the penalty that keeps logits of real images near 0: weight E D(real)^2.

  Args:
    weight: the weight, >= 0.

  Reference: Karras et al., Progressive Growing of GANs, 2018 (ProGAN).
  """

  def penalty(score: CriticFunction, real: Array, fake: Array, key: Key) -> Array:
    logits = score(real)
    return weight * (logits.astype(_wide(logits)) ** 2).mean()

  return penalty


def of_packs(penalty: Penalty, size: int) -> Penalty:
  """Return the penalty for a critic of packs: it treats a pack of `size` images as one image."""
  joined, apart = (
    partial(network_transforms.packs, size=size),
    partial(network_transforms.unpacked, size=size),
  )
  return lambda score, real, fake, key: penalty(
    lambda packs: score(apart(packs)), joined(real), joined(fake), key
  )
