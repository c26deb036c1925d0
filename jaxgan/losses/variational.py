"""Losses of a variational autoencoder whose decoder is a generator, by a critic's features."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.core.game import Loss
from jaxgan.core.nets import Nets, Shown
from jaxgan.core.typing import Array, Batch, Key, Latent, Logs
from jaxgan.losses import adversarial
from jaxgan.losses.gradient_penalties import Penalty
from jaxgan.losses.objectives import Objective


class Posterior(NamedTuple):
  """Normal distributions of latents, one for each image: means and log variances, `[B, Z]`."""

  mean: Array
  log_variance: Array

  @classmethod
  def of(cls, numbers: Array) -> 'Posterior':
    """Return the distributions that an encoder's numbers `[B, 2 Z]` say."""
    return cls(*jnp.split(numbers, 2, -1))

  def drawn(self, key: Key) -> Array:
    """Return a latent for each image, mean + deviation N(0, 1), `[B, Z]`."""
    noise = jax.random.normal(key, self.mean.shape, self.mean.dtype)
    return self.mean + jnp.exp(self.log_variance / 2) * noise


class Drawn(NamedTuple):
  """The distributions of latents of images, a latent of each, and as many of the prior."""

  posterior: Posterior
  own: Array
  prior: Array


def drawn(nets: Nets, images: Array, latent: Latent, keys: Sequence[Key]) -> tuple[Drawn, Nets]:
  """Return latents of images by the network `encoder`, latents of the prior, and the networks.

  Each of the two kinds of latents has its own of the two keys.
  """
  own, prior = keys
  numbers, nets = nets('encoder', images)
  posterior = Posterior.of(numbers)
  return Drawn(posterior, posterior.drawn(own), latent(prior, len(images))), nets


def divergence(posterior: Posterior) -> Array:
  """Return the mean Kullback-Leibler divergence from N(0, 1), in nats an image.

  KL = 1/2 sum over Z of (m^2 + v - ln v - 1)

  Example:
    >>> float(divergence(Posterior(jnp.array([[2.0, 0.0]]), jnp.zeros((1, 2)))))
    2.0

  Reference: Kingma and Welling, Auto-Encoding Variational Bayes, 2014.
  """
  mean, log_variance = (x.astype(jnp.promote_types(x.dtype, jnp.float32)) for x in posterior)
  each = mean**2 + jnp.exp(log_variance) - log_variance - 1
  return each.sum(-1).mean() / 2


def unlikely(found: Array, right: Array) -> Array:
  """Return -ln N(right | found, 1) without its constant, the mean over rows.

  It is half the squared distance of two arrays of features, `[B, ...]`.
  """
  apart = (found - right).astype(jnp.promote_types(found.dtype, jnp.float32))
  return (apart**2).sum(tuple(range(1, apart.ndim))).mean() / 2


def variational(
  objective: Objective, *penalties: Penalty, latent: Latent, gamma: float, noise: float = 0.0
) -> tuple[Loss, Loss]:
  """Return the losses of the network `critic`, and of `generator` and `encoder` together.

  With z ~ E(x), a latent p from the prior, and the features D_l of the critic:

  critic: (c(D(x), D(G(z))) + c(D(x), D(G(p)))) / 2 + sum of penalties
  encoder: KL(E(x)) - ln N(D_l(x) | D_l(G(z)), 1)
  generator: - gamma ln N(D_l(x) | D_l(G(z)), 1) + (g(D(G(z))) + g(D(G(p)))) / 2

  c and g are the losses of the objective. The encoder learns nothing from g. Turns that share their
  draws see the same latents.

  Args:
    objective: the pair of losses of logits.
    penalties: penalties to add to the critic's loss, at images of the prior's latents.
    latent: draws p, from N(0, 1).
    gamma: the weight of restoring images in the generator's loss.
    noise: the standard deviation of instance noise, >= 0.

  Reference: Larsen et al., Autoencoding beyond pixels using a learned similarity metric, 2016.
  """
  judge = adversarial.judged(adversarial.nothing, noise)

  def critic(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    (*drawing, key), images = jax.random.split(key, 3), batch['image']
    first, second, third, scoring, *keys = jax.random.split(key, 4 + len(penalties))
    latents, _ = drawn(nets, images, latent, drawing)
    restored, sampled = (nets('generator', z)[0] for z in (latents.own, latents.prior))
    seeing = lambda x, nets=nets: judge(nets, x, batch, jax.random.clone(first))[0]
    nets.show(Shown(images, sampled, seeing, objective.critic))
    real, nets = judge(nets, images, batch, first)
    one, nets = judge(nets, restored, batch, second)
    other, nets = judge(nets, sampled, batch, third)
    score = lambda x: judge(nets, x, batch, jax.random.clone(scoring))[0]
    added = [p(score, images, sampled, k) for p, k in zip(penalties, keys, strict=True)]
    logs: Logs = {'real': real.mean(), 'fake': other.mean(), 'restored': one.mean()}
    logs |= {'penalty': jnp.asarray(sum(added))} if penalties else {}
    loss = (objective.critic(real, one) + objective.critic(real, other)) / 2
    return loss + sum(added), nets, logs

  def generator(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    (*drawing, key), images = jax.random.split(key, 3), batch['image']
    latents, nets = drawn(nets, images, latent, drawing)
    features = lambda x, nets=nets: nets.features('critic', x)[0]
    right = features(images)
    # The same images twice, computed once: one lets the encoder learn alone, one the generator.
    params = {**nets.params, 'generator': lax.stop_gradient(nets.params['generator'])}
    own = unlikely(features(replace(nets, params=params)('generator', latents.own)[0]), right)
    restored, nets = nets('generator', lax.stop_gradient(latents.own))
    sampled, nets = nets('generator', latents.prior)
    fakes = zip((restored, sampled), jax.random.split(key), strict=True)
    logits = [judge(nets, images, batch, k)[0] for images, k in fakes]
    adversarial = jnp.stack([objective.generator(x, x) for x in logits]).mean()
    prior = divergence(latents.posterior)
    loss = prior + own + gamma * unlikely(features(restored), right) + adversarial
    return loss, nets, {'prior': prior, 'unlikely': own, 'adversarial': adversarial}

  return critic, generator
