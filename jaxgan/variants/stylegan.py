"""StyleGAN: styles and noise for each layer, in networks that grow.

Karras et al., A Style-Based Generator Architecture for Generative Adversarial Networks, 2019.
Departures: those of `progan`; the average style moves in the generator's turns alone; the constant
has no bias beside it.
`--preset=paper` has the authors' 600 000 images a stage, at 128 pixels.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from jaxgan.core import network
from jaxgan.core.typing import Spec
from jaxgan.losses import objectives, style_mixing
from jaxgan.networks import progan as grown_networks
from jaxgan.networks import resnet, stylegan, stylegan2
from jaxgan.recipes import style_based, tricks
from jaxgan.recipes.config import Needs
from jaxgan.recipes.two_player import duel, latents, slopes
from jaxgan.recipes.types import Recipe, Stage
from jaxgan.variants import progan


@dataclass(frozen=True)
class Config(progan.Growing):
  """Options of StyleGAN."""

  mapping_layers: int = 8
  """Layers from latents to styles."""
  mixing: float = 0.9
  """Probability that a batch's images are each made of two latents."""
  psi: float = 1.0
  """Truncation of samples: the first styles are drawn towards their mean by this, such as 0.7."""
  psi_layers: int = 8
  """How many styles are drawn so."""
  r1: float = 10.0

  NEEDS: ClassVar[tuple[Needs, ...]] = (Needs(('psi_layers',), lambda c: c.psi != 1, {'psi': 0.7}),)


PAPER: dict[str, Any] = dict(
  image_size=128,
  images=25_000_000,
  stage_images=600_000,
  batch_size=16,
  width=512,
  base=8192,
  latent_size=512,
  generator_lr=1.5e-3,
  critic_lr=1.5e-3,
  ema_images=10_000.0,
  ema_rampup=1e6,
)


def build(config: Config, spec: Spec) -> Recipe:
  """A stage for each size from the second on that fades in or stands; logistic losses, R1.

  Raises ValueError for a size that does not halve to 4..7.
  """
  grown, latent = progan.growth(config, spec, first=1), latents(config)
  smallest = resnet.stem(spec.size)[0]
  given = lambda nets, batch: (grown.weight(nets.step),)
  drawing = lambda sizes: style_mixing.Drawing(
    latent, 2 * len(sizes), shown=given, mixing=config.mixing
  )

  def stage(i: int) -> Stage:
    sizes, fades = (smallest, *grown.sizes[: grown.level(i) + 1]), grown.fades(i)
    widths = grown_networks.widths(len(sizes), config.base, config.width)
    networks = {
      'mapping': stylegan2.Mapping(config.width, config.mapping_layers),
      'synthesis': stylegan.Synthesis(sizes, widths[1:], spec.channels, fades),
      'critic': grown_networks.Critic(sizes, widths, fades, stylegan.blurred_pool),
    }
    fakes = drawing(sizes)
    pair = tricks.losses_between(
      config,
      objectives.nonsaturating(),
      slopes(config),
      generate=fakes.generate,
      given=given,
      latent=latent,
      images=fakes.plain,
      real=partial(grown.real, stage=i),
    )
    weight, image = jnp.ones(()), jnp.zeros((2, sizes[-1], sizes[-1], spec.channels))
    example = {
      'mapping': (latent(jax.random.key(0), 2),),
      'synthesis': (jnp.zeros((2, 2 * len(sizes), config.width)), weight),
      'critic': (image, weight),
    }
    linen = {name: network.linen(module) for name, module in networks.items()}
    game = duel(config, linen, pair, memory=tricks.memory(config))
    return Stage(game, example, grown.length(i), fresh=('opt',))

  return style_based.recipe(
    tuple(map(stage, range(grown.stages))),
    drawing((smallest, *grown.sizes)),
    psi=config.psi,
    truncate=config.psi_layers,
    finish=grown.whole,
  )
