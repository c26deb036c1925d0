"""CUT: one-sided translation without pairs; a patch must be found again where it was.

Park et al., Contrastive Learning for Unpaired Image-to-Image Translation, 2020. One generator and
one critic of patches with least squares: less work than CycleGAN's four networks. In place of the
way back, a head on the generator's own features has to find the place of each patch of G(x) in x,
among other places: see `losses.contrastive`. `--preset=paper` is the authors' setting; `--nce=10
--identity=0` is FastCUT, without its flips. Departures: those of `cyclegan`; the generator's
strides are not smoothed; and weights begin as in CycleGAN, those of the head as He et al., 2015,
have them.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from jaxgan.augmentation import crops
from jaxgan.core.game import Turn
from jaxgan.core.nets import Nets
from jaxgan.core.network import linen
from jaxgan.core.typing import Array, Batch, Key, Spec
from jaxgan.losses import contrastive, objectives
from jaxgan.networks import heads
from jaxgan.networks.patch_discriminator import PatchCritic
from jaxgan.recipes import config, translators
from jaxgan.recipes.config import Preset
from jaxgan.recipes.two_player import features_like
from jaxgan.recipes.types import Recipe, Translator
from jaxgan.variants import cyclegan


@dataclass(frozen=True)
class Config(translators.Config, config.Accumulated):
  """Options of CUT."""

  dataset: str = 'domains'
  blocks: int | None = None
  """Residual blocks of the generator; 9 from 256 pixels on, else 6, if not given."""
  nce: float = 1.0
  """Weight of finding patches again."""
  identity: float = 1.0
  """Weight, beside that of the source's images, of finding patches of the target's images, which
  the generator then leaves as they are; 0: it never sees them."""
  nce_patches: int = 256
  """Patches of an image, from each map of features, among which one is found again."""
  head_size: int = 256
  """Numbers of the vector that a patch becomes."""
  temperature: float = 0.07
  """Temperature of the comparison of patches."""

  def problems(self) -> list[str]:
    """Weights and sizes that mean nothing."""
    positive = config.above_zero(self, 'nce', 'nce_patches', 'head_size', 'temperature')
    return super().problems() + positive + config.zero_or_above(self, 'identity')


PAPER: Preset = dict(image_size=256, width=64, steps=533_600)


def build(config: Config, spec: Spec) -> Recipe:
  """One generator, its head, one critic of patches, and least squares.

  Raises:
    ValueError: a size that is no multiple of 4, or smaller than a critic's patch.
  """
  generator = cyclegan.residual(config, spec, config.blocks)
  critic_loss, generator_loss = contrastive.contrastive(
    objectives.least_squares(),
    weight=config.nce,
    identity=config.identity,
    count=config.nce_patches,
    temperature=config.temperature,
    augment=crops.jitter(paired=False) if config.jitter else crops.unchanged,
  )
  maps = features_like(linen(generator), jnp.zeros((2, *spec.shape)))
  seen = contrastive.patches(maps, contrastive.places(maps, config.nce_patches, jax.random.key(0)))
  stage = translators.duel(
    config,
    spec.shape,
    generators={'generator': generator},
    critics={'critic': PatchCritic(config.patches(spec.size), config.width)},
    turns=[Turn('critic', critic_loss), Turn('generator', generator_loss)],
    heads={'head': (heads.Patches(config.head_size), seen)},
  )
  first, second = 'AB' if config.direction == 'AtoB' else 'BA'
  shown = first, f'{first} to {second}', f'a {second}'
  return Recipe(
    (stage,), Translator({config.direction: cyclegan.way('generator')}, show, shown, needs='target')
  )


def show(nets: Nets, batch: Batch, key: Key) -> Array:
  """Source, translation, and an image of the target that is no partner: `[n, 3, H, W, C]`."""
  made, _ = nets('generator', batch['image'])
  return jnp.stack([batch['image'], made, batch['target']], 1)
