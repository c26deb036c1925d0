"""SN-GAN: residual networks, a critic of spectral norm one, hinge losses; classes by projection.

Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018, and Miyato and
Koyama, cGANs with Projection Discriminator, 2018. `--preset=paper` is CIFAR-10's setting; it
departs in that the generator's batch is the critic's (64 for 128), that the critic moves before the
generator, that power iteration runs once in each of the critic's passes, and that fakes have the
classes of the real batch, where the authors draw them (measured: `experiments/choices.md`). The
laptop's form is narrower and moves the critic once for each step of the generator; both have rates
of 1e-3, and R1 penalizes the critic's gradients (measured: `experiments/defaults.md`).
"""

from dataclasses import dataclass

from jaxgan.core.typing import Spec
from jaxgan.losses import objectives
from jaxgan.networks import resnet
from jaxgan.recipes import config
from jaxgan.recipes.config import Preset
from jaxgan.recipes.labels import chosen_classes
from jaxgan.recipes.two_player import two_player
from jaxgan.recipes.types import Recipe


@dataclass(frozen=True)
class Config(config.Ordinary, config.Packs, config.Minibatch, config.Labels):
  """Options of SN-GAN."""

  generator_width: int = 32
  """Channels of the generator."""
  critic_width: int = 32
  """Channels of the critic."""
  idle_biases: bool = False
  """Biases that batch norm takes out again, as the authors have them: parameters without effect."""
  mimicry: bool = False
  """Networks as in torch-mimicry: linear upsampling, 1e-5 in batch norm, shortcuts after ReLU."""
  latent_size: int = 128
  generator_lr: float = 1e-3
  critic_lr: float = 1e-3
  beta1: float = 0.0
  beta2: float = 0.99
  r1: float = 1.0
  steps: int = 2000


PAPER: Preset = dict(
  image_size=32,
  n_critic=5,
  generator_width=256,
  critic_width=128,
  idle_biases=True,
  generator_lr=2e-4,
  critic_lr=2e-4,
  beta2=0.9,
  r1=0.0,
  steps=50_000,
  schedule='linear',
  ema_images=0.0,
)


def build(config: Config, spec: Spec) -> Recipe:
  """Residual networks and the hinge losses.

  Raises:
    ValueError: as `chosen_classes`, or a size that does not halve to 4..7.
  """
  classes = chosen_classes(config, spec)
  width, bias = config.generator_width, config.idle_biases
  return two_player(
    config,
    spec,
    generator=resnet.Generator(spec.size, spec.channels, width, classes, bias, config.mimicry),
    critic=resnet.Critic(config.critic_width, classes, mimicry=config.mimicry),
    objective=objectives.hinge(),
    conditional=bool(classes),
  )
