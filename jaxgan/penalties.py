"""What keeps a critic smooth: terms added to its loss, of its slopes at chosen points.

At the end a term of a network's parameters alone.

Below `D` is the critic's score and ||.|| the Euclidean norm over all axes but the first. A score
must judge each image by itself: through batch normalisation or minibatch statistics the gradient of
the summed score is no longer one slope an image.
"""

from collections.abc import Callable, Collection
from functools import partial

import jax
import jax.numpy as jnp

from jaxgan import network
from jaxgan.typing import Array, Key, Score, Tree

Penalty = Callable[[Score, Array, Array, Key], Array]
"""`(score, real, fake, key) -> scalar`; images `[B, ...]` of any rank."""

Regulariser = Callable[[Tree], Array]
"""`params -> scalar`, of one network."""

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


def consistency(
  change: Callable[[Array, Key], Array], real_weight: float = 10.0, fake_weight: float = 0.0
) -> Penalty:
  """Logits stay as they are when an image is changed as no label is.

  real_weight E (D(real) - D(change(real)))^2 + fake_weight E (D(fake) - D(change(fake)))^2

  Zhang et al. 2020 (CR, of reals alone); Zhao et al. 2021 (bCR, of both).
  """

  def apart(score: Score, x: Array, key: Key) -> Array:
    logits = score(x)
    return ((logits - score(change(x, key))).astype(_wide(logits)) ** 2).mean()

  def penalty(score: Score, real: Array, fake: Array, key: Key) -> Array:
    sides = zip((real_weight, fake_weight), (real, fake), jax.random.split(key), strict=True)
    return sum((w * apart(score, x, k) for w, x, k in sides if w), jnp.zeros(()))

  return penalty


def of_packs(penalty: Penalty, size: int) -> Penalty:
  """The penalty, to which a pack of `size` images is one, for critics that judge packs."""
  joined, apart = partial(network.packs, size=size), partial(network.unpacked, size=size)
  return lambda score, real, fake, key: penalty(
    lambda packs: score(apart(packs)), joined(real), joined(fake), key
  )


def orthogonal(weight: float = 1e-4, skip: Collection[str] = ()) -> Regulariser:
  """Filters at right angles to each other, of any length.

  weight sum |W W' (1 - I)|_F^2, over every W = w as [out, rest] of two axes or more

  Parameters below one of the names `skip` are left out. The authors' code adds half of this term's
  gradient. Brock et al. 2018 (BigGAN).
  """

  def regulariser(params: Tree) -> Array:
    leaves = jax.tree_util.tree_leaves_with_path(params)
    kept = [w for path, w in leaves if w.ndim > 1 and not {key.key for key in path} & set(skip)]
    return weight * sum(map(_crossings, kept), start=jnp.zeros(()))

  return regulariser


def _crossings(w: Array) -> Array:
  """|W W' (1 - I)|_F^2 with W = w as [out, rest]; by the smaller of W W' and W' W."""
  w = w.reshape(-1, w.shape[-1]).astype(_wide(w))
  if w.shape[0] < w.shape[1]:
    return ((w @ w.T) ** 2).sum() - ((w * w).sum(0) ** 2).sum()
  return ((w.T @ w) ** 2 * (1 - jnp.eye(w.shape[1], dtype=w.dtype))).sum()
