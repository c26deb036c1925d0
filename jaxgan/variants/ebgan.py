"""EBGAN: the critic is an autoencoder, and its energy is how badly it restores an image.

Zhao et al., Energy-based Generative Adversarial Network, 2017. With the energy E(x) = |x - A(x)|,
the autoencoder A and the margin m:

  critic: E(x) + max(0, m - E(G(z)));  generator: E(G(z)) + pulling_away PT

PT is the mean squared cosine between the codes of different fakes, which keeps them apart. The
energy is the norm over the root of the number of pixels, and so is the margin: the authors' 20 for
faces of 64 pixels in color is 0.18. The networks are DCGAN's: the critic's encoder has the layers
of a critic, and its decoder those of a generator, without batch norm. The laptop's rates are 1e-3
and beta1 is 0 (measured: `experiments/defaults.md`). On digits, at rates of 2e-4, the term PT
changed little: Frechet distances of 38.4 with it and 39.7 without, means of three seeds after 1500
steps.
"""

from dataclasses import dataclass

from jaxgan.core.nets import Nets
from jaxgan.core.typing import Array, Batch, Key, Logs, Spec
from jaxgan.losses import energies
from jaxgan.losses.adversarial import Fakes
from jaxgan.networks.autoencoding import AutoencodingCritic
from jaxgan.recipes import config
from jaxgan.recipes.config import Preset
from jaxgan.recipes.two_player import Extra, two_player
from jaxgan.recipes.types import Recipe
from jaxgan.variants import dcgan


@dataclass(frozen=True)
class Config(dcgan.Convolutional, config.TwoPlayer, config.Scheduled):
  """Options of EBGAN."""

  margin: float = 0.36
  """The energy up to which fakes are pushed; a tenth of the range of pixels is 0.2."""
  pulling_away: float = 0.1
  """Weight of the term that keeps the codes of fakes apart; 0: there is none."""
  code: int = 64
  """Numbers of the critic's code of an image."""
  width: int = 32
  critic_norm: bool = False
  generator_lr: float = 1e-3
  critic_lr: float = 1e-3
  beta1: float = 0.0
  beta2: float = 0.99

  def problems(self) -> list[str]:
    """Sizes and weights that mean nothing."""
    found = super().problems() + config.above_zero(self, 'margin', 'code')
    return found + config.zero_or_above(self, 'pulling_away')


PAPER: Preset = dict(
  image_size=64,
  width=64,
  margin=0.18,
  code=512,
  bias=False,
  ema_images=0.0,
  **dcgan.AS_PUBLISHED,
)


def build(config: Config, spec: Spec) -> Recipe:
  """Return DCGAN's networks, of which two make the critic.

  Raises:
    ValueError: images below 8 pixels.
  """
  plain = dcgan.networks(config, spec)
  encoder = plain['critic'].clone(outputs=config.code)
  critic = AutoencodingCritic(encoder, plain['generator'].clone(norm=False))

  def apart(nets: Nets, fakes: Fakes, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    codes, nets = nets.features('critic', fakes.images)
    alike = energies.pulling_away(codes)
    return config.pulling_away * alike, nets, {'pulling_away': alike}

  return two_player(
    config,
    spec,
    generator=plain['generator'],
    critic=critic,
    objective=energies.margin(config.margin),
    extra=Extra(generator_terms=[apart] if config.pulling_away else []),
  )
