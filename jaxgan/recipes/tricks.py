"""What helps any game of two players, as the config asks; by default each does nothing at all."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.augmentation import diffaugment
from jaxgan.core import averaging, network, network_transforms
from jaxgan.core.game import Loss, Nets
from jaxgan.core.network import Network
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Array, Key, Latent
from jaxgan.losses import adversarial, consistency, gradient_penalties, objectives, regularizers
from jaxgan.losses.adversarial import Augment, Terms, unobserved
from jaxgan.losses.gradient_penalties import Penalty
from jaxgan.losses.objectives import Objective
from jaxgan.nn import minibatch
from jaxgan.recipes.config import Config

PLAYERS = 'critic', 'generator'
DISTANCES: dict[str, Callable[[Array], Array]] = {'squared': jnp.square, 'absolute': jnp.abs}


# Networks.


def generator(config: Config, module: nn.Module, latent: Latent, classes: int) -> Network:
  """The generator; with --virtual-batch, normalised by a reference batch of latents.

  Raises:
    ValueError: a generator without batch norm that can be so.
  """
  count = config.virtual_batch
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


def critic(config: Config, module: nn.Module, conditional: bool) -> Network:
  """The critic; with --minibatch it compares the images of a batch, with --pack it judges packs.

  Raises:
    ValueError: packs of images of several classes.
  """
  if config.pack > 1 and conditional:
    raise ValueError(f'--pack={config.pack} joins images of different classes: leave it out')
  whole = network.linen(module)
  if config.minibatch:
    head = minibatch.MinibatchHead(config.minibatch)
    whole = network_transforms.with_head(whole, network.linen(head))
  return network_transforms.packed(whole, config.pack) if config.pack > 1 else whole


# Losses.


def losses_of(
  config: Config,
  objective: Objective,
  penalty: Sequence[Penalty],
  *,
  latent: Latent,
  conditional: bool,
  terms: Terms | None = None,
) -> tuple[Loss, Loss]:
  """The losses of critic and generator.

  Raises:
    ValueError: penalties of slopes beside --minibatch; --top-k where the generator's loss compares
      real and fake; an unknown name in --policy.
  """
  make = lambda objective: adversarial.adversarial(
    objective,
    *_penalties(config, penalty),
    latent=latent,
    conditional=conditional,
    noise=config.instance_noise,
    augment=augmentation(config),
    observe=regularizers.remembering(config.lecam_start) if config.lecam else unobserved,
    terms=terms,
  )
  critic, generator = _objectives(config, make, objective)
  if config.feature_matching != 'off':
    distance = DISTANCES[config.feature_matching]
    generator = adversarial.of_features(make(objectives.matching(distance))[1])
  added = _terms(config, latent, conditional)
  return adversarial.together(critic, *added['critic']), adversarial.together(
    generator, *added['generator']
  )


def _penalties(config: Config, penalty: Sequence[Penalty]) -> list[Penalty]:
  if config.minibatch and penalty:
    raise ValueError('--minibatch mixes the images, which penalties of slopes take each for itself')
  if config.pack > 1:
    penalty = [gradient_penalties.of_packs(p, config.pack) for p in penalty]
  if not (config.cr or config.cr_fake):
    return list(penalty)
  change = partial(diffaugment.diff_augment, policy=_policy(config))
  return [*penalty, consistency.consistency(change, config.cr, config.cr_fake)]


def _objectives(
  config: Config, make: Callable[[Objective], tuple[Loss, Loss]], objective: Objective
) -> tuple[Loss, Loss]:
  """With --top-k and --lecam, which hang on the step and the memory."""
  if config.top_k == 1 and not config.lecam:
    return make(objective)

  def now(nets: Nets) -> Objective:
    chosen = (
      objective if config.top_k == 1 else objectives.top(objective, _share(config, nets.step))
    )
    if not config.lecam:
      return chosen
    weight = jnp.where(nets.step < config.lecam_start, 0.0, config.lecam)
    means = nets.memory['logits']
    return objectives.lecam(chosen, means['real'], means['fake'], weight)

  if config.top_k < 1:
    objectives.top(objective, 1.0)  # refuses here what it would refuse at the first step
  return adversarial.depending(make, now)


def _share(config: Config, step: Array | int) -> Array:
  half_lives = jnp.float32(step) * (config.images_per_step / config.top_k_images)
  return jnp.maximum(0.5**half_lives, config.top_k)


def _terms(config: Config, latent: Latent, conditional: bool) -> dict[str, list[Loss]]:
  """What is added to the losses, by player."""
  terms: dict[str, list[Loss]] = {name: [] for name in PLAYERS}
  if config.zcr or config.zcr_generator:
    pair = consistency.latent_consistency(
      latent=latent,
      conditional=conditional,
      judge=adversarial.judged(
        adversarial.labels if conditional else adversarial.nothing,
        config.instance_noise,
        augmentation(config),
      ),
      deviation=config.zcr_deviation,
      critic_weight=config.zcr,
      generator_weight=config.zcr_generator,
    )
    for name, loss in zip(PLAYERS, pair, strict=True):
      terms[name].append(loss)
  if config.history:
    for name in PLAYERS:
      terms[name].append(regularizers.historical(name, config.history))
  return terms


# Augmentation.


AUGMENTATIONS: dict[str, Callable[[Config], Augment | None]] = {
  'none': lambda config: None,
  'diffaugment': lambda config: _diff_augment(_policy(config)),
}


def augmentation(config: Config) -> Augment | None:
  """What becomes of the images before the critic sees them.

  Raises:
    ValueError: an unknown way, or a policy with an unknown name.
  """
  if config.augment not in AUGMENTATIONS:
    raise ValueError(f'--augment={config.augment} is none of {", ".join(AUGMENTATIONS)}')
  return AUGMENTATIONS[config.augment](config)


def _diff_augment(policy: str) -> Augment:
  return lambda nets, images, key: diffaugment.diff_augment(images, key, policy)


def _policy(config: Config) -> str:
  diffaugment.parts(config.policy)
  return config.policy


# What lasts.


def memory(
  config: Config, networks: Mapping[str, Network], example: Mapping[str, Sequence[Array]]
) -> dict[str, Any]:
  """The game's memory at the start."""
  kept: dict[str, Any] = {}
  if config.lecam:
    kept['logits'] = {'real': np.float32(0), 'fake': np.float32(0)}
  if config.history:
    shapes = {n: jax.eval_shape(networks[n].init, jax.random.key(0), *example[n]) for n in PLAYERS}
    zeros = lambda x: np.zeros(x.shape, x.dtype)
    kept['history'] = {name: jax.tree.map(zeros, shapes[name]['params']) for name in PLAYERS}
  return kept


def after_steps(config: Config) -> tuple[Callable[[TrainState], TrainState], ...]:
  """Rules for the state after each step."""
  return (averaging.history(*PLAYERS),) if config.history else ()
