"""Progressive GAN: networks that grow from tiny images to large ones, a size at a time.

Karras et al., Progressive Growing of GANs for Improved Quality, Stability, and Variation, 2018.
Departures: one batch size and one learning rate for all sizes (the authors' batch shrinks from 128
to 4 as images grow); the weight of a size that fades in moves at every step; no labels.
`--preset=paper` has the authors' 600 000 images a stage, at 128 pixels.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp

from jaxgan.core.game import Loss
from jaxgan.core.nets import Nets
from jaxgan.core.typing import Array, Spec
from jaxgan.losses import adversarial, gradient_penalties, objectives
from jaxgan.networks import progan
from jaxgan.recipes import progressive, tricks
from jaxgan.recipes.config import Preset
from jaxgan.recipes.progressive import Level, Networks, growth, stages
from jaxgan.recipes.two_player import latents, penalties
from jaxgan.recipes.types import Recipe, from_latents


@dataclass(frozen=True)
class Config(progressive.Growing):
  """Options of Progressive GAN."""

  penalty_weight: float = 10.0
  """Weight of the gradient penalty."""
  drift: float = 1e-3
  """Weight of the squared logits of real images."""
  zoo: bool = False
  """Networks as in pytorch_GAN_zoo: other biases and deviations than the authors'."""


PAPER: Preset = dict(
  image_size=128,
  images=12_000_000,
  stage_images=600_000,
  batch_size=16,
  width=512,
  base=8192,
  latent_size=512,
  generator_lr=1e-3,
  critic_lr=1e-3,
  ema_images=11_085.0,  # 0.999 at each step of 16
  ema_rampup=1e6,
)


def build(config: Config, spec: Spec) -> Recipe:
  """A stage for each size that fades in or stands; WGAN-GP's losses, and drift.

  Raises:
    ValueError: as `progressive.growth`.
  """
  grown, latent = growth(config, spec), latents(config)
  terms = [
    gradient_penalties.gradient_penalty(config.penalty_weight),
    gradient_penalties.drift(config.drift),
    *penalties(config),
  ]

  critic = partial(progan.Critic, zoo=config.zoo)

  def level(at: Level) -> tuple[Networks, tuple[Loss, Loss]]:
    z = latent(jax.random.key(0), 2)
    generator = progan.Generator(at.sizes, at.widths[1:], spec.channels, at.fades, config.zoo)
    networks = {
      'generator': (generator, (z, at.weight)),
      'critic': (critic(at.sizes, at.widths, at.fades), (at.image, at.weight)),
    }
    return networks, tricks.losses_between(
      config,
      objectives.wasserstein(),
      terms,
      generate=adversarial.generated(latent, grown.given),
      given=grown.given,
      latent=latent,
      real=at.real,
    )

  def generate(nets: Nets, latents: Array, labels: Array) -> Array:
    image = nets('generator', latents, *grown.given(nets, {}))[0]
    return jnp.clip(grown.whole(image), -1, 1)

  return from_latents(stages(config, spec, grown, level), latent, False, generate)
