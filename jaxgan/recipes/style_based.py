"""Recipes of generators that make images by way of styles, with adaptive augmentation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.augmentation import controller
from jaxgan.augmentation.ada import ada
from jaxgan.core.game import Game, Rule, Turn
from jaxgan.core.nets import Nets
from jaxgan.core.network import Network, linen
from jaxgan.core.typing import Array, Key, Memory, Spec
from jaxgan.losses import adversarial
from jaxgan.losses.adversarial import Augment, Given
from jaxgan.losses.objectives import Objective
from jaxgan.losses.style_mixing import Drawing, spread
from jaxgan.ops.truncation import towards_mean
from jaxgan.recipes import config, tricks, two_player
from jaxgan.recipes.types import Recipe, Sampler, Stage, Styles


def recipe(
  stages: tuple[Stage, ...],
  drawing: Drawing,
  *,
  conditional: bool = False,
  psi: float = 1.0,
  truncate: int = 0,
  noise: Sequence[int] = (),
  finish: Callable[[Array], Array] = lambda images: images,
) -> Recipe:
  """The recipe whose samples have noise of their own, and whose function of latents a fixed one.

  The first `truncate` styles are drawn towards the mean by `psi`; images that `finish` returns are
  clipped to [-1, 1].
  """

  def to_styles(nets: Nets, latents: Array, labels: Array) -> Array:
    told = drawing.told(nets, {'label': labels})
    return spread(nets('mapping', latents, *told)[0], drawing.layers)

  steps = Styles(
    map=to_styles,
    synthesize=lambda nets, w, key: finish(drawing.images(nets, w, {}, key)),
    mean=lambda nets: nets.variables['mapping']['average']['style'],
    noise=tuple(noise),
  )

  def made(nets: Nets, latents: Array, labels: Array, key: Key | None) -> Array:
    w = steps.map(nets, latents, labels)
    w = towards_mean(w, steps.mean(nets), psi, truncate)
    return jnp.clip(steps.synthesize(nets, w, key), -1, 1)

  def sample(nets: Nets, key: Key, labels: Array) -> Array:
    drawing_latents, noise = jax.random.split(key)
    return made(nets, drawing.latent(drawing_latents, len(labels)), labels, noise)

  generate = lambda nets, latents, labels: made(nets, latents, labels, None)
  return Recipe(stages, Sampler(drawing.latent, generate, sample, conditional, steps))


@dataclass(frozen=True)
class Options(
  config.TwoPlayer, config.Algorithm, config.Scheduled, config.TopK, config.Accumulated
):
  """Adaptive augmentation and lazy penalties."""

  augment: Literal['ada', 'diffaugment', 'none'] = 'ada'  # type: ignore[assignment]
  """ada: augmentation of a strength that adapts to how sure the critic is of real images."""
  ada_target: float = 0.6
  """The mean sign of the critic's logits of real images that ada aims at."""
  ada_images: float = 100_000.0
  """Images in which ada's strength may rise from 0 to 1."""
  ada_cap: float = 0.8
  """Ada's strength at most; above it augmented images come out of the generator."""
  width: int = 64
  """Channels at most, and those of styles."""
  r1_every: int = 16
  """Steps from one R1 penalty to the next; its weight is multiplied by them."""

  NEEDS: ClassVar[tuple[config.Needs, ...]] = (
    config.Needs(
      ('ada_target', 'ada_images', 'ada_cap'), lambda c: c.augment == 'ada', {'augment': 'ada'}
    ),
    config.Needs(('r1_every',), lambda c: c.r1 or c.r2, {'r1': 0.1}),
  )
  IDLE_BEFORE: ClassVar[tuple[str, ...]] = (
    'lecam',
    'cr',
    'cr_fake',
    'zcr',
    'zcr_generator',
    'top_k',
  )

  def problems(self) -> list[str]:
    """Ranges of the options above."""
    found = config.above_zero(self, 'ada_images', 'r1_every')
    if not 0 <= self.ada_cap <= 1:
      found.append(f'--ada-cap must be in [0, 1], it is {self.ada_cap}')
    return super().problems() + found


def augmentation(config: Options) -> Augment | None:
  """What becomes of the images before the critic sees them."""
  adaptive = lambda nets, images, key: ada(images, nets.memory['ada']['p'], key)
  return adaptive if config.augment == 'ada' else tricks.augmentation(config)


def stage(
  config: Options,
  spec: Spec,
  networks: Mapping[str, nn.Module],
  objective: Objective,
  drawing: Drawing,
  *,
  conditional: bool = False,
  lazy: Sequence[Turn] = (),
  memory: Memory = MappingProxyType({}),
) -> Stage:
  """Return the one stage of the networks `mapping`, `synthesis` and `critic`.

  A conditional mapping and critic take labels too.
  """
  label = (jnp.zeros(2, jnp.int32),) if conditional else ()
  example = {
    'mapping': (drawing.latent(jax.random.key(0), 2), *label),
    'synthesis': (jnp.zeros((2, drawing.layers, config.width)),),
    'critic': (jnp.zeros((2, *spec.shape)), *label),
  }
  modules = {name: linen(module) for name, module in networks.items()}
  return Stage(duel(config, modules, objective, drawing, drawing.told, lazy, memory), example)


def duel(
  config: Options,
  networks: Mapping[str, Network],
  objective: Objective,
  drawing: Drawing,
  given: Given,
  lazy: Sequence[Turn] = (),
  memory: Memory = MappingProxyType({}),
) -> Game:
  """Return `two_player.duel` with all that the critic sees augmented, R1 and R2 in their own turn.

  `drawing` makes fakes, `given` is what the critic takes besides images, `lazy` are further such
  turns.
  """
  judge = adversarial.judged(given, config.instance_noise, augmentation(config))
  looking = controller.observed if config.augment == 'ada' else adversarial.unobserved
  generate = drawing.generate
  pair = tricks.losses_between(
    config,
    objective,
    [],
    generate=generate,
    given=given,
    latent=drawing.latent,
    images=drawing.plain,
    judge=judge,
    observe=looking,
  )
  memory = {**memory, **tricks.memory(config)}
  if penalty := two_player.penalties(config):
    every = config.r1_every
    gradients = adversarial.lazily(*penalty, interval=every, generate=generate, judge=judge)
    lazy = (Turn('critic', gradients, 'slopes', every=every), *lazy)
  if config.augment != 'ada':
    return two_player.duel(config, networks, pair, lazy=lazy, memory=memory)
  memory = {**memory, 'ada': dict.fromkeys(('p', 'signs', 'count'), np.float32(0))}
  rules = (_controller(config),)
  return two_player.duel(config, networks, pair, lazy=lazy, memory=memory, rules=rules)


def _controller(config: Options) -> Rule:
  return controller.adapt(
    target=config.ada_target,
    images=config.ada_images,
    cap=config.ada_cap,
    images_per_step=config.images_per_step,
  )
