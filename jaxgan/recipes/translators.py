"""What the variants share that translate images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.core.game import Game, Player, Turn
from jaxgan.core.nets import Nets
from jaxgan.core.network import linen
from jaxgan.core.typing import Array, Batch, Key, Memory, Spec
from jaxgan.networks.patch_discriminator import field, most_layers
from jaxgan.recipes import config, optimizers
from jaxgan.recipes.types import Stage, Translation, Translator

SHOWN = 16
"""The most domains of which pictures show translations."""


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


def check_quarters(config: config.Common, spec: Spec) -> None:
  """Raise ValueError for images that two halvings and two doublings do not bring back to size."""
  if spec.size % 4:
    raise ValueError(
      f'{config.variant} needs images of a multiple of 4 pixels, these are {spec.size}'
    )


def domains(config: config.Common, spec: Spec) -> tuple[str, ...]:
  """Return the names of the domains, which are the classes of the data.

  Raises:
    ValueError: the data have no labels, or one class.
  """
  if spec.classes < 2:
    labelled = (
      'data=(images, labels)' if config.dataset == 'arrays' else 'a folder with a subfolder'
    )
    has = 'one class' if spec.classes else 'no labels'
    raise ValueError(
      f'{config.variant} translates between classes, and {config.dataset!r} has {has}: give '
      f'{labelled} for each of two domains or more'
    )
  return spec.names or tuple(map(str, range(spec.classes)))


def to_domains(names: Sequence[str]) -> Translator:
  """Return how the network `generator`, which takes images and domains, translates to each domain.

  Pictures show an image beside its translations to all domains, or to the first `SHOWN`.
  """

  def to(nets: Nets, images: Array, key: Key, number: Array) -> Array:
    made: Array = nets('generator', images, jnp.full(images.shape[:1], number, jnp.int32))[0]
    return made

  def show(nets: Nets, batch: Batch, key: Key) -> Array:
    images, count = batch['image'], min(len(names), SHOWN)
    domains = jnp.tile(jnp.arange(count), len(images))
    made, _ = nets('generator', jnp.repeat(images, count, 0), domains)
    return jnp.concatenate([images[:, None], made.reshape(-1, count, *images.shape[1:])], 1)

  ways = {name: Translation(to, 4, 8, given=(number,)) for number, name in enumerate(names)}
  return Translator(ways, show, ('source', *names[:SHOWN]), needs='classes')
