"""SPADE: images of label maps, by normalization that each pixel's label steers.

Park et al., Semantic Image Synthesis with Spatially-Adaptive Normalization, 2019. Every norm of the
generator takes its gain and bias at each pixel from the label map, which plain norms would wash
out; a small version of the map is its only other input. Two critics of patches, of whole and of
half size, see map and image: hinge loss, and distances between the maps of their layers. Label maps
are images of a pair, whose colors become `--labels` classes (`data.label_maps`). `--preset=paper`
is the authors' setting for ADE20K, 256 pixels. Departures: no encoder of an image's style and no
loss of VGG's features; critics pad by 1 pixel and not 2, and the half image is smoothed by
(1, 3, 3, 1); weights begin as N(0, 0.02^2); maps and images are cropped as in CycleGAN.
"""

from dataclasses import dataclass

import jax.numpy as jnp

from jaxgan.augmentation import crops
from jaxgan.core.game import Turn
from jaxgan.core.nets import Nets
from jaxgan.core.typing import Array, Batch, Key, Spec
from jaxgan.losses import objectives, semantic
from jaxgan.losses.semantic import PALETTE
from jaxgan.networks import patch_discriminator
from jaxgan.networks.spade import Generator, doublings
from jaxgan.ops import palette
from jaxgan.recipes import config, label_maps, translators
from jaxgan.recipes.config import Preset
from jaxgan.recipes.types import Recipe, Translation, Translator


@dataclass(frozen=True)
class Config(translators.Config):
  """Options of SPADE; --direction says which of a pair is the map."""

  dataset: str = 'pairs'
  labels: int = 8
  """Labels of the maps: their most frequent colors where these are nearly all, else means of
  similar colors. They are found once and kept with the run."""
  width: int = 16
  modulation: int = 32
  """Channels of the layer between the map and the gains and biases of each norm."""
  critic_width: int = 32
  """Channels of the critics' first layers."""
  scales: int = 2
  """Critics; each sees the image with half the pixels of the one before."""
  matching: float = 10.0
  """Weight of the distances between the maps of the critics' layers."""
  batch_size: int = 4
  generator_lr: float = 1e-4
  critic_lr: float = 4e-4
  beta1: float = 0.0

  def problems(self) -> list[str]:
    """Counts and weights that mean nothing."""
    found = config.above_zero(self, 'labels', 'modulation', 'critic_width', 'scales')
    return super().problems() + found + config.zero_or_above(self, 'matching')


PAPER: Preset = dict(
  image_size=256,
  labels=151,  # 150 classes, and what is none of them
  width=64,
  modulation=128,
  critic_width=64,
  critic_layers=3,
  batch_size=32,
  steps=126_300,  # 200 epochs of 20 210 images
)


def build(config: Config, spec: Spec) -> Recipe:
  """A generator that maps steer, critics of patches of two sizes, hinge losses and matching.

  Raises:
    ValueError: an odd size, or images smaller than 16 pixels or than a critic's patch.
  """
  times, layers = doublings(spec.size), config.patches(spec.size)
  generator = Generator(spec.channels, times, config.width, config.modulation)
  critic = patch_discriminator.MultiscaleCritic(config.scales, layers, config.critic_width)
  counts = patch_discriminator.patches(spec.size, layers, config.scales)
  critic_loss, generator_loss = semantic.semantic(
    objectives.hinge(),
    counts,
    weight=config.matching,
    augment=crops.jitter(paired=True) if config.jitter else crops.unchanged,
  )
  stage = translators.duel(
    config,
    spec.shape,
    generators={'generator': generator},
    critics={'critic': critic},
    turns=[Turn('critic', critic_loss), Turn('generator', generator_loss)],
  )
  maps, images = (jnp.zeros((2, *spec.shape[:2], n)) for n in (config.labels, spec.channels))
  stage = stage._replace(example={'generator': (maps,), 'critic': (maps, images)})

  def apply(nets: Nets, images: Array, key: Key) -> Array:
    return nets('generator', palette.one_hot(images, nets.memory[PALETTE]))[0]

  def show(nets: Nets, batch: Batch, key: Key) -> Array:
    """The map in the colors of its labels, translation, partner: `[n, 3, H, W, C]`."""
    colors = nets.memory[PALETTE]
    seen = colors[palette.labels(batch['image'], colors)]
    return jnp.stack([seen, apply(nets, batch['image'], key), batch['target']], 1)

  way = Translation(apply, multiple=2**times, smallest=2 ** (times + 1))
  shown = 'labels', 'translation', 'true partner'
  translator = Translator({config.direction: way}, show, shown, needs='pairs')
  return label_maps.with_palette(Recipe((stage,), translator), config.labels, spec)
