"""AC-GAN: the critic is not told the class; a head on its features has to name it.

Odena et al., Conditional Image Synthesis with Auxiliary Classifier GANs, 2017. With C the head's
loss and y the class:

  critic: L + weight (C(x, y) + C(G(z, y), y));  generator: L + weight C(G(z, y), y)

where L is the adversarial loss and C the cross-entropy. `--head=reacgan` is Kang et al., Rebooting
ACGAN, 2021: C is the data-to-data cross-entropy of directions, and the critic's loss has it for
real images alone. Departures: networks and hinge losses are those of `sngan`, so that only the way
to tell the class differs from its projection; the head has no spectral norm. `--preset=paper` is
the setting of Rebooting ACGAN for CIFAR-10 in its authors' library, on these networks.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import jax.numpy as jnp

from jaxgan.core.nets import Nets
from jaxgan.core.typing import Array, Batch, Key, Logs, Spec
from jaxgan.losses import classes, objectives
from jaxgan.losses.adversarial import Fakes
from jaxgan.networks import heads, resnet
from jaxgan.recipes import config
from jaxgan.recipes.config import Preset
from jaxgan.recipes.labels import classes_of
from jaxgan.recipes.two_player import Extra, two_player
from jaxgan.recipes.types import Recipe


@dataclass(frozen=True)
class Config(config.TwoPlayer, config.Scheduled):
  """Options of AC-GAN."""

  generator_width: int = 32
  """Channels of the generator."""
  critic_width: int = 32
  """Channels of the critic."""
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
  latent_size: int = 128
  generator_lr: float = 5e-4
  critic_lr: float = 1e-3
  beta1: float = 0.0
  beta2: float = 0.9

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
  head='reacgan',
  classification=0.5,
  directions=512,
  batch_size=128,
  generator_width=256,
  critic_width=128,
  generator_lr=2.83e-4,
  critic_lr=2.83e-4,
  beta1=0.5,
  beta2=0.999,
  n_critic=5,
  steps=100_000,
)


def build(config: Config, spec: Spec) -> Recipe:
  """Return the networks of SN-GAN, a critic that is not told the class, and a head that names it.

  Raises:
    ValueError: data without classes, or a size that does not halve to 4..7.
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
  return two_player(
    config,
    spec,
    generator=resnet.Generator(spec.size, spec.channels, config.generator_width, count),
    critic=resnet.Critic(config.critic_width),
    objective=objectives.hinge(),
    conditional=True,
    extra=Extra(
      heads={'head': head},
      critic_terms=[of_real] if rebooted else [of_real, of_fakes],
      generator_terms=[of_fakes],
    ),
  )
