"""InfoGAN: the generator is given codes, and a head on the critic's features finds them again.

Chen et al., InfoGAN: Interpretable Representation Learning by Information Maximizing GANs, 2016. A
code is c = (a choice out of K, numbers u ~ U(-1, 1)). The head Q shares the critic's layers. Both
players lower the variational bound's negative, of the choice and of the numbers:

  L_I = -information E log Q(choice | G(z, c)) + continuous_information E |u - mean_Q(u)|^2 / 2

so a choice comes to mean what tells images apart: the digit, for the authors' long runs on MNIST.
Q's standard deviation of the numbers is 1, as in the authors' code. The critic has a dense layer
behind DCGAN's convolutions, which sees the whole image. Departures: that layer and the head have no
batch norm. With `slant`, the choice is found in an image that was slanted, stretched, turned and
shifted at random, so that it cannot mean a slant; the numbers are found in the image as it is. The
laptop's networks are a quarter as wide, without the generator's dense layer, and the latent has 8
numbers for 62: in a short run, more of them leave less for the codes to say. Its critic has no
batch norm and a penalty on its gradients, as that of `dcgan` (measured: `experiments/infogan.md`).
"""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import optax

from jaxgan.augmentation import slants
from jaxgan.core.nets import Nets
from jaxgan.core.typing import Array, Batch, Key, Logs, Spec
from jaxgan.losses import objectives
from jaxgan.losses.adversarial import Fakes
from jaxgan.networks.mlp import Perceptron
from jaxgan.recipes import codes, config
from jaxgan.recipes.config import Preset
from jaxgan.recipes.two_player import Extra, two_player
from jaxgan.recipes.types import Recipe
from jaxgan.variants import dcgan


@dataclass(frozen=True)
class Config(dcgan.Penalized, config.TwoPlayer, config.Scheduled):
  """Options of InfoGAN."""

  choices: int = 10
  """Values of the code that is a choice."""
  continuous: int = 2
  """Numbers of the code that is continuous; 0: there is none."""
  information: float = 1.0
  """Weight of finding the choice again; 0: nothing gives the choice a meaning."""
  continuous_information: float = 0.1
  """Weight of finding the continuous code again."""
  slant: float = 0.4
  """How far images are slanted, stretched, turned and shifted at random before their choice is
  found, so that it means none of these; 0: not at all."""
  critic_hidden: int = 256
  """Units of the critic's dense layer, which sees the whole image; 0: there is none, and codes come
  to mean local details."""
  generator_hidden: int = 0
  """Units of the generator's first dense layer; 0: there is none."""
  head_width: int = 128
  """Units of the head's hidden layer."""
  width: int = 16
  latent_size: int = 8

  NEEDS: ClassVar[tuple[config.Needs, ...]] = (
    config.Needs(('continuous_information',), lambda c: c.continuous, {'continuous': 2}),
    config.Needs(('slant',), lambda c: c.information, {'information': 1.0}),
  )
  BEFORE: ClassVar[Preset] = {'slant': 0.0}

  def problems(self) -> list[str]:
    """Sizes and weights that mean nothing."""
    found = super().problems() + config.above_zero(self, 'head_width')
    if self.choices < 2:
      found.append(f'--choices must be 2 or more, it is {self.choices}')
    weights = 'continuous', 'information', 'continuous_information', 'slant'
    hidden = 'critic_hidden', 'generator_hidden'
    return found + config.zero_or_above(self, *weights, *hidden)


PAPER: Preset = dict(
  image_size=28,
  slant=0.0,
  width=64,
  critic_hidden=1024,
  generator_hidden=1024,
  latent_size=62,
  batch_size=128,
  ema_images=0.0,
  **{**dcgan.AS_PUBLISHED, 'generator_lr': 1e-3},
)


def build(config: Config, spec: Spec) -> Recipe:
  """Return DCGAN's networks with codes, and what both players lose where a code is not found."""
  parts = {'code': codes.categorical(config.choices)}
  if config.continuous:
    parts['continuous'] = codes.continuous(config.continuous)

  def codes_in(nets: Nets, images: Array) -> tuple[list[Array], Nets]:
    features, _ = nets.features('critic', images)
    found, nets = nets('head', features.reshape(len(features), -1))
    return jnp.split(found, [config.choices], -1), nets

  def information(nets: Nets, fakes: Fakes, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    (choice, numbers), nets = codes_in(nets, fakes.images)
    if config.slant and config.information:
      (choice, _), nets = codes_in(nets, slants.slanted(fakes.images, key, config.slant))
    loss = optax.softmax_cross_entropy(choice, fakes.codes['code']).mean()
    total, logs = config.information * loss, {'information': loss}
    if config.continuous:
      apart = ((fakes.codes['continuous'] - numbers) ** 2).sum(-1).mean() / 2
      total, logs = total + config.continuous_information * apart, logs | {'continuous': apart}
    return total, nets, logs

  head = Perceptron((config.head_width,), config.choices + config.continuous)
  extra = Extra(parts, {'head': head}, critic_terms=[information], generator_terms=[information])
  plain = dcgan.networks(config, spec)
  return two_player(
    config,
    spec,
    generator=plain['generator'].clone(hidden=config.generator_hidden),
    critic=plain['critic'].clone(hidden=config.critic_hidden),
    objective=objectives.nonsaturating(),
    extra=extra,
  )
