"""SAGAN: self-attention over a middle map, spectral norm in both networks, and two learning rates.

Zhang et al., Self-Attention Generative Adversarial Networks, 2019. A residual generator and critic
each have a layer in which every pixel of a feature map sees all others:

  y = x + gamma O(softmax(Q(x) K(x)') V(x)), gamma = 0 at first

Hinge losses; one update of the critic for each of the generator, at four times its rate. With
labels, they choose the gains and biases of the generator's batch norms, and the critic judges by
projection. `--attention=0` leaves the layers out: the paper's baseline.

The networks are those of the authors' code, which BigGAN widened: Q and K have an eighth of the
channels, V a half, and K and V are max-pooled. The preset `paper` is their setting for ImageNet at
128 pixels. It departs in that fakes have the classes of the real batch, where the authors draw
them, that power iteration runs once in each of a network's passes, and that Adam's beta2 is 0.9 as
in the paper, where the code has 0.999. Up to 56 pixels all blocks of a network have equal widths.
The laptop's networks are narrow, and both rates are 2.5 times the paper's (measured:
`experiments/sagan.md`).
"""

from dataclasses import dataclass

from flax.linen import initializers

from jaxgan.core.typing import Spec
from jaxgan.losses import objectives
from jaxgan.networks import biggan
from jaxgan.nn.initializers import glorot
from jaxgan.recipes import config
from jaxgan.recipes.config import Preset
from jaxgan.recipes.labels import chosen_classes
from jaxgan.recipes.two_player import two_player
from jaxgan.recipes.types import Recipe


@dataclass(frozen=True)
class Config(config.Ordinary, config.Packs, config.Minibatch, config.Labels):
  """Options of SAGAN."""

  attention: int = 32
  """Pixels on a side of the map that attends to itself, at most half the image; 0: none."""
  generator_width: int = 16
  """The generator's channels are multiples of it: 4 up to 56 pixels, 16 to 1 above."""
  critic_width: int = 16
  """The critic's channels are multiples of it: 2 up to 56 pixels, 1 to 16 above."""
  idle_biases: bool = False
  """Biases that batch norm takes out again, as the authors have them: all but idle parameters."""
  latent_size: int = 128
  generator_lr: float = 2.5e-4
  critic_lr: float = 1e-3
  beta1: float = 0.0
  beta2: float = 0.9

  def problems(self) -> list[str]:
    """Sizes that mean nothing."""
    found = config.above_zero(self, 'generator_width', 'critic_width')
    return super().problems() + found + config.zero_or_above(self, 'attention')


PAPER: Preset = dict(
  image_size=128,
  generator_width=64,
  critic_width=64,
  idle_biases=True,
  generator_lr=1e-4,
  critic_lr=4e-4,
  batch_size=256,
  steps=1_000_000,
  ema_images=0.0,
)


def build(config: Config, spec: Spec) -> Recipe:
  """Return residual networks of spectral norm one, each with attention, and the hinge losses.

  Raises:
    ValueError: as `chosen_classes`, or a size that does not halve to 4..7.
  """
  classes = chosen_classes(config, spec)
  generator = biggan.Generator(
    spec.size,
    spec.channels,
    config.generator_width,
    shared=0,
    bias=config.idle_biases,
    classes=classes,
    attention=config.attention,
    start=glorot(),
    tables=initializers.zeros,
  )
  critic = biggan.Critic(config.critic_width, classes, config.attention, start=glorot())
  return two_player(
    config,
    spec,
    generator=generator,
    critic=critic,
    objective=objectives.hinge(),
    conditional=bool(classes),
  )
