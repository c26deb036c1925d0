"""What the variants share that translate images against critics of patches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.core.game import Game, Player, Turn
from jaxgan.core.network import linen
from jaxgan.core.typing import Array, Memory
from jaxgan.networks.patch_discriminator import field, most_layers
from jaxgan.recipes import config, optimizers
from jaxgan.recipes.types import Stage


@dataclass(frozen=True)
class Config(config.Common, config.Algorithm, config.Scheduled):
  """Options of the variants that make an image of an image."""

  width: int = 32
  """Channels of the layers next to the image."""
  critic_layers: int | None = None
  """Convolutions of stride 2 in the critic: 3 see patches of 70 pixels, 2 of 34, 1 of 16; the most,
  up to 3, of which an image holds a patch, if not given."""
  jitter: bool = True
  """Random crops of images enlarged by 286/256, and random flips."""
  batch_size: int = 1
  image_size: int | None = 64
  schedule: config.Schedule = 'constant_linear'
  ema_images: float = 0.0

  def patches(self, size: int) -> int:
    """The critic's layers for images of that size.

    Raises:
      ValueError: images smaller than a patch.
    """
    layers = most_layers(size) if self.critic_layers is None else self.critic_layers
    if layers < 1 or field(layers) > size:
      raise ValueError(
        f'--critic-layers={layers} is for images of {field(max(layers, 1))} pixels or more, these '
        f'are {size}: give larger images or --critic-layers={most_layers(size)}'
      )
    return layers


def duel(
  config: Config,
  shape: tuple[int, int, int],
  *,
  generators: Mapping[str, nn.Module],
  critics: Mapping[str, nn.Module],
  turns: Sequence[Turn],
  memory: Memory = MappingProxyType({}),
  shown: int = 1,
  heads: Mapping[str, tuple[nn.Module, Sequence[Array]]] = MappingProxyType({}),
) -> Stage:
  """Return the one stage of a game between generators and critics of images `shape`.

  The players `generator` and `critic` own the networks of their kind; the generators are averaged
  where the config wants it. A critic is initialized with `shown` images at once. The turns share
  their draws, so that all see the same crops. `heads` are further networks of the generator's
  player, each with the inputs that it is initialized with.
  """
  more = {name: module for name, (module, _) in heads.items()}
  game = Game(
    networks={name: linen(module) for name, module in {**generators, **critics, **more}.items()},
    players={
      'generator': Player(
        (*generators, *heads),
        optimizers.optimizer(config, config.generator_lr),
        average=optimizers.average(config),
      ),
      'critic': Player(tuple(critics), optimizers.optimizer(config, config.critic_lr)),
    },
    turns=[turn._replace(draws='crops') for turn in turns],
    memory=memory,
  )
  images = jnp.zeros((2, *shape))
  example = dict.fromkeys(generators, (images,)) | dict.fromkeys(critics, (images,) * shown)
  example |= {name: tuple(inputs) for name, (_, inputs) in heads.items()}
  return Stage(game, example)
