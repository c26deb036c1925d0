"""BigGAN: wide residual networks with attention, and a latent that reaches every block.

Brock et al., Large Scale GAN Training for High Fidelity Natural Image Synthesis, 2018. The preset
`paper` is the CIFAR-10 form of PyTorch-StudioGAN (Kang et al., 2022), whose parameter counts it
has. It departs in that the orthogonal term is left out, as there; that the generator's average
begins at once, not at step 1000, and ages with the run; that images are not mirrored; that power
iteration runs once in each of a network's passes; that fakes have the classes of the real batch,
where the authors draw them; and that the averaged generator keeps the batch statistics of training,
where the authors measure or average them anew (both measured: `experiments/choices.md`).

The laptop's form has R1, one update of the critic, rates that fall from 1e-3 to 0 and no orthogonal
term (measured: `experiments/defaults.md`). The article's own form is of 128 pixels or more and
batches of 2048: --deep, a larger image, --attention=64, --generator-lr=5e-5, --critic-lr=2e-4,
--n-critic=2, --r1=0, --orthogonal=1e-4, --schedule=constant.
"""

from dataclasses import dataclass

from jaxgan.core.typing import Spec
from jaxgan.losses import objectives, regularizers
from jaxgan.networks import biggan
from jaxgan.recipes import config
from jaxgan.recipes.config import Preset
from jaxgan.recipes.labels import chosen_classes
from jaxgan.recipes.two_player import two_player
from jaxgan.recipes.types import Recipe


@dataclass(frozen=True)
class Config(config.Ordinary, config.Packs, config.Minibatch, config.Labels):
  """Options of BigGAN."""

  deep: bool = False
  """BigGAN-deep: bottleneck blocks, two for each size, and the whole latent for each."""
  generator_width: int = 16
  """The generator's channels are multiples of it: 4 up to 56 pixels, 16 to 1 above."""
  critic_width: int = 16
  """The critic's channels are multiples of it: 2 (deep: 4) up to 56 pixels, 1 to 16 above."""
  shared_size: int = 128
  """Dimensions of the label's embedding, which all blocks of the generator share; 0: each batch
  norm has vectors of its own, for each class if there are any, and the latent enters the first
  layer alone."""
  attention: int = 16
  """Pixels on a side of the map that attends to itself, at most half the image; 0: none."""
  orthogonal: float = 0.0
  """Weight of the term that keeps the generator's filters at right angles, for truncation; the
  article's is 1e-4."""
  idle_biases: bool = False
  """Biases before batch norm, as the authors have them: all but idle parameters."""
  epsilon: float = 1e-5
  """Added to the variances by the generator's batch norms."""
  spare_outputs: bool = False
  """The last convolution has outputs beyond the image, as in the published BigGAN-deep."""
  latent_size: int = 120
  # Measured on a laptop: R1 in place of the second update, and the rates that it bears.
  r1: float = 30.0
  generator_lr: float = 1e-3
  critic_lr: float = 1e-3
  beta1: float = 0.0
  beta2: float = 0.99
  schedule: config.Schedule = 'linear'
  steps: int = 2000

  def problems(self) -> list[str]:
    """Sizes and weights that mean nothing."""
    found = config.above_zero(self, 'generator_width', 'critic_width', 'epsilon')
    found += config.zero_or_above(self, 'attention', 'orthogonal', 'shared_size')
    if self.deep and not self.shared_size:
      found.append('--deep needs an embedding that all blocks share: give a --shared-size above 0')
    return super().problems() + found


PAPER: Preset = dict(
  image_size=32,
  latent_size=80,
  generator_width=96,
  critic_width=96,
  idle_biases=True,
  epsilon=1e-4,
  n_critic=5,
  r1=0.0,
  generator_lr=2e-4,
  critic_lr=2e-4,
  beta1=0.5,
  beta2=0.999,
  schedule='constant',
  steps=100_000,
  ema_images=2_217_973.0,  # a decay of 0.9999 for each step of 5 batches of 64 images
)


def build(config: Config, spec: Spec) -> Recipe:
  """Networks of spectral norm one, hinge losses and the orthogonal term.

  Raises:
    ValueError: as `chosen_classes`, or a size that does not halve to 4..7.
  """
  classes = chosen_classes(config, spec)
  generator = biggan.Generator(
    spec.size,
    spec.channels,
    config.generator_width,
    shared=config.shared_size,
    bias=config.idle_biases,
    classes=classes,
    attention=config.attention,
    deep=config.deep,
    eps=config.epsilon,
    spare=config.spare_outputs,
  )
  critic = biggan.Critic(
    config.critic_width, classes=classes, attention=config.attention, deep=config.deep
  )
  term = regularizers.orthogonal(config.orthogonal, skip=('shared',)) if config.orthogonal else None
  return two_player(
    config,
    spec,
    generator=generator,
    critic=critic,
    objective=objectives.hinge(),
    conditional=bool(classes),
    regularizer=term,
  )
