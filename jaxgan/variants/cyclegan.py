"""CycleGAN: two domains without pairs, translated there and back.

Zhu et al., Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks, 2017.
`--preset=paper` is the authors' setting for horse2zebra. Departures: images are resized bicubically
by the loss, for the crops, after they were brought to their size; a convolution before a norm has
no bias, unless `--idle-biases=True`, which the preset is; below 70 pixels the critics see smaller
patches, and below 256 the generators have six residual blocks.
"""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp

from jaxgan.augmentation import crops
from jaxgan.core.game import Turn
from jaxgan.core.nets import Nets
from jaxgan.core.typing import Array, Batch, Key, Spec
from jaxgan.losses import image_to_image, objectives
from jaxgan.networks.cyclegan import ResNetGenerator
from jaxgan.networks.patch_discriminator import PatchCritic
from jaxgan.recipes import config, translators
from jaxgan.recipes.config import Preset
from jaxgan.recipes.types import Recipe, Translation, Translator


@dataclass(frozen=True)
class Config(translators.Config, config.Accumulated):
  """Options of CycleGAN."""

  dataset: str = 'domains'
  blocks: int | None = None
  """Residual blocks of the generators; 9 from 256 pixels on, else 6, if not given."""
  cycle: float = 10.0
  """Weight of the distance between an image and its translation back."""
  identity: float = 0.5
  """Weight, times that of the cycle, of what changes in an image that has the look already."""
  pool: int = 50
  """Past fakes that each critic is shown again; 0: none."""
  idle_biases: bool = False
  """Biases that instance norm takes out again, as the authors have them: without effect."""

  NEEDS: ClassVar[tuple[config.Needs, ...]] = (
    config.Needs(('identity',), lambda c: c.cycle, {'cycle': 10.0}),
    config.Needs(
      ('accumulate',),
      lambda c: not c.pool,
      {'pool': 0},
      why='would change the pools of past fakes',
    ),
  )


PAPER: Preset = dict(image_size=256, width=64, idle_biases=True, steps=266_800)


def build(config: Config, spec: Spec) -> Recipe:
  """Two generators, two critics of patches, least squares, and the way back.

  Raises:
    ValueError: a size that is no multiple of 4, or smaller than a critic's patch.
  """
  generator = residual(config, spec, config.blocks, config.idle_biases)
  layers = config.patches(spec.size)
  critic = PatchCritic(layers, config.width, bias=config.idle_biases)
  change = crops.jitter(paired=False) if config.jitter else crops.unchanged
  generators_loss, critics_loss = image_to_image.cycle(
    objectives.least_squares(), weight=config.cycle, identity=config.identity, augment=change
  )
  stage = translators.duel(
    config,
    spec.shape,
    generators=dict.fromkeys(('generator_ab', 'generator_ba'), generator),
    critics=dict.fromkeys(('critic_a', 'critic_b'), critic),
    turns=[Turn('generator', generators_loss), Turn('critic', critics_loss)],
    memory=image_to_image.first_memory(spec.shape, config.batch_size, config.pool),
  )
  back = 'BtoA' if config.direction == 'AtoB' else 'AtoB'
  ways = {str(config.direction): way('generator_ab'), back: way('generator_ba')}
  shown = _shown(*('AB' if config.direction == 'AtoB' else 'BA'))
  return Recipe((stage,), Translator(ways, show, shown, needs='target'))


def _shown(first: str, second: str) -> tuple[str, ...]:
  one_way = lambda a, b: (a, f'{a} to {b}', f'back to {a}')
  return *one_way(first, second), *one_way(second, first)


def residual(
  config: translators.Config, spec: Spec, blocks: int | None, idle_biases: bool = False
) -> ResNetGenerator:
  """Return a generator with so many residual blocks; None: 9 from 256 pixels on, else 6.

  Raises:
    ValueError: a size that is no multiple of 4.
  """
  translators.check_quarters(config, spec)
  count = blocks or (6 if spec.size < 256 else 9)
  return ResNetGenerator(spec.channels, config.width, count, idle_biases)


def way(name: str) -> Translation:
  """Return the translation by a network of that name, a `residual` generator."""
  return Translation(lambda nets, images, key: nets(name, images)[0], multiple=4, smallest=8)


def show(nets: Nets, batch: Batch, key: Key) -> Array:
  """Source, translation and the way back, of both domains: `[n, 6, H, W, C]`."""
  columns = []
  for images, there, back in (
    (batch['image'], 'generator_ab', 'generator_ba'),
    (batch['target'], 'generator_ba', 'generator_ab'),
  ):
    translated, _ = nets(there, images)
    columns += [images, translated, nets(back, translated)[0]]
  return jnp.stack(columns, 1)
