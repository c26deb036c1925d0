"""What the variants that enlarge images share: options, stages, and how their results are shown."""

import pathlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.core.game import Game, Loss, Player, Turn
from jaxgan.core.nets import Nets
from jaxgan.core.network import Network, linen
from jaxgan.core.typing import Array, Batch, Json, Key, Spec
from jaxgan.data.source import Source
from jaxgan.losses import super_resolution
from jaxgan.losses.objectives import Objective
from jaxgan.losses.super_resolution import Distance, Weights, downsampled
from jaxgan.networks.pretrained.vgg import SMALLEST
from jaxgan.ops.resample import resize
from jaxgan.recipes import config, optimizers, perceptual
from jaxgan.recipes.perceptual import Frozen
from jaxgan.recipes.types import Recipe, Stage, Translation, Translator


@dataclass(frozen=True)
class Config(config.Common, config.Algorithm, config.Scheduled):
  """Options of the variants that enlarge images."""

  scale: Literal[2, 4] = 4
  """How many times larger, a side."""
  crop: int | None = None
  """Pixels a side of the crops that a step sees; up to 96, as the images have, if not given."""
  pretrain: int = 1000
  """Steps by pixels alone, before the critic comes in; of the run's length."""
  perceptual: Literal['none', 'classifier', 'vgg'] = 'none'
  """What tells content: pixels; a classifier of the data's own labels; VGG19 of a file."""
  vgg_weights: pathlib.Path | None = None
  """The file for --perceptual=vgg: torchvision's .pth, .safetensors or .npz."""
  width: int = 32
  """Channels of the layers of the generator, and of the critic's first."""
  blocks: int = 4
  """Residual blocks of the generator."""
  unit: bool = False
  """The generator's layers see images in [0, 1], as those of published weights; else [-1, 1]."""
  batch_size: int = 16
  generator_lr: float = 1e-4
  critic_lr: float = 1e-4
  pretrain_lr: float = 1e-4
  """Learning rate of the generator by pixels alone."""
  beta1: float = 0.9
  ema_images: float = 0.0

  NEEDS: ClassVar[tuple[config.Needs, ...]] = (
    config.Needs(('pretrain_lr',), lambda c: c.pretrain, {'pretrain': 1000}),
  )

  def problems(self) -> list[str]:
    """Add weights that are missing, or are not read."""
    found = super().problems()
    if (self.perceptual == 'vgg') != (self.vgg_weights is not None):
      found.append('--perceptual=vgg and --vgg-weights=FILE go together: give both')
    found += config.zero_or_above(self, 'pretrain')
    return found + config.above_zero(self, 'pretrain_lr')

  def cautions(self, spec: Spec) -> list[str]:
    """Add a run that ends before the critic comes in."""
    found = super().cautions(spec)
    if self.length <= self.pretrain:
      found.append(
        f'the critic never plays in {self.length} steps, as --pretrain={self.pretrain} of them are '
        'by pixels alone: give more --steps, or a smaller --pretrain'
      )
    return found

  @property
  def doublings(self) -> int:
    """How often the size doubles."""
    return self.scale.bit_length() - 1

  def size_of_crops(self, spec: Spec) -> int:
    """Pixels a side.

    Raises:
      ValueError: crops that the images do not hold, are no multiple of the scale, or too small.
    """
    crop = self.crop or min(96, spec.size) // self.scale * self.scale
    smallest = SMALLEST if self.perceptual == 'vgg' else 8
    if crop % self.scale or not smallest <= crop <= spec.size:
      raise ValueError(
        f'crops of {crop} pixels should be a multiple of {self.scale}, {smallest} or more, and no '
        f'larger than the images, which are {spec.size}: give another --crop or --image-size'
      )
    return crop


def recipe_of(
  config: Config,
  spec: Spec,
  *,
  generator: nn.Module,
  critic: nn.Module,
  objective: Objective,
  distance: Distance,
  weights: Weights,
  rectified: bool,
  multiple: int = 1,
) -> Recipe:
  """Two stages: `--pretrain` steps by the distance of pixels, then against a critic.

  Raises:
    ValueError: crops that do not fit, or no labels for a classifier.
  """
  crop = config.size_of_crops(spec)
  frozen = content(config, spec, rectified)
  sizes: Json = dict(scale=config.scale, crop=crop)
  networks = {'generator': linen(generator), 'critic': linen(critic)}
  if frozen:
    networks['features'] = frozen.network
  high, low = (jnp.zeros((2, n, n, spec.channels)) for n in (crop, crop // config.scale))
  example: Json = {'generator': (low,), 'critic': (high,)}
  judged, fooled = super_resolution.adversarial(
    objective, distance, weights, **sizes, perceptual=frozen is not None
  )
  pixels = super_resolution.pixels(distance, **sizes)
  second = Game(
    networks=networks,
    players=_players(config),
    turns=(Turn('critic', judged, draws='crops'), Turn('generator', fooled, draws='crops')),
    frozen={'features': {'params': frozen.shapes}} if frozen else {},
  )
  stages = [Stage(second, example, fresh=('opt',))]
  if config.pretrain:
    stages = [
      Stage(_alone(config, networks, pixels), {'generator': (low,)}, config.pretrain),
      *stages,
    ]
  ways = {'upscale': Translation(upscale, multiple, multiple, config.scale)}
  return Recipe(
    tuple(stages),
    Translator(
      ways,
      lambda nets, batch, key: show(nets, batch, key, config.scale),
      shown=('bicubic', 'this network', 'original'),
    ),
    prepare=lambda made, source: prepared(made, source, frozen),
  )


def _alone(config: Config, networks: Mapping[str, Network], pixels: Loss) -> Game:
  """Return the game of the generator alone, at a constant rate."""
  moves = optimizers.optimizer(replace(config, schedule='constant'), config.pretrain_lr)
  return Game(
    networks={'generator': networks['generator']},
    players={'generator': Player(('generator',), moves, average=optimizers.average(config))},
    turns=(Turn('generator', pixels),),
  )


def _players(config: Config) -> dict[str, Player]:
  """Return the two players, whose schedules are over the steps against the critic."""
  steps = max(config.length - config.pretrain, 1)
  moves = lambda rate: optimizers.optimizer(config, rate, steps=steps)
  average = optimizers.average(config)
  return {
    'generator': Player(('generator',), moves(config.generator_lr), average=average),
    'critic': Player(('critic',), moves(config.critic_lr)),
  }


def content(config: Config, spec: Spec, rectified: bool) -> Frozen | None:
  """The network that tells content, if any."""
  if config.vgg_weights:
    return perceptual.vgg(config.vgg_weights, rectified=rectified)
  return perceptual.classifier(spec) if config.perceptual == 'classifier' else None


def prepared(made: Recipe, source: Source, frozen: Frozen | None) -> Recipe:
  """The recipe with that network's parameters at hand.

  Raises:
    ValueError: they are not to be had.
  """
  if not frozen:
    return made
  last = made.stages[-1]
  game = replace(last.game, frozen={'features': {'params': frozen.fetch(source)}})
  return made._replace(stages=(*made.stages[:-1], last._replace(game=game)))


def upscale(nets: Nets, images: Array, key: Key) -> Array:
  """Low resolution to high, clipped to [-1, 1]."""
  return jnp.clip(nets('generator', images)[0], -1, 1)


def show(nets: Nets, batch: Batch, key: Key, scale: int) -> Array:
  """Low resolution by bicubic, by the network, and the original: `[n, 3, H, W, C]`."""
  images = batch['image']
  size = images.shape[1] // scale * scale
  images = images[:, :size, :size]
  low = downsampled(images, scale)
  bicubic = jnp.clip(resize(low, size, size), -1, 1)
  return jnp.stack([bicubic, upscale(nets, low, key), images], 1)
