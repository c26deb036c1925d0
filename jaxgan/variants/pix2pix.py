"""pix2pix: an image made of its partner, by a U-Net against a critic of pairs of patches.

Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2017.
`--preset=paper` is the authors' setting for 256 pixels. Departures: the crops as in CycleGAN;
smaller images have fewer halvings and smaller patches, and noise in one of the ups inside at least;
with instance norm a convolution before it has no bias, unless --biases=all.

At test the authors' code goes on as in training: batch norm takes the statistics of the test batch
and dropout draws noise. Both are options here, and on.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import jax.numpy as jnp

from jaxgan.augmentation import crops
from jaxgan.core.game import Turn
from jaxgan.core.nets import Nets
from jaxgan.core.typing import Array, Batch, Key, Spec
from jaxgan.losses import image_to_image, objectives
from jaxgan.networks.patch_discriminator import Norm, PatchCritic
from jaxgan.networks.pix2pix import Biases, UNet, halvings
from jaxgan.recipes import config, translators
from jaxgan.recipes.accumulation import NORM
from jaxgan.recipes.config import Preset
from jaxgan.recipes.types import Recipe, Translation, Translator


@dataclass(frozen=True)
class Config(translators.Config, config.Accumulated):
  """Options of pix2pix; --direction says which of a pair is made of which."""

  dataset: str = 'pairs'
  norm: Norm = 'batch'
  """batch: of the batch's statistics, the authors'. instance: of each image's own."""
  biases: Biases = 'effective'
  """Beside instance norm, which convolutions of the generator have a bias: those that no norm
  follows; all, as the authors have it; or the last alone, as runs of jaxgan 0.1.0 and 0.2.0."""
  l1: float = 100.0
  """Weight of the mean distance to the partner."""
  test_statistics: Literal['batch', 'running'] = 'batch'
  """What batch norm goes by at test: the images translated together, or the training's average."""
  test_noise: bool = True
  """Dropout, the only noise, at test too."""

  BEFORE: ClassVar[Preset] = {'biases': 'last'}
  NEEDS: ClassVar[tuple[config.Needs, ...]] = (
    config.Needs(('biases',), lambda c: c.norm == 'instance', {'norm': 'instance'}),
    config.Needs(('accumulate',), lambda c: c.norm == 'instance', {'norm': 'instance'}, why=NORM),
    config.Needs(('test_statistics',), lambda c: c.norm == 'batch', {'norm': 'batch'}),
  )


PAPER: Preset = dict(image_size=256, width=64, steps=219_200)


def build(config: Config, spec: Spec) -> Recipe:
  """A U-Net as deep as the images are large, a critic of patches, cross-entropy and L1.

  Raises:
    ValueError: images smaller than a critic's patch.
  """
  downs = halvings(spec.size)
  instance = config.norm == 'instance'  # with batch norm the authors give a bias to the last alone
  biases: Biases = config.biases if instance else 'last'
  generator = UNet(spec.channels, downs, config.width, config.norm, biases)
  idle = instance and biases == 'all'
  critic = PatchCritic(config.patches(spec.size), config.width, config.norm, idle)
  change = crops.jitter(paired=True) if config.jitter else crops.unchanged
  critic_loss, generator_loss = image_to_image.paired(
    objectives.nonsaturating(), weight=config.l1, augment=change
  )
  stage = translators.duel(
    config,
    spec.shape,
    generators={'generator': generator},
    critics={'critic': critic},
    turns=[Turn('critic', critic_loss), Turn('generator', generator_loss)],
    shown=2,
  )

  def apply(nets: Nets, images: Array, key: Key) -> Array:
    nets = replace(nets, train=config.test_statistics == 'batch')
    return nets('generator', images, key=key if config.test_noise else None)[0]

  def show(nets: Nets, batch: Batch, key: Key) -> Array:
    """Source, translation, partner: `[n, 3, H, W, C]`."""
    made = apply(nets, batch['image'], key)
    return jnp.stack([batch['image'], made, batch['target']], 1)

  way = Translation(apply, smallest=2 ** (downs - 1) + 1)
  shown = 'source', 'translation', 'true partner'
  return Recipe((stage,), Translator({config.direction: way}, show, shown, needs='pairs'))
