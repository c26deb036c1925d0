"""BiGAN: an encoder learns the latents of images beside the generator, against a critic of pairs.

Donahue et al., Adversarial Feature Learning, 2017, and Dumoulin et al., Adversarially Learned
Inference, 2017. The critic D sees an image x with its latent E(x), or a latent z with its image
G(z); sp is softplus:

  critic: E sp(-D(x, E(x))) + E sp(D(G(z), z));  G and E: E sp(D(x, E(x))) + E sp(-D(G(z), z))

At the optimum E inverts G. `jaxgan encode` writes E(x). Departures: the laptop's networks are
DCGAN's, and its latents N(0, 1). `--preset=paper` is Donahue's setting for MNIST without knowledge
of pixels' places: perceptrons and 50 latents from U(-1, 1); there, batch norm is in the generator
alone and has parameters, weights do not decay, and the rates fall to zero along a line.
"""

from dataclasses import dataclass
from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.core.network import linen
from jaxgan.core.typing import Spec
from jaxgan.losses import objectives
from jaxgan.losses.bidirectional import bidirectional
from jaxgan.networks import mlp
from jaxgan.networks.bidirectional import Encoder, PairCritic
from jaxgan.recipes import config
from jaxgan.recipes.config import Preset
from jaxgan.recipes.two_player import duel, latents, penalties
from jaxgan.recipes.types import Recipe, Stage, from_latents
from jaxgan.variants import dcgan


@dataclass(frozen=True)
class Config(dcgan.Convolutional, config.Duel, config.Scheduled, config.Algorithm):
  """Options of BiGAN."""

  perceptrons: bool = False
  """Perceptrons in place of convolutions: they know nothing of which pixels are neighbors."""
  hidden: int = 256
  """Units of dense layers: of the critic and the encoder, and of all layers of perceptrons."""
  critic_norm: bool = False
  latent_size: int = 16

  NEEDS: ClassVar[tuple[config.Needs, ...]] = (
    config.Needs(
      ('width', 'critic_norm', 'bias'), lambda c: not c.perceptrons, {'perceptrons': False}
    ),
  )

  def problems(self) -> list[str]:
    """Dense layers without units."""
    return super().problems() + config.above_zero(self, 'hidden')


PAPER: Preset = dict(
  image_size=28,
  perceptrons=True,
  hidden=1024,
  latent_size=50,
  latent='uniform',
  batch_size=128,
  steps=187_600,
  schedule='constant_linear',
  ema_images=0.0,
)


def modules(config: Config, spec: Spec) -> dict[str, nn.Module]:
  """Return generator, encoder and critic by name.

  Raises:
    ValueError: images below 8 pixels, for convolutions.
  """
  size = config.hidden
  if config.perceptrons:
    generator: nn.Module = mlp.Generator(spec.shape, (size, size), activation=nn.relu)
    seeing: nn.Module = mlp.Critic((size,), outputs=size)
    judging: nn.Module = mlp.Critic((), outputs=size)
  else:
    plain = dcgan.networks(config, spec)
    generator, judging = plain['generator'], plain['critic'].clone(outputs=size)
    seeing = judging.clone(norm=True)
  encoder = Encoder(seeing, config.latent_size)
  return {'generator': generator, 'encoder': encoder, 'critic': PairCritic(judging, size)}


def build(config: Config, spec: Spec) -> Recipe:
  """Return a generator, an encoder and a critic of pairs.

  Raises:
    ValueError: images below 8 pixels, for convolutions.
  """
  latent, image = latents(config), jnp.zeros((2, *spec.shape))
  z = latent(jax.random.key(0), 2)
  networks = {name: linen(module) for name, module in modules(config, spec).items()}
  losses = bidirectional(
    objectives.roles_exchanged(objectives.nonsaturating()),
    *penalties(config),
    latent=latent,
    noise=config.instance_noise,
  )
  example = {'generator': (z,), 'encoder': (image,), 'critic': (image, z)}
  stage = Stage(duel(config, networks, losses), example)
  encode = lambda nets, images: nets('encoder', images)[0]
  return from_latents((stage,), latent, conditional=False, encode=encode)
