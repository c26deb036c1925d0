"""AC-GAN's networks with the critic's other way to learn of classes: projection.

The critic of DCGAN gives each image a number and one for each class; its logit is the sum of the
first and that of the asked class. So the class chooses a direction, and the logit has the product
of this direction and the features, as in Miyato and Koyama, cGANs with Projection Discriminator,
2018. All options are those of `cgan`, whose critic sees a map of the class beside the image.

    python -m jaxgan train --plugin=experiments/projection.py --variant=projection --workdir=RUN
"""

from dataclasses import dataclass

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.core.typing import Array, Spec
from jaxgan.losses import objectives
from jaxgan.recipes import config
from jaxgan.recipes.two_player import two_player
from jaxgan.recipes.types import Recipe
from jaxgan.variants import dcgan


@dataclass(frozen=True)
class Config(dcgan.Penalized, config.Ordinary):
  """Options of a critic with projection."""


class Projection(nn.Module):
  """Critic: images `[B, S, S, C]`, labels `[B]` -> logits `[B]`, from rows `[B, 1 + classes]`."""

  rows: nn.Module

  @nn.compact
  def __call__(self, x: Array, labels: Array, *, train: bool) -> Array:
    rows = self.rows(x, train=train)
    return rows[:, 0] + jnp.take_along_axis(rows, 1 + labels[:, None], 1)[:, 0]


def build(config: Config, spec: Spec) -> Recipe:
  """Return DCGAN's generator of classes, and its critic with projection."""
  told, untold = (dcgan.networks(config, spec, conditional=known) for known in (True, False))
  return two_player(
    config,
    spec,
    generator=told['generator'],
    critic=Projection(untold['critic'].clone(outputs=1 + spec.classes)),
    objective=objectives.nonsaturating(),
    conditional=True,
  )
