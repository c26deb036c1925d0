"""Conditional GAN: generator and critic are told the class.

Mirza and Osindero, Conditional Generative Adversarial Nets, 2014. The laptop's networks are the
convolutional form: an embedding of the label joins the latent, a learned map of it the image. Its
critic has no batch norm, R1 penalizes the critic's gradients, the rates are 1e-3, beta1 is 0, and
no update of an array is larger than the rate: images are better (measured:
`experiments/defaults.md`). `--preset=paper` is the article's perceptrons, with pixels in [-1, 1].
"""

from dataclasses import dataclass
from typing import ClassVar

import flax.linen as nn

from jaxgan.core.typing import Spec
from jaxgan.losses import objectives
from jaxgan.networks import mlp
from jaxgan.nn.initializers import uniform
from jaxgan.recipes import config
from jaxgan.recipes.config import Preset
from jaxgan.recipes.two_player import two_player
from jaxgan.recipes.types import Recipe
from jaxgan.variants import dcgan


@dataclass(frozen=True)
class Config(
  dcgan.Bounded,
  dcgan.Smoothed,
  config.Ordinary,
  config.Minibatch,
  config.VirtualBatch,
  config.Accumulated,
):
  """Options of the conditional GAN."""

  maxout: bool = False
  """The article's perceptrons in place of convolutional networks."""

  NEEDS: ClassVar[tuple[config.Needs, ...]] = (
    config.Needs(('width', 'critic_norm', 'bias'), lambda c: not c.maxout, {'maxout': False}),
    config.Needs(('virtual_batch',), lambda c: not c.maxout, {'maxout': False}),
  )

  @property
  def mixes(self) -> bool:
    """Whether the critic's batch norm mixes the images."""
    return self.critic_norm and not self.maxout


PAPER: Preset = dict(
  image_size=28,
  maxout=True,
  latent='uniform',
  optimizer='sgd',
  generator_lr=0.1,
  critic_lr=0.1,
  r1=0.0,
  update_clip=0.0,
  batch_size=100,
  ema_images=0.0,
)


def perceptrons(spec: Spec) -> dcgan.Networks:
  """The article's networks: latent and label, image and label, each by a layer of its own."""
  generator = mlp.Generator(
    spec.shape,
    (1200,),
    spec.classes,
    entry=(200, 1000),
    norm=False,
    activation=nn.relu,
    start=uniform(0.05),
  )
  critic = mlp.MaxoutCritic(((240, 4),), spec.classes, entry=((240, 5), (50, 5)))
  return dcgan.Networks(generator=generator, critic=critic)


def build(config: Config, spec: Spec) -> Recipe:
  """Networks that take labels, and the non-saturating loss."""
  chosen = perceptrons(spec) if config.maxout else dcgan.networks(config, spec, conditional=True)
  objective = objectives.nonsaturating(config.smoothing)
  return two_player(config, spec, objective=objective, conditional=True, **chosen)
