"""Losses of games: what a turn minimises, made from objectives and penalties."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.core import network_transforms
from jaxgan.core.game import Loss, Nets
from jaxgan.core.typing import Array, Batch, Key, Latent, Logs, Step
from jaxgan.losses.gradient_penalties import Penalty
from jaxgan.losses.objectives import Objective

Given = Callable[[Nets, Batch], Sequence[Array]]
"""What networks are told besides latents or images: labels, a weight that changes with the step."""
Generate = Callable[[Nets, Batch, Key], tuple[Array, Nets]]
"""Draws a fake for each image of the batch."""
Judge = Callable[[Nets, Array, Batch, Key], tuple[Array, Nets]]
"""The critic's logits of images."""
Real = Callable[[Nets, Array], Array]
"""What becomes of the batch's images before anything else."""
Augment = Callable[[Nets, Array, Key], Array]
"""What becomes of every image that the critic sees; it may read `nets.memory`."""
Observe = Callable[[Nets, Array, Array], tuple[Nets, Logs]]
"""Looks at the critic's logits of real images and of fakes, both constants, after a critic's loss:
the networks with the memory moved on, and what to log."""


class Fakes(NamedTuple):
  """Hold the generated images `[B, ...]` of a turn and what they were made of.

  `latents` are `[B, Z]`, and `codes` the named parts of them, such as `{'code': [B, 10]}`.
  """

  images: Array
  latents: Array
  codes: Mapping[str, Array] = MappingProxyType({})


Term = Callable[[Nets, Fakes, Batch, Key], tuple[Array, Nets, Logs]]
"""Something to add to a loss: of the networks, the fakes of the turn, the batch and a key, the
value, the networks as they come out, and what to log."""


class Terms(NamedTuple):
  """List terms to add to the losses of critic and generator.

  `drawn(batch, key)` gives the latents, and their parts by name, of which `generate` makes the
  fakes with the same key.
  """

  critic: Sequence[Term] = ()
  generator: Sequence[Term] = ()
  drawn: Callable[[Batch, Key], tuple[Array, Mapping[str, Array]]] | None = None

  def add(
    self, side: Sequence[Term], nets: Nets, fake: Array, batch: Batch, keys: tuple[Key, Key]
  ) -> tuple[Array, Nets, Logs]:
    """Return the sum of the terms of one side, the networks, and the logs of all."""
    total, logs = jnp.zeros(()), Logs()
    if not side or self.drawn is None:
      return total, nets, logs
    fakes = Fakes(fake, *self.drawn(batch, jax.random.clone(keys[0])))  # again, as intended
    for i, term in enumerate(side):
      value, nets, noted = term(nets, fakes, batch, jax.random.fold_in(keys[1], _APART + i))
      total, logs = total + value, {**logs, **noted}
    return total, nets, logs


def unobserved(nets: Nets, real: Array, fake: Array) -> tuple[Nets, Logs]:
  """Nothing remembered, nothing logged."""
  return nets, {}


def adversarial(
  objective: Objective,
  *penalties: Penalty,
  latent: Latent,
  conditional: bool = False,
  noise: float = 0.0,
  augment: Augment | None = None,
  observe: Observe = unobserved,
  terms: Terms | None = None,
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
  given = labels if conditional else nothing
  drawn, seen = generated(latent, given), judged(given, noise, augment)
  return between(objective, *penalties, generate=drawn, judge=seen, observe=observe, terms=terms)


def between(
  objective: Objective,
  *penalties: Penalty,
  generate: Generate,
  judge: Judge,
  real: Real = lambda nets, images: images,
  observe: Observe = unobserved,
  terms: Terms | None = None,
) -> tuple[Loss, Loss]:
  """Return the losses of `adversarial`, for any way to draw fakes and to judge images.

  `terms` are added to them, and see the same fakes.
  """
  extra = terms or Terms()

  def critic_loss(nets: Nets, batch: Batch, key: Key):
    drawing, key = jax.random.split(key)
    first, second, scoring, *keys = jax.random.split(key, 3 + len(penalties))
    images, (fake, _) = real(nets, batch['image']), generate(nets, batch, drawing)
    real_logits, nets = judge(nets, images, batch, first)
    fake_logits, nets = judge(nets, fake, batch, second)
    # One function of images, and so the same draws whenever it is called.
    score = lambda x: judge(nets, x, batch, jax.random.clone(scoring))[0]
    added = [p(score, images, fake, k) for p, k in zip(penalties, keys, strict=True)]
    logs: Logs = {'real': real_logits.mean(), 'fake': fake_logits.mean()}
    logs |= {'penalty': jnp.asarray(sum(added))} if penalties else {}
    nets, noted = observe(nets, *jax.lax.stop_gradient((real_logits, fake_logits)))
    more, nets, others = extra.add(extra.critic, nets, fake, batch, (drawing, key))
    loss = objective.critic(real_logits, fake_logits) + sum(added)
    return loss + more if extra.critic else loss, nets, {**logs, **noted, **others}

  def generator_loss(nets: Nets, batch: Batch, key: Key):
    drawing, key = jax.random.split(key)
    keys = jax.random.split(key)
    fake, nets = generate(nets, batch, drawing)
    fake_logits, nets = judge(nets, fake, batch, keys[0])
    real_logits = jnp.zeros_like(fake_logits)
    if objective.uses_real:
      real_logits, nets = judge(nets, real(nets, batch['image']), batch, keys[1])
    more, nets, logs = extra.add(extra.generator, nets, fake, batch, (drawing, key))
    loss = objective.generator(real_logits, fake_logits)
    return loss + more if extra.generator else loss, nets, logs

  return critic_loss, generator_loss


def lazily(
  *penalties: Penalty,
  interval: int,
  generate: Generate,
  judge: Judge,
  real: Real = lambda nets, images: images,
) -> Loss:
  """interval * sum of penalties: for a turn of its own that is played every `interval` steps.

  References: Karras et al., 2020 (StyleGAN2).
  """

  def loss(nets: Nets, batch: Batch, key: Key):
    drawing, scoring, key = jax.random.split(key, 3)
    images, (fake, _) = real(nets, batch['image']), generate(nets, batch, drawing)
    score = lambda x: judge(nets, x, batch, jax.random.clone(scoring))[0]
    keys = jax.random.split(key, len(penalties))
    added = [p(score, images, fake, k) for p, k in zip(penalties, keys, strict=True)]
    value = jnp.asarray(sum(added))
    return interval * value, nets, {'penalty': value}

  return loss


def generated(latent: Latent, given: Given) -> Generate:
  """Images of the network `generator`, of latents and what it is given."""

  def generate(nets: Nets, batch: Batch, key: Key):
    z = latents_of(latent, batch, jax.random.clone(key))
    return nets('generator', z, *given(nets, batch), key=jax.random.split(key)[1])

  return generate


def latents_of(latent: Latent, batch: Batch, key: Key) -> Array:
  """Return the latents of which `generated` makes fakes with the same key."""
  return latent(jax.random.split(key)[0], len(batch['image']))


def judged(given: Given, noise: float = 0.0, augment: Augment | None = None) -> Judge:
  """Logits of the network `critic`, of images, augmented and noisy, and what it is given."""

  def judge(nets: Nets, images: Array, batch: Batch, key: Key):
    noising, dropout, augmenting = jax.random.split(key, 3)
    images = images if augment is None else augment(nets, images, augmenting)
    return nets('critic', _noisy(images, noise, noising), *given(nets, batch), key=dropout)

  return judge


def labels(nets: Nets, batch: Batch) -> Sequence[Array]:
  """The labels of the batch."""
  return (batch['label'],)


def nothing(nets: Nets, batch: Batch) -> Sequence[Array]:
  """Networks that take no more than latents or images."""
  return ()


# Losses made of others.


def together(*losses: Loss) -> Loss:
  """The sum of losses. The first draws as it would alone, each other by a key of its own."""
  if len(losses) == 1:
    return losses[0]

  def whole(nets: Nets, batch: Batch, key: Key):
    value, nets, logs = losses[0](nets, batch, key)
    for i, loss in enumerate(losses[1:]):
      more, nets, others = loss(nets, batch, jax.random.fold_in(key, _APART + i))
      value, logs = value + more, {**logs, **others}
    return value, nets, logs

  return whole


def depending(
  make: Callable[[Objective], tuple[Loss, Loss]], objective: Callable[[Nets], Objective]
) -> tuple[Loss, Loss]:
  """The pair of losses that `make` makes of an objective that hangs on the step or the memory."""
  side = lambda i: lambda nets, batch, key: make(objective(nets))[i](nets, batch, key)
  return side(0), side(1)


def of_features(loss: Loss) -> Loss:
  """The loss of the critic's features in place of its logits."""

  def featured(nets: Nets, batch: Batch, key: Key):
    shown = network_transforms.of_features(nets.networks['critic'])
    seen = replace(nets, networks={**nets.networks, 'critic': shown})
    value, after, logs = loss(seen, batch, key)
    return value, replace(after, networks=nets.networks), logs

  return featured


def at_step(make: Callable[[Step], tuple[Loss, Loss]]) -> tuple[Loss, Loss]:
  """The pair of losses that `make(step)` gives; what it refuses, it refuses here."""
  make(0)
  side = lambda i: lambda nets, batch, key: make(nets.step)[i](nets, batch, key)
  return side(0), side(1)


_APART = 1000
"""Where the keys of added losses begin: no loss splits its own into as many."""


def _noisy(images: Array, deviation: float, key: Key) -> Array:
  if not deviation:
    return images
  return images + deviation * jax.random.normal(key, images.shape, images.dtype)
