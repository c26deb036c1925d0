"""VAE/GAN: an autoencoder that restores images as a critic's layer sees them, not as pixels.

Larsen et al., Autoencoding beyond pixels using a learned similarity metric, 2016. An encoder gives
a normal distribution of latents for each image; the generator is the decoder. Restored images must
be like the originals in the features of the critic, which also has to tell real images from
restored ones and from those of latents N(0, 1): see `losses.variational`. `jaxgan encode` writes
the means. Departures: the networks are DCGAN's, and the encoder's those of a critic; the loss of
the generator is the non-saturating one; real images count as much as both kinds of fakes together.
`--preset=paper` has the authors' sizes, rates and weight for faces of 64 pixels.
"""

from dataclasses import dataclass

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.core.nets import Nets
from jaxgan.core.network import linen
from jaxgan.core.typing import Array, Spec
from jaxgan.losses import objectives
from jaxgan.losses.variational import Posterior, variational
from jaxgan.networks.bidirectional import Encoder
from jaxgan.recipes import config
from jaxgan.recipes.config import Preset
from jaxgan.recipes.two_player import duel, latents, penalties
from jaxgan.recipes.types import Recipe, Stage, from_latents
from jaxgan.variants import dcgan


@dataclass(frozen=True)
class Config(dcgan.Convolutional, config.Duel, config.Scheduled, config.Algorithm):
  """Options of VAE/GAN."""

  gamma: float = 1e-2
  """Weight of restoring images in the generator's loss, beside that of fooling the critic."""
  hidden: int = 256
  """Units of the encoder's dense layer before the means and variances."""
  width: int = 32
  latent_size: int = 16

  def problems(self) -> list[str]:
    """Sizes and weights that mean nothing."""
    found = super().problems() + config.above_zero(self, 'hidden')
    return found + config.zero_or_above(self, 'gamma')

  def cautions(self, spec: Spec) -> list[str]:
    """Latents that are not those which the encoder is drawn to."""
    normal = 'the encoder is drawn to latents N(0, 1), samples come from U(-1, 1): omit --latent'
    return super().cautions(spec) + [normal] * (self.latent != 'normal')


PAPER: Preset = dict(
  image_size=64,
  width=64,
  hidden=2048,
  latent_size=128,
  gamma=1e-6,
  batch_size=64,
  optimizer='rmsprop',
  generator_lr=3e-4,
  critic_lr=3e-4,
  steps=63_300,  # 20 epochs of CelebA; the article names no length
  ema_images=0.0,
)


def build(config: Config, spec: Spec) -> Recipe:
  """Return DCGAN's networks, and an encoder with the layers of its critic.

  Raises:
    ValueError: images below 8 pixels.
  """
  latent, image = latents(config), jnp.zeros((2, *spec.shape))
  plain = dcgan.networks(config, spec)
  seeing = plain['critic'].clone(outputs=config.hidden, norm=True)
  modules: dict[str, nn.Module] = {
    'generator': plain['generator'],
    'encoder': Encoder(seeing, 2 * config.latent_size),
    'critic': plain['critic'],
  }
  losses = variational(
    objectives.nonsaturating(),
    *penalties(config),
    latent=latent,
    gamma=config.gamma,
    noise=config.instance_noise,
  )
  networks = {name: linen(module) for name, module in modules.items()}
  z = latent(jax.random.key(0), 2)
  example = {'generator': (z,), 'encoder': (image,), 'critic': (image,)}
  stage = Stage(duel(config, networks, losses), example)

  def encode(nets: Nets, images: Array) -> Array:
    return Posterior.of(nets('encoder', images)[0]).mean

  return from_latents((stage,), latent, conditional=False, encode=encode)
