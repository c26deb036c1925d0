"""Losses of games: what a turn minimises, made from objectives and penalties."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from jaxgan.game import Loss, Nets
from jaxgan.objectives import Objective
from jaxgan.penalties import Penalty
from jaxgan.typing import Array, Batch, Key, Latent

Augment = Callable[[Nets, Array, Key], Array]
"""`(nets, images, key) -> images`; it may read `nets.memory`, such as a strength that adapts."""


def adversarial(
  objective: Objective,
  *penalties: Penalty,
  latent: Latent,
  conditional: bool = False,
  noise: float = 0.0,
  augment: Augment | None = None,
) -> tuple[Loss, Loss]:
  """The losses of the networks `critic` and `generator`, in this order.

  critic: objective.critic(D(x), D(G(z))) + sum of penalties(D, x, G(z)), real and fake in passes of
  their own so that batch statistics stay apart; generator: objective.generator(D(x), D(G(z))).
  With `conditional` both networks take the labels of the batch as well. Every image that the critic
  sees, real or fake, in either turn, passes `augment` and then gains instance noise of deviation
  `noise`, by draws of its own. Logs the mean logits.

  The latents hang on the key alone, so two turns that draw the same numbers share their fakes.

  References: Goodfellow et al., 2014; instance noise: Sonderby et al., 2017.
  """

  def generate(nets: Nets, batch: Batch, key: Key):
    latents, dropout = jax.random.split(key)
    z = latent(latents, len(batch['image']))
    return nets('generator', z, *_labels(batch, conditional), key=dropout)

  def judge(nets: Nets, images: Array, batch: Batch, key: Key):
    noising, dropout, augmenting = jax.random.split(key, 3)
    images = images if augment is None else augment(nets, images, augmenting)
    images = _noisy(images, noise, noising)
    return nets('critic', images, *_labels(batch, conditional), key=dropout)

  def critic_loss(nets: Nets, batch: Batch, key: Key):
    drawing, key = jax.random.split(key)
    keys = jax.random.split(key, 3 + len(penalties))
    real, (fake, _) = batch['image'], generate(nets, batch, drawing)
    real_logits, nets = judge(nets, real, batch, keys[0])
    fake_logits, nets = judge(nets, fake, batch, keys[1])
    score = lambda x: judge(nets, x, batch, keys[2])[0]
    added = [p(score, real, fake, k) for p, k in zip(penalties, keys[3:], strict=True)]
    logs = {'real': real_logits.mean(), 'fake': fake_logits.mean()}
    logs |= {'penalty': sum(added)} if penalties else {}
    return objective.critic(real_logits, fake_logits) + sum(added), nets, logs

  def generator_loss(nets: Nets, batch: Batch, key: Key):
    drawing, key = jax.random.split(key)
    keys = jax.random.split(key)
    fake, nets = generate(nets, batch, drawing)
    fake_logits, nets = judge(nets, fake, batch, keys[0])
    real_logits = jnp.zeros_like(fake_logits)
    if objective.uses_real:
      real_logits, nets = judge(nets, batch['image'], batch, keys[1])
    return objective.generator(real_logits, fake_logits), nets, {}

  return critic_loss, generator_loss


def _labels(batch: Batch, conditional: bool) -> Sequence[Array]:
  return (batch['label'],) if conditional else ()


def _noisy(images: Array, deviation: float, key: Key) -> Array:
  if not deviation:
    return images
  return images + deviation * jax.random.normal(key, images.shape, images.dtype)
