"""Games with adaptive augmentation, and penalties of slopes every few steps.

References: Karras et al., Training Generative Adversarial Networks with Limited Data, 2020.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from jaxgan import after, config, losses, recipe, tricks
from jaxgan.ada import ada
from jaxgan.game import Game, Turn
from jaxgan.losses import Augment, Generate, Given
from jaxgan.network import Network
from jaxgan.objectives import Objective


@dataclass(frozen=True)
class Options(config.Config):
  """Options of variants whose augmentation adapts."""

  augment: Literal['ada', 'diffaugment', 'none'] = 'ada'  # type: ignore[assignment]
  """ada: augmentation of a strength that adapts to how sure the critic is of real images."""
  ada_target: float = 0.6
  """The mean sign of the critic's logits of real images that ada aims at."""
  ada_images: float = 100_000.0
  """Images in which ada's strength may rise from 0 to 1."""
  ada_cap: float = 0.8
  """Ada's strength at most; above it augmented images come out of the generator."""
  r1_every: int = 16
  """Steps from one R1 penalty to the next; its weight is multiplied by them."""

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


def duel(
  config: Options,
  networks: Mapping[str, Network],
  objective: Objective,
  generate: Generate,
  given: Given,
  lazy: Sequence[Turn] = (),
  memory: Mapping[str, Any] = MappingProxyType({}),
) -> Game:
  """`recipe.duel`, all that the critic sees augmented, and R1 and R2 in a turn of their own.

  `given` is what the critic is told besides images, `lazy` are further such turns.
  """
  judge = losses.judged(given, config.instance_noise, augmentation(config))
  looking = after.observed if config.augment == 'ada' else losses.unobserved
  pair = losses.between(objective, generate=generate, judge=judge, observe=looking)
  if penalty := recipe.slopes(config):
    every = config.r1_every
    slopes = losses.lazily(*penalty, interval=every, generate=generate, judge=judge)
    lazy = (Turn('critic', slopes, 'slopes', every=every), *lazy)
  if config.augment != 'ada':
    return recipe.duel(config, networks, pair, lazy=lazy, memory=memory)
  memory = {**memory, 'ada': dict.fromkeys(('p', 'signs', 'count'), np.float32(0))}
  rules = (_controller(config),)
  return recipe.duel(config, networks, pair, lazy=lazy, memory=memory, rules=rules)


def _controller(config: Options):
  return after.adapt(
    target=config.ada_target,
    images=config.ada_images,
    cap=config.ada_cap,
    images_per_step=config.images_per_step,
  )
