"""What helps any game of two players, as the config asks; by default each does nothing at all."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.augmentation import diffaugment
from jaxgan.core import averaging, network, network_transforms
from jaxgan.core.game import Loss
from jaxgan.core.nets import Nets
from jaxgan.core.network import Network
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Array, Json, Key, Latent, Logs
from jaxgan.losses import (
  adversarial,
  consistency,
  gradient_penalties,
  objectives,
  regularizers,
)
from jaxgan.losses.adversarial import (
  Augment,
  Generate,
  Given,
  Judge,
  Observe,
  Terms,
  unobserved,
)
from jaxgan.losses.consistency import Images
from jaxgan.losses.gradient_penalties import Penalty
from jaxgan.losses.objectives import Objective
from jaxgan.nn import minibatch
from jaxgan.recipes.config import (
  Augmentation,
  Common,
  Features,
  Minibatch,
  Packs,
  Players,
  TopK,
  VirtualBatch,
  part,
)

PLAYERS = 'critic', 'generator'
DISTANCES: dict[str, Callable[[Array], Array]] = {'squared': jnp.square, 'absolute': jnp.abs}


# Networks.


def generator(config: Common, module: nn.Module, latent: Latent, classes: int) -> Network:
  """The generator; with --virtual-batch, normalized by a reference batch of latents.

  Raises:
    ValueError: a generator without batch norm that can be so.
  """
  count = part(config, VirtualBatch).virtual_batch
  if not count:
    return network.linen(module)
  if not getattr(module, 'norm', False) or not hasattr(module, 'reference'):
    raise ValueError(
      f'--virtual-batch={count} needs a generator with the batch norm of `networks.mlp` or '
      f'`networks.dcgan`, the one of {config.variant} has none: leave it out'
    )

  def draw(key: Key) -> tuple[Array, ...]:
    keys = jax.random.split(key)
    labels = (jax.random.randint(keys[1], (count,), 0, classes),) if classes else ()
    return latent(keys[0], count), *labels

  return network_transforms.with_reference(network.linen(module.clone(reference=count)), draw)


def critic(config: Common, module: nn.Module, conditional: bool) -> Network:
  """The critic; with --minibatch it compares the images of a batch, with --pack it judges packs.

  Raises:
    ValueError: packs of images of several classes, for a critic that takes one label.
  """
  pack, kernels = part(config, Packs).pack, part(config, Minibatch).minibatch
  if pack > 1 and conditional and not getattr(module, 'labels_in_packs', False):
    raise ValueError(f'--pack={pack} joins images of different classes: leave it out')
  whole = network.linen(module)
  if kernels:
    head = minibatch.MinibatchHead(kernels)
    whole = network_transforms.with_head(whole, network.linen(head))
  return network_transforms.packed(whole, pack) if pack > 1 else whole


# Losses.


def losses_of(
  config: Common,
  objective: Objective,
  penalty: Sequence[Penalty],
  *,
  latent: Latent,
  conditional: bool,
  terms: Terms | None = None,
) -> tuple[Loss, Loss]:
  """Return the losses of the networks `critic` and `generator`, which take labels if `conditional`.

  Raises:
    ValueError: as `losses_between`.
  """
  given = adversarial.labels if conditional else adversarial.nothing
  return losses_between(
    config,
    objective,
    penalty,
    generate=adversarial.generated(latent, given),
    given=given,
    latent=latent,
    terms=terms,
  )


def losses_between(
  config: Common,
  objective: Objective,
  penalty: Sequence[Penalty],
  *,
  generate: Generate,
  given: Given,
  latent: Latent,
  images: Images | None = None,
  judge: Judge | None = None,
  observe: Observe = unobserved,
  **others: Any,
) -> tuple[Loss, Loss]:
  """Return the losses of critic and generator, with the tricks of the config, for any networks.

  Args:
    config: whose tricks are meant; those that it has no options for are off.
    objective: what both minimise.
    penalty: what is added to the critic's loss.
    generate: draws a fake for each image of the batch.
    given: what the critic takes besides images.
    latent: draws latents.
    images: makes images from latents; the network `generator` if not given.
    judge: the critic's logits; of augmented and noisy images, as the config asks, if not given.
    observe: looks at the critic's logits, beside --lecam.
    others: `real` and `terms` of `adversarial.between`.

  Raises:
    ValueError: gradient penalties beside --minibatch; --top-k where the generator's loss compares
      real and fake; an unknown name in --policy.
  """
  noise = part(config, Players).instance_noise
  seen = judge or adversarial.judged(given, noise, augmentation(config))
  penalties, few = _penalties(config, penalty), part(config, Augmentation)
  make = lambda objective: adversarial.between(
    objective,
    *penalties,
    generate=generate,
    judge=seen,
    observe=_observing(few, observe),
    **others,
  )
  critic, generator = _objectives(config, make, objective)
  matched = part(config, Features).feature_matching
  if matched != 'off':
    generator = adversarial.of_features(make(objectives.matching(DISTANCES[matched]))[1])
  added = _terms(config, latent, given, images, seen)
  return adversarial.together(critic, *added['critic']), adversarial.together(
    generator, *added['generator']
  )


def _observing(few: Augmentation, observe: Observe) -> Observe:
  """Return what looks at the critic's logits, with the means that --lecam keeps."""
  if not few.lecam:
    return observe
  remember = regularizers.remembering(few.lecam_start)

  def both(nets: Nets, real: Array, fake: Array) -> tuple[Nets, Logs]:
    nets, noted = observe(nets, real, fake)
    nets, more = remember(nets, real, fake)
    return nets, {**noted, **more}

  return both


def _penalties(config: Common, penalty: Sequence[Penalty]) -> list[Penalty]:
  if part(config, Minibatch).minibatch and penalty:
    raise ValueError('--minibatch mixes the images, which gradient penalties take each for itself')
  pack, few = part(config, Packs).pack, part(config, Augmentation)
  if pack > 1:
    penalty = [gradient_penalties.of_packs(p, pack) for p in penalty]
  if not (few.cr or few.cr_fake):
    return list(penalty)
  change = partial(diffaugment.diff_augment, policy=_policy(few.policy))
  return [*penalty, consistency.consistency(change, few.cr, few.cr_fake)]


def _objectives(
  config: Common, make: Callable[[Objective], tuple[Loss, Loss]], objective: Objective
) -> tuple[Loss, Loss]:
  """Return the losses with --top-k and --lecam, which depend on the step and the memory."""
  best, few = part(config, TopK), part(config, Augmentation)
  if best.top_k == 1 and not few.lecam:
    return make(objective)

  def now(nets: Nets) -> Objective:
    chosen = objective
    if best.top_k < 1:
      chosen = objectives.top(objective, _share(config.images_per_step, best, nets.step))
    if not few.lecam:
      return chosen
    weight = jnp.where(nets.step < few.lecam_start, 0.0, few.lecam)
    means = nets.memory['logits']
    return objectives.lecam(chosen, means['real'], means['fake'], weight)

  if best.top_k < 1:
    objectives.top(objective, 1.0)  # refuses here what it would refuse at the first step
  return adversarial.depending(make, now)


def _share(images_per_step: int, best: TopK, step: Array | int) -> Array:
  half_lives = jnp.float32(step) * (images_per_step / best.top_k_images)
  return jnp.maximum(0.5**half_lives, best.top_k)


def _terms(
  config: Common, latent: Latent, given: Given, images: Images | None, judge: Judge
) -> dict[str, list[Loss]]:
  """Return what is added to the losses, by player."""
  few, history = part(config, Augmentation), part(config, Features).history
  terms: dict[str, list[Loss]] = {name: [] for name in PLAYERS}
  if few.zcr or few.zcr_generator:
    pair = consistency.latent_consistency(
      latent=latent,
      judge=judge,
      std=few.zcr_deviation,
      critic_weight=few.zcr,
      generator_weight=few.zcr_generator,
      given=given,
      images=images,
    )
    for name, loss in zip(PLAYERS, pair, strict=True):
      terms[name].append(loss)
  if history:
    for name in PLAYERS:
      terms[name].append(regularizers.historical(name, history))
  return terms


# Augmentation.


AUGMENTATIONS: dict[str, Callable[[str], Augment | None]] = {
  'none': lambda policy: None,
  'diffaugment': lambda policy: _diff_augment(_policy(policy)),
}


def augmentation(config: Common) -> Augment | None:
  """Return what becomes of the images before the critic sees them.

  Raises:
    ValueError: an unknown way, or a policy with an unknown name.
  """
  few = part(config, Augmentation)
  if few.augment not in AUGMENTATIONS:
    raise ValueError(f'--augment={few.augment} is none of {", ".join(AUGMENTATIONS)}')
  return AUGMENTATIONS[few.augment](few.policy)


def _diff_augment(policy: str) -> Augment:
  return lambda nets, images, key: diffaugment.diff_augment(images, key, policy)


def _policy(policy: str) -> str:
  diffaugment.parts(policy)  # refuses an unknown name
  return policy


# What lasts.


def memory(
  config: Common,
  networks: Mapping[str, Network] = MappingProxyType({}),
  example: Mapping[str, Sequence[Array]] = MappingProxyType({}),
) -> Json:
  """Return the game's memory at the start; networks and examples are for --history."""
  kept: Json = {}
  if part(config, Augmentation).lecam:
    kept['logits'] = {'real': np.float32(0), 'fake': np.float32(0)}
  if part(config, Features).history:
    shapes = {n: jax.eval_shape(networks[n].init, jax.random.key(0), *example[n]) for n in PLAYERS}
    zeros = lambda x: np.zeros(x.shape, x.dtype)
    kept['history'] = {name: jax.tree.map(zeros, shapes[name]['params']) for name in PLAYERS}
  return kept


def after_steps(config: Common) -> tuple[Callable[[TrainState], TrainState], ...]:
  """Rules for the state after each step."""
  return (averaging.history(*PLAYERS),) if part(config, Features).history else ()
