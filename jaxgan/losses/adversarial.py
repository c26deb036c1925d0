"""The losses that turns of a game minimize, made of objectives and penalties."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.core import network_transforms
from jaxgan.core.game import Loss
from jaxgan.core.nets import Nets, Shown
from jaxgan.core.typing import Array, Batch, Key, Latent, Logs, Step
from jaxgan.losses.gradient_penalties import Penalty
from jaxgan.losses.objectives import Objective

Given = Callable[[Nets, Batch], Sequence[Array]]
"""Returns further inputs of networks besides latents or images, such as labels or a weight that
changes with the step."""
Generate = Callable[[Nets, Batch, Key], tuple[Array, Nets]]
"""Draws a fake for each image of the batch; returns them and the updated networks."""
Judge = Callable[[Nets, Array, Batch, Key], tuple[Array, Nets]]
"""Returns the critic's logits of images, and the updated networks."""
Real = Callable[[Nets, Array], Array]
"""Changes the real images of the batch before all else."""
Augment = Callable[[Nets, Array, Key], Array]
"""Augments every image that the critic sees; it may read `nets.memory`."""
Observe = Callable[[Nets, Array, Array], tuple[Nets, Logs]]
"""Takes the critic's logits of real and of fake images, as constants, in the critic's loss; returns
the networks with updated memory, and values to log."""


class Fakes(NamedTuple):
  """The generated images `[B, ...]` of a turn, and the latents they were made of.

  `latents` are `[B, Z]`. `codes` holds named parts of them, such as `{'code': [B, 10]}`.
  """

  images: Array
  latents: Array
  codes: Mapping[str, Array] = MappingProxyType({})


Term = Callable[[Nets, Fakes, Batch, Key], tuple[Array, Nets, Logs]]
"""A term to add to a loss: `(nets, fakes of the turn, batch, key) -> (value, nets, logs)`."""


class Terms(NamedTuple):
  """Terms to add to the losses of critic and generator.

  `drawn(batch, key)` returns the latents, and their parts by name, of which `generate` makes the
  fakes with the same key.
  """

  critic: Sequence[Term] = ()
  generator: Sequence[Term] = ()
  drawn: Callable[[Batch, Key], tuple[Array, Mapping[str, Array]]] | None = None

  def add(
    self, side: Sequence[Term], nets: Nets, fake: Array, batch: Batch, keys: tuple[Key, Key]
  ) -> tuple[Array, Nets, Logs]:
    """Return the sum of the terms of one side, the updated networks, and the logs of all terms."""
    total, logs = jnp.zeros(()), Logs()
    if not side or self.drawn is None:
      return total, nets, logs
    fakes = Fakes(fake, *self.drawn(batch, jax.random.clone(keys[0])))  # the same draws on purpose
    for i, term in enumerate(side):
      value, nets, noted = term(nets, fakes, batch, jax.random.fold_in(keys[1], _APART + i))
      total, logs = total + value, {**logs, **noted}
    return total, nets, logs


def unobserved(nets: Nets, real: Array, fake: Array) -> tuple[Nets, Logs]:
  """Return the networks unchanged, and no logs."""
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
  """Return the losses of the networks `critic` and `generator`, in this order.

  critic: objective.critic(D(x), D(G(z))) + sum of penalties(D, x, G(z))
  generator: objective.generator(D(x), D(G(z)))

  The critic sees real and fake images in separate passes, so that their batch statistics stay
  apart. The latents depend on the key only, so two turns with the same draws share their fakes. The
  critic's loss logs the mean logits.

  Args:
    objective: the pair of losses of logits.
    penalties: penalties to add to the critic's loss.
    latent: draws the latents.
    conditional: True gives both networks the labels of the batch too.
    noise: the standard deviation of instance noise, >= 0, added after `augment` to every image that
      the critic sees.
    augment: augments every image that the critic sees, real or fake, in both losses; None: none.
    observe: takes the critic's logits and updates the memory.
    terms: further terms to add to both losses.

  References: Goodfellow et al., Generative Adversarial Networks, 2014; instance noise: Sonderby et
  al., Amortised MAP Inference for Image Super-resolution, 2017.
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
  """Return the losses of `adversarial` for other ways to draw fakes and to compute logits.

  Args:
    objective: the pair of losses of logits.
    penalties: penalties to add to the critic's loss.
    generate: draws the fakes.
    judge: computes the critic's logits.
    real: changes the real images before all else.
    observe: takes the critic's logits and updates the memory.
    terms: further terms to add to both losses; they see the same fakes.
  """
  extra = terms or Terms()

  def critic_loss(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    drawing, key = jax.random.split(key)
    first, second, scoring, *keys = jax.random.split(key, 3 + len(penalties))
    images, (fake, _) = real(nets, batch['image']), generate(nets, batch, drawing)
    seeing = lambda x, nets=nets: judge(nets, x, batch, jax.random.clone(first))[0]
    nets.show(Shown(images, fake, seeing, objective.critic if objective.opposed else None))
    real_logits, nets = judge(nets, images, batch, first)
    fake_logits, nets = judge(nets, fake, batch, second)
    # A function of images only: it uses the same draws at every call.
    score = lambda x: judge(nets, x, batch, jax.random.clone(scoring))[0]
    added = [p(score, images, fake, k) for p, k in zip(penalties, keys, strict=True)]
    logs: Logs = {'real': real_logits.mean(), 'fake': fake_logits.mean()}
    logs |= {'penalty': jnp.asarray(sum(added))} if penalties else {}
    nets, noted = observe(nets, *jax.lax.stop_gradient((real_logits, fake_logits)))
    more, nets, others = extra.add(extra.critic, nets, fake, batch, (drawing, key))
    loss = objective.critic(real_logits, fake_logits) + sum(added)
    return loss + more if extra.critic else loss, nets, {**logs, **noted, **others}

  def generator_loss(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
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
  """Return the loss of lazy regularization: interval * sum of penalties.

  It is for a separate turn of the critic that is played every `interval` steps.

  Args:
    penalties: the penalties.
    interval: the number of steps between two turns, >= 1.
    generate: draws the fakes.
    judge: computes the critic's logits.
    real: changes the real images before all else.

  Reference: Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2020 (StyleGAN2).
  """

  def loss(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    drawing, scoring, key = jax.random.split(key, 3)
    images, (fake, _) = real(nets, batch['image']), generate(nets, batch, drawing)
    score = lambda x: judge(nets, x, batch, jax.random.clone(scoring))[0]
    keys = jax.random.split(key, len(penalties))
    added = [p(score, images, fake, k) for p, k in zip(penalties, keys, strict=True)]
    value = jnp.asarray(sum(added))
    return interval * value, nets, {'penalty': value}

  return loss


def generated(latent: Latent, given: Given) -> Generate:
  """Return the function that draws fakes by the network `generator`, from latents and `given`."""

  def generate(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets]:
    z = latents_of(latent, batch, jax.random.clone(key))
    return nets('generator', z, *given(nets, batch), key=jax.random.split(key)[1])

  return generate


def latents_of(latent: Latent, batch: Batch, key: Key) -> Array:
  """Return the latents of which `generated` makes fakes with the same key."""
  return latent(jax.random.split(key)[0], len(batch['image']))


def judged(given: Given, noise: float = 0.0, augment: Augment | None = None) -> Judge:
  """Return the function that computes logits by the network `critic`, from images and `given`.

  `augment` changes the images first; then noise of standard deviation `noise` is added.
  """

  def judge(nets: Nets, images: Array, batch: Batch, key: Key) -> tuple[Array, Nets]:
    noising, dropout, augmenting = jax.random.split(key, 3)
    images = images if augment is None else augment(nets, images, augmenting)
    return nets('critic', _noisy(images, noise, noising), *given(nets, batch), key=dropout)

  return judge


def labels(nets: Nets, batch: Batch) -> Sequence[Array]:
  """Return the labels of the batch."""
  return (batch['label'],)


def nothing(nets: Nets, batch: Batch) -> Sequence[Array]:
  """Return no further inputs, for networks that take only latents or images."""
  return ()


# Losses made of other losses.


def together(*losses: Loss) -> Loss:
  """Return the sum of losses. The first uses the key itself, each other one its own key."""
  if len(losses) == 1:
    return losses[0]

  def whole(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    value, nets, logs = losses[0](nets, batch, key)
    for i, loss in enumerate(losses[1:]):
      more, nets, others = loss(nets, batch, jax.random.fold_in(key, _APART + i))
      value, logs = value + more, {**logs, **others}
    return value, nets, logs

  return whole


def depending(
  make: Callable[[Objective], tuple[Loss, Loss]], objective: Callable[[Nets], Objective]
) -> tuple[Loss, Loss]:
  """Return the pair of losses for an objective that depends on the step or the memory.

  Args:
    make: makes the losses of critic and generator from an objective.
    objective: returns the objective for the current networks, memory and step.
  """
  side = lambda i: lambda nets, batch, key: make(objective(nets))[i](nets, batch, key)
  return side(0), side(1)


def of_features(loss: Loss) -> Loss:
  """Return the loss that sees the critic's features in place of its logits."""

  def featured(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    shown = network_transforms.of_features(nets.networks['critic'])
    seen = replace(nets, networks={**nets.networks, 'critic': shown})
    value, after, logs = loss(seen, batch, key)
    return value, replace(after, networks=nets.networks), logs

  return featured


def at_step(make: Callable[[Step], tuple[Loss, Loss]]) -> tuple[Loss, Loss]:
  """Return the pair of losses `make(step)` of the current step.

  `make(0)` is called at once, so that errors in its arguments are raised here.
  """
  make(0)
  side = lambda i: lambda nets, batch, key: make(nets.step)[i](nets, batch, key)
  return side(0), side(1)


_APART = 1000
"""The first number of the keys of added losses: no loss splits its own key into so many."""


def _noisy(images: Array, std: float, key: Key) -> Array:
  if not std:
    return images
  return images + std * jax.random.normal(key, images.shape, images.dtype)
