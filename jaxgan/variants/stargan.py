"""StarGAN: one generator translates between many domains, which are the classes of the data.

Choi et al., StarGAN: Unified Generative Adversarial Networks for Multi-Domain Image-to-Image
Translation, 2018. The generator is given an image and a domain; a head on the critic's features
names the domain. With x an image of domain c, d a random domain and C the cross-entropy:

  critic: E D(G(x, d)) - E D(x) + gp penalty + cls C(x, c)
  generator: -E D(G(x, d)) + cls C(G(x, d), d) + rec E |x - G(G(x, d), c)| + own
  own: identity E |x - G(x, c)|

`--preset=paper` is the authors' setting for faces. Departures: an image is in one domain, while
their faces have several attributes; the head has biases; the identity term is CycleGAN's, and the
article has none. The laptop's networks are narrower, its rates are higher, and its critic moves
once for each step of the generator. Without the identity term such networks keep no digit: they
turn each into another one, from which they find the way back (`experiments/stargan.md`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from jaxgan.core.nets import Nets
from jaxgan.core.network import linen
from jaxgan.core.typing import Array, Batch, Key, Logs, Spec
from jaxgan.losses import classes, gradient_penalties, objectives
from jaxgan.losses.adversarial import Fakes, Terms, between, judged, nothing
from jaxgan.losses.image_to_image import distance
from jaxgan.networks import heads, stargan
from jaxgan.recipes import config, translators
from jaxgan.recipes.config import Preset
from jaxgan.recipes.two_player import duel, features_like, penalties
from jaxgan.recipes.types import Recipe, Stage


@dataclass(frozen=True)
class Config(
  config.Players,
  config.Mirrored,
  config.Common,
  config.Algorithm,
  config.Scheduled,
  config.Accumulated,
):
  """Options of StarGAN."""

  width: int = 16
  """Channels of the layers next to the image."""
  blocks: int = 6
  """Residual blocks of the generator."""
  critic_layers: int | None = None
  """Convolutions of the critic, each of which halves the image; as many, up to 6, as leave two
  pixels on a side, if not given."""
  classification: float = 1.0
  """Weight of naming the domain, for both players."""
  reconstruction: float = 10.0
  """Weight of the distance between an image and its translation back."""
  identity: float = 10.0
  """Weight of the distance between an image and its translation to its own domain; 0: the generator
  may turn each image into any other of the asked domain, as long as it finds the way back."""
  penalty_weight: float = 10.0
  """Weight of the gradient penalty."""
  batch_size: int = 16
  n_critic: int = 1
  generator_lr: float = 5e-4
  critic_lr: float = 5e-4
  schedule: config.Schedule = 'constant_linear'

  def problems(self) -> list[str]:
    """Sizes and weights that mean nothing."""
    weights = 'classification', 'reconstruction', 'identity', 'penalty_weight'
    sizes = config.above_zero(self, 'width', 'blocks')
    return super().problems() + sizes + config.zero_or_above(self, *weights)


PAPER: Preset = dict(
  image_size=128,
  width=64,
  identity=0.0,
  n_critic=5,
  generator_lr=1e-4,
  critic_lr=1e-4,
  ema_images=0.0,
  mirror=True,
  steps=40_000,
)


def restored(nets: Nets, images: Array, batch: Batch) -> tuple[Array, Nets]:
  """Return how far images translated to the domains of a batch are from its images."""
  made, nets = nets('generator', images, batch['label'])
  return distance(made, batch['image']), nets


def build(config: Config, spec: Spec) -> Recipe:
  """Return a generator that takes a domain, a critic of patches, and a head that names domains.

  Raises:
    ValueError: data without two classes, a size that is no multiple of 4, or too many layers.
  """
  names = translators.domains(config, spec)
  layers = stargan.critic_layers(spec.size, config.critic_layers)
  translators.check_quarters(config, spec)
  generator = linen(stargan.Generator(len(names), spec.channels, config.width, config.blocks))
  critic, images = linen(stargan.Critic(layers, config.width)), jnp.zeros((2, *spec.shape))

  def drawn(batch: Batch, key: Key) -> tuple[Array, Mapping[str, Array]]:
    domains = jax.random.randint(key, batch['label'].shape, 0, len(names))
    return domains, {'domain': domains}

  def translated(nets: Nets, batch: Batch, key: Key) -> tuple[Array, Nets]:
    return nets('generator', batch['image'], drawn(batch, key)[0])

  def named(nets: Nets, images: Array, labels: Array) -> tuple[Array, Nets]:
    features, _ = nets.features('critic', images)
    found, nets = nets('head', features)
    return classes.cross_entropy(found, labels), nets

  def of_real(nets: Nets, fakes: Fakes, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    loss, nets = named(nets, batch['image'], batch['label'])
    return config.classification * loss, nets, {'class': loss}

  def of_fakes(nets: Nets, fakes: Fakes, batch: Batch, key: Key) -> tuple[Array, Nets, Logs]:
    loss, nets = named(nets, fakes.images, fakes.codes['domain'])
    back, nets = restored(nets, fakes.images, batch)
    total, logs = config.classification * loss, {'class': loss, 'cycle': back}
    if config.identity:
      logs['identity'], nets = restored(nets, batch['image'], batch)
      total += config.identity * logs['identity']
    return total + config.reconstruction * back, nets, logs

  losses = between(
    objectives.wasserstein(),
    *(gradient_penalties.gradient_penalty(config.penalty_weight), *penalties(config)),
    generate=translated,
    judge=judged(nothing, config.instance_noise),
    terms=Terms([of_real], [of_fakes], drawn),
  )
  networks = {'generator': generator, 'critic': critic, 'head': linen(heads.Classes(len(names)))}
  game = duel(config, networks, losses, owned=('critic', 'head'))
  example = {
    'generator': (images, jnp.zeros(2, jnp.int32)),
    'critic': (images,),
    'head': (features_like(critic, images),),
  }
  return Recipe((Stage(game, example),), translators.to_domains(names))
