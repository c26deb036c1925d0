"""StyleGAN: styles and noise for each layer, in networks that grow.

Karras et al., A Style-Based Generator Architecture for Generative Adversarial Networks, 2019.
Departures: those of `progan`; the average style moves in the generator's turns alone; the constant
has no bias beside it.
`--preset=paper` has the authors' 600 000 images a stage, at 128 pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp

from jaxgan.core.game import Loss
from jaxgan.core.typing import Spec
from jaxgan.losses import objectives
from jaxgan.losses.style_mixing import Drawing
from jaxgan.networks import progan as progan_networks
from jaxgan.networks import resnet, stylegan, stylegan2
from jaxgan.recipes import progressive, style_based, tricks
from jaxgan.recipes.config import Needs, Preset
from jaxgan.recipes.progressive import Level, Networks, growth, stages
from jaxgan.recipes.two_player import latents, penalties
from jaxgan.recipes.types import Recipe


@dataclass(frozen=True)
class Config(progressive.Growing):
  """Options of StyleGAN."""

  # For a laptop's short runs: eight layers make the styles alike at first, and the mapping learns
  # at a hundredth of the rate to keep them apart. The authors have eight and mix, for weeks.
  mapping_layers: int = 2
  """Layers from latents to styles."""
  mixing: float = 0.0
  """Probability that a batch's images are each made of two latents."""
  psi: float = 1.0
  """Truncation of samples: the first styles are drawn towards their mean by this, such as 0.7."""
  psi_layers: int = 8
  """How many styles are drawn so."""
  r1: float = 10.0

  NEEDS: ClassVar[tuple[Needs, ...]] = (Needs(('psi_layers',), lambda c: c.psi != 1, {'psi': 0.7}),)


PAPER: Preset = dict(
  image_size=128,
  images=25_000_000,
  stage_images=600_000,
  batch_size=16,
  width=512,
  base=8192,
  latent_size=512,
  mapping_layers=8,
  mixing=0.9,
  generator_lr=1.5e-3,
  critic_lr=1.5e-3,
  ema_images=10_000.0,
  ema_rampup=1e6,
)


def build(config: Config, spec: Spec) -> Recipe:
  """A stage for each size from the second on that fades in or stands; logistic losses, R1.

  Raises:
    ValueError: as `progressive.growth`.
  """
  grown, latent = growth(config, spec, first=1), latents(config)

  def drawing(sizes: Sequence[int]) -> Drawing:
    return Drawing(latent, 2 * len(sizes), shown=grown.given, mixing=config.mixing)

  def level(at: Level) -> tuple[Networks, tuple[Loss, Loss]]:
    fakes = drawing(at.sizes)
    styles = jnp.zeros((2, fakes.layers, config.width))
    mapping = stylegan2.Mapping(config.width, config.mapping_layers)
    synthesis = stylegan.Synthesis(at.sizes, at.widths[1:], spec.channels, at.fades)
    critic = progan_networks.Critic(at.sizes, at.widths, at.fades, stylegan.blurred_pool)
    networks = {
      'mapping': (mapping, (latent(jax.random.key(0), 2),)),
      'synthesis': (synthesis, (styles, at.weight)),
      'critic': (critic, (at.image, at.weight)),
    }
    return networks, tricks.losses_between(
      config,
      objectives.nonsaturating(),
      penalties(config),
      generate=fakes.generate,
      given=grown.given,
      latent=latent,
      images=fakes.plain,
      real=at.real,
    )

  levels = stages(config, spec, grown, level)
  sizes = resnet.sizes(spec.size)
  whole, noise = drawing(sizes), [size for size in sizes for _ in range(2)]
  return style_based.recipe(
    levels, whole, psi=config.psi, truncate=config.psi_layers, noise=noise, finish=grown.whole
  )
