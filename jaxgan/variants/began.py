"""BEGAN: an autoencoding critic, kept in balance with the generator by a controller.

Berthelot et al., BEGAN: Boundary Equilibrium Generative Adversarial Networks, 2017. With the energy
L(v) = |v - A(v)| of an autoencoder A, a mean over pixels:

  critic: L(x) - k L(G(z));  generator: L(G(z))
  k <- clip(k + balance_rate (gamma L(x) - L(G(z))), 0, 1), k = 0 at first

so that fakes come to have gamma times the energy of real images. M = L(x) + |gamma L(x) - L(G(z))|
is logged as `critic/measure`. Generator and decoder have one architecture, and a code has the
length of a latent. Departures: the critic moves before the generator, and k by the critic's fakes;
the article has further links between layers, with weights that vanish, as an option; it halves the
rates where M stalls. `--preset=paper` is its setting for faces of 64 pixels. The laptop's gamma,
rates and codes are others: with the article's all digits became one (measured:
`experiments/began.md`).
"""

from dataclasses import dataclass
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core.network import linen
from jaxgan.core.typing import Spec
from jaxgan.losses import adversarial, energies
from jaxgan.networks import dcgan
from jaxgan.networks.autoencoding import AutoencodingCritic, Decoder, Encoder, mean_absolute
from jaxgan.recipes import config
from jaxgan.recipes.config import Preset
from jaxgan.recipes.two_player import duel, latents, penalties
from jaxgan.recipes.types import Recipe, Stage, from_latents


@dataclass(frozen=True)
class Config(config.Duel, config.Scheduled, config.Algorithm):
  """Options of BEGAN."""

  gamma: float = 0.8
  """The energy of fakes as a share of that of real images; the smaller, the less diverse."""
  balance_rate: float = 0.1
  """How fast the weight k of the fakes changes in the critic's loss."""
  width: int = 16
  """Channels of the generator; the encoder's rise by as many with every halving of the map."""
  latent: Literal['normal', 'uniform'] = 'uniform'
  latent_size: int = 16
  batch_size: int = 16
  generator_lr: float = 5e-4
  critic_lr: float = 5e-4

  def problems(self) -> list[str]:
    """Sizes and weights that mean nothing."""
    found = super().problems() + config.above_zero(self, 'gamma', 'width')
    return found + config.zero_or_above(self, 'balance_rate')


PAPER: Preset = dict(
  image_size=64,
  width=128,
  latent_size=64,
  batch_size=16,
  gamma=0.5,
  balance_rate=1e-3,
  generator_lr=1e-4,
  critic_lr=1e-4,
  beta1=0.5,
  beta2=0.999,
  ema_images=0.0,
)


def build(config: Config, spec: Spec) -> Recipe:
  """Return a generator, a critic of an encoder and a generator, and the balance of both."""
  latent, sizes = latents(config), dcgan.ladder(spec.size, 8)
  decoder = Decoder(sizes, config.width, spec.channels)
  encoder = Encoder(sizes, config.width, config.latent_size)
  critic = AutoencodingCritic(encoder, decoder.clone(), mean_absolute)
  make = partial(
    adversarial.adversarial,
    latent=latent,
    noise=config.instance_noise,
    observe=energies.balancing(config.gamma, config.balance_rate),
  )
  losses = adversarial.depending(
    lambda objective: make(objective, *penalties(config)),
    lambda nets: energies.boundary(nets.memory['k']),
  )
  networks = {'generator': linen(decoder), 'critic': linen(critic)}
  game = duel(config, networks, losses, memory={'k': np.float32(0)})
  example = {
    'generator': (latent(jax.random.key(0), 2),),
    'critic': (jnp.zeros((2, *spec.shape)),),
  }
  return from_latents((Stage(game, example),), latent, conditional=False)
