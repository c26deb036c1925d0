"""Consistency regularization: similar logits for changed images and for images of near latents."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from jaxgan.core.game import Loss
from jaxgan.core.nets import Nets
from jaxgan.core.typing import Array, Batch, CriticFunction, Key, Latent, Logs
from jaxgan.losses.adversarial import Given, Judge, nothing
from jaxgan.losses.gradient_penalties import Penalty, _wide

Images = Callable[[Nets, Array, Batch, Key], Array]
"""A function `(nets, latents, batch, key)` that returns the images of latents."""


def consistency(
  change: Callable[[Array, Key], Array], real_weight: float = 10.0, fake_weight: float = 0.0
) -> Penalty:
  """Return the penalty on changes of the logits where an image is augmented.

  real_weight E (D(real) - D(change(real)))^2 + fake_weight E (D(fake) - D(change(fake)))^2

  Args:
    change: augments images; it should not change what an image shows.
    real_weight: the weight for real images, >= 0.
    fake_weight: the weight for fake images, >= 0.

  References: Zhang et al., Consistency Regularization for GANs, 2020 (CR, real images only); Zhao
  et al., Improved Consistency Regularization for GANs, 2021 (bCR, both).
  """

  def apart(score: CriticFunction, x: Array, key: Key) -> Array:
    logits = score(x)
    return ((logits - score(change(x, key))).astype(_wide(logits)) ** 2).mean()

  def penalty(score: CriticFunction, real: Array, fake: Array, key: Key) -> Array:
    sides = zip((real_weight, fake_weight), (real, fake), jax.random.split(key), strict=True)
    return sum((w * apart(score, x, k) for w, x, k in sides if w), jnp.zeros(()))

  return penalty


def latent_consistency(
  *,
  latent: Latent,
  judge: Judge,
  std: float,
  critic_weight: float,
  generator_weight: float,
  given: Given = nothing,
  images: Images | None = None,
) -> tuple[Loss, Loss]:
  """Return terms of critic and generator: near latents give similar logits but different images.

  critic: critic_weight E (D(G(z)) - D(G(z + n)))^2
  generator: -generator_weight E (G(z) - G(z + n))^2, the mean over pixels

  with n ~ N(0, std^2). The latents z are drawn for these terms only. Batch statistics are not
  updated.

  Args:
    latent: draws the latents.
    judge: computes logits, D; it augments both images of a pair by the same draws.
    std: the standard deviation of n.
    critic_weight: the weight of the critic's term.
    generator_weight: the weight of the generator's term.
    given: further inputs of the network `generator`.
    images: makes the images of latents; None: the network `generator`.

  Reference: Zhao et al., Improved Consistency Regularization for GANs, 2021 (zCR).
  """

  alone: Images = lambda nets, z, batch, key: nets('generator', z, *given(nets, batch), key=key)[0]
  make = images or alone

  def pair(nets: Nets, batch: Batch, keys: Array | Sequence[Key]) -> list[Array]:
    drawing, moving, dropout = keys
    z = latent(drawing, len(batch['image']))
    near = z + std * jax.random.normal(moving, z.shape, z.dtype)
    return [make(nets, x, batch, jax.random.clone(dropout)) for x in (z, near)]

  def critic_loss(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    *keys, judging = jax.random.split(key, 4)
    fakes = pair(nets, batch, keys)
    one, two = (judge(nets, x, batch, jax.random.clone(judging))[0] for x in fakes)
    return critic_weight * ((one - two) ** 2).mean(), nets, {}

  def generator_loss(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    one, two = pair(nets, batch, jax.random.split(key, 3))
    return -generator_weight * ((one - two) ** 2).mean(), nets, {}

  return critic_loss, generator_loss
