"""GAN-CLS: text to image, by a critic that also sees real images with wrong texts.

Reed et al., Generative Adversarial Text to Image Synthesis, 2016. A text is the name of an image's
class: a caption of the data set `captions`, or any class's own name. The critic's logits are s_r of
a real image and its text, s_w of a real image and another image's text, s_f of a generated image
and the text that it was made of:

  critic: E sp(-s_r) + (E sp(s_w) + E sp(s_f)) / 2;  generator: E sp(-s_f)

`--interpolation` is GAN-INT, `--conditioning` the conditioning augmentation of Zhang et al.,
StackGAN, 2017. Departures: the text encoder is not a trained char-CNN-RNN but hashed words and
their places, or any function; the critic joins text and image by their product in place of a 1x1
convolution; and the defaults are a laptop's: the critic has no batch norm, R1 penalizes its
gradients, the rates are 1e-3 and beta1 is 0 (measured: `experiments/defaults.md`).
`--preset=paper` is the size, rate and batch of the article.
"""

from dataclasses import dataclass, replace

import jax.numpy as jnp
from jax.nn import softplus

from jaxgan.core.nets import Nets
from jaxgan.core.parts import couples
from jaxgan.core.typing import Array, Batch, Key, Logs, Spec
from jaxgan.losses import adversarial
from jaxgan.losses.adversarial import Fakes
from jaxgan.losses.objectives import Objective
from jaxgan.networks import described
from jaxgan.recipes import config, texts, tricks
from jaxgan.recipes.config import Preset
from jaxgan.recipes.labels import classes_of
from jaxgan.recipes.two_player import Extra, two_player
from jaxgan.recipes.types import Recipe
from jaxgan.variants import dcgan


@dataclass(frozen=True)
class Config(dcgan.Penalized, texts.Texts, config.TwoPlayer, config.Scheduled):
  """Options of GAN-CLS."""

  text_features: int = 128
  """Numbers that a text becomes in each network, by a learned map of its vector."""
  interpolation: float = 0.0
  """Weight of the loss of images made of the mean of two texts (GAN-INT); 1 in the article."""
  conditioning: float = 0.0
  """Weight of the divergence that keeps the numbers of a text near N(0, 1), from which they are
  drawn (conditioning augmentation), such as 1; 0: they are not drawn."""

  def problems(self) -> list[str]:
    """Sizes and weights that mean nothing."""
    found = config.above_zero(self, 'text_features')
    return super().problems() + found + config.zero_or_above(self, 'interpolation', 'conditioning')


PAPER: Preset = dict(
  image_size=64, text_features=128, interpolation=1.0, ema_images=0.0, **dcgan.AS_PUBLISHED
)

Added = tuple[Array, Nets, Logs]
"""What a term adds to a loss, the networks with updated statistics, and values to log."""

objective = Objective(
  critic=lambda real, fake: softplus(-real).mean() + softplus(fake).mean() / 2,
  generator=lambda real, fake: softplus(-fake).mean(),
)


def build(config: Config, spec: Spec) -> Recipe:
  """Return DCGAN's networks with texts, and the matching-aware losses."""
  classes_of(config, spec, conditional=True)  # refuses data without texts
  encode = texts.encoder(config.text_encoder, config.text_size)
  table, size = encode(texts.of_classes(spec)), config.text_features
  plain, augmented = dcgan.networks(config, spec), config.conditioning > 0
  judge = adversarial.judged(adversarial.labels, config.instance_noise, tricks.augmentation(config))

  def mismatched(nets: Nets, fakes: Fakes, batch: Batch, key: Key) -> Added:
    couples('the choice of a wrong text')
    wrong = jnp.roll(batch['label'], 1)
    logits, nets = judge(nets, batch['image'], {**batch, 'label': wrong}, key)
    others = wrong != batch['label']  # the right text is no wrong one
    loss = (softplus(logits) * others).sum() / jnp.maximum(others.sum(), 1)
    return loss / 2, nets, {'wrong': logits.mean()}

  def interpolated(nets: Nets, fakes: Fakes, batch: Batch, key: Key) -> Added:
    first = described.vectors(table, batch['label'])
    between = {**batch, 'label': (first + jnp.roll(first, 1, 0)) / 2}
    images, nets = nets('generator', fakes.latents, between['label'])
    logits, nets = judge(nets, images, between, key)
    return config.interpolation * objective.generator(logits, logits), nets, {}

  def divergence(nets: Nets, fakes: Fakes, batch: Batch, key: Key) -> Added:
    stats, _ = nets.features('generator', fakes.latents, batch['label'])
    mean, log_std = jnp.split(stats, 2, -1)
    kl: Array = (mean**2 + jnp.exp(2 * log_std) - 1 - 2 * log_std).mean() / 2
    return config.conditioning * kl, nets, {'divergence': kl}

  terms = [interpolated] * (config.interpolation > 0) + [divergence] * augmented
  recipe = two_player(
    replace(config, latent_size=config.latent_size + size * augmented),
    spec,
    generator=described.Generator(plain['generator'], table, size, augmented),
    critic=described.Critic(plain['critic'].clone(outputs=size), table, size),
    objective=objective,
    conditional=True,
    extra=Extra(critic_terms=[mismatched], generator_terms=terms),
  )
  return texts.drawn_by_text(recipe, encode, table)
