"""Losses of a game of pairs: images with their latents, against latents with their images."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.core.game import Loss
from jaxgan.core.nets import Nets, Shown
from jaxgan.core.typing import Array, Batch, Key, Latent, Logs
from jaxgan.losses import adversarial
from jaxgan.losses.gradient_penalties import Penalty
from jaxgan.losses.objectives import Objective


class Pairs(NamedTuple):
  """Images `[B, H, W, C]`, and the latent of each, `[B, Z]`."""

  images: Array
  latents: Array


def joined(pairs: Pairs) -> Array:
  """Return pairs as rows, `[B, H W C + Z]`."""
  return jnp.concatenate([pairs.images.reshape(len(pairs.images), -1), pairs.latents], -1)


def parted(rows: Array, like: Pairs) -> Pairs:
  """Return the pairs of rows, whose images have the shape of those in `like`."""
  images, latents = jnp.split(rows, [rows.shape[-1] - like.latents.shape[-1]], -1)
  return Pairs(images.reshape(-1, *like.images.shape[1:]), latents)


def made(nets: Nets, images: Array, latents: Array) -> tuple[Pairs, Pairs, Nets]:
  """Return the pairs of images and of latents, and the updated networks."""
  found, nets = nets('encoder', images)
  drawn, nets = nets('generator', latents)
  return Pairs(images, found), Pairs(drawn, latents), nets


def bidirectional(
  objective: Objective, *penalties: Penalty, latent: Latent, noise: float = 0.0
) -> tuple[Loss, Loss]:
  """Return the losses of the network `critic`, and of `generator` and `encoder` together.

  critic: c(D(x, E(x)), D(G(z), z)) + sum of penalties;  both others: g(D(x, E(x)), D(G(z), z))

  c and g are the losses of the objective. The critic tells images with their latents from latents
  with their images. It cannot where E inverts G and G(z) has the distribution of x. Penalties are
  of rows in which image and latent are joined. The two turns draw the same latents if they share
  their draws. The critic's loss logs the mean logits.

  Args:
    objective: the pair of losses of logits; its generator's loss should use real logits, or the
      encoder learns nothing.
    penalties: penalties to add to the critic's loss.
    latent: draws the latents.
    noise: the standard deviation of instance noise on images, >= 0.

  References: Donahue et al., Adversarial Feature Learning, 2017; Dumoulin et al., Adversarially
  Learned Inference, 2017.
  """
  seen = adversarial.judged(lambda nets, given: (given['latent'],), noise)

  def judge(nets: Nets, pairs: Pairs, key: Key) -> tuple[Array, Nets]:
    return seen(nets, pairs.images, {'latent': pairs.latents}, key)

  def critic(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    drawing, key = jax.random.split(key)
    first, second, scoring, *keys = jax.random.split(key, 3 + len(penalties))
    real, fake, _ = made(nets, batch['image'], latent(drawing, len(batch['image'])))

    def seeing(images: Array, nets: Nets = nets) -> Array:  # each image with its own latent
      latents = fake.latents if images is fake.images else real.latents
      return judge(nets, Pairs(images, latents), jax.random.clone(first))[0]

    nets.show(Shown(real.images, fake.images, seeing, objective.critic))
    real_logits, nets = judge(nets, real, first)
    fake_logits, nets = judge(nets, fake, second)
    score = lambda rows: judge(nets, parted(rows, real), jax.random.clone(scoring))[0]
    rows = joined(real), joined(fake)
    added = [p(score, *rows, k) for p, k in zip(penalties, keys, strict=True)]
    logs: Logs = {'real': real_logits.mean(), 'fake': fake_logits.mean()}
    logs |= {'penalty': jnp.asarray(sum(added))} if penalties else {}
    return objective.critic(real_logits, fake_logits) + sum(added), nets, logs

  def generator(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    drawing, key = jax.random.split(key)
    first, second = jax.random.split(key)
    real, fake, nets = made(nets, batch['image'], latent(drawing, len(batch['image'])))
    real_logits, nets = judge(nets, real, first)
    fake_logits, nets = judge(nets, fake, second)
    return objective.generator(real_logits, fake_logits), nets, {}

  return critic, generator
