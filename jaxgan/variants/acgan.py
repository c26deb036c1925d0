"""AC-GAN: the critic is not told the class; a head on its features has to name it.

Odena et al., Conditional Image Synthesis with Auxiliary Classifier GANs, 2017. With C the head's
loss and y the class:

  critic: L + weight (C(x, y) + C(G(z, y), y));  generator: L + weight C(G(z, y), y)

where L is the adversarial loss and C the cross-entropy. `--head=reacgan` is Kang et al., Rebooting
ACGAN, 2021: C is the data-to-data cross-entropy of directions, and the critic's loss has it for
real images alone. Departures: the networks are DCGAN's, without dropout, and the head of reacgan
has no spectral norm. `--preset=paper` is the setting of AC-GAN for CIFAR-10. The laptop's critic
has no batch norm: with it, short runs drew the same image for all classes. R1 penalizes its
gradients, the rates are 1e-3 and beta1 is 0: without these a class became one image on few images
(measured: `experiments/defaults.md`).
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import jax.numpy as jnp

from jaxgan.core.nets import Nets
from jaxgan.core.typing import Array, Batch, Key, Logs, Spec
from jaxgan.losses import classes, objectives
from jaxgan.losses.adversarial import Fakes
from jaxgan.networks import heads
from jaxgan.recipes import config
from jaxgan.recipes.config import Preset
from jaxgan.recipes.labels import classes_of
from jaxgan.recipes.two_player import Extra, two_player
from jaxgan.recipes.types import Recipe
from jaxgan.variants import dcgan


@dataclass(frozen=True)
class Config(dcgan.Penalized, config.TwoPlayer, config.Scheduled):
  """Options of AC-GAN."""

  head: Literal['acgan', 'reacgan'] = 'acgan'
  """How the head names a class: by logits, or by directions compared with those of other images."""
  classification: float = 1.0
  """Weight of the head's loss, for both players."""
  directions: int = 128
  """Numbers of the direction that an image becomes in the head of reacgan."""
  temperature: float = 0.5
  """Temperature of the comparisons of reacgan."""
  margin: float = 0.98
  """Cosine of image and class from which on reacgan asks no more; 1 less this, of two images."""

  NEEDS: ClassVar[tuple[config.Needs, ...]] = (
    config.Needs(
      ('directions', 'temperature', 'margin'), lambda c: c.head == 'reacgan', {'head': 'reacgan'}
    ),
  )

  def problems(self) -> list[str]:
    """Sizes, weights and margins that mean nothing."""
    found = super().problems() + config.above_zero(self, 'directions', 'temperature')
    if not 0 <= self.margin <= 1:
      found.append(f'--margin must be from 0 to 1, it is {self.margin}')
    return found + config.zero_or_above(self, 'classification')


PAPER: Preset = dict(
  image_size=32,
  **dcgan.AS_PUBLISHED,
  latent_size=110,
  batch_size=100,
  steps=50_000,
  ema_images=0.0,
)


def build(config: Config, spec: Spec) -> Recipe:
  """Return a generator of classes, a critic that is not told the class, and a head that names it.

  Raises:
    ValueError: data without classes, or images below 8 pixels.
  """
  count, rebooted = classes_of(config, spec, conditional=True), config.head == 'reacgan'

  def named(nets: Nets, images: Array, labels: Array) -> tuple[Array, Nets]:
    features, _ = nets.features('critic', images, labels)
    found, nets = nets('head', features)
    if not rebooted:
      return classes.cross_entropy(found, labels), nets
    cosines, seen = jnp.split(found, [count], -1)
    scale = dict(temperature=config.temperature, margin=config.margin)
    return classes.data_to_data(cosines, seen, labels, **scale), nets

  def of_real(nets: Nets, fakes: Fakes, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    loss, nets = named(nets, batch['image'], batch['label'])
    return config.classification * loss, nets, {'class': loss}

  def of_fakes(nets: Nets, fakes: Fakes, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    loss, nets = named(nets, fakes.images, batch['label'])
    return config.classification * loss, nets, {'class_fake': loss}

  head = heads.Proxies(count, config.directions) if rebooted else heads.Classes(count)
  told, untold = (dcgan.networks(config, spec, conditional=known) for known in (True, False))
  return two_player(
    config,
    spec,
    generator=told['generator'],
    critic=untold['critic'],
    objective=objectives.nonsaturating(),
    conditional=True,
    extra=Extra(
      heads={'head': head},
      critic_terms=[of_real] if rebooted else [of_real, of_fakes],
      generator_terms=[of_fakes],
    ),
  )
