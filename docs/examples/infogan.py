"""InfoGAN as a variant of your own: a code for the generator, and a head that finds it again.

Chen et al., InfoGAN: Interpretable Representation Learning by Information Maximizing GANs, 2016.
"""

import sys
from dataclasses import dataclass

import optax

import jaxgan
from jaxgan import losses, networks
from jaxgan.main import main


@dataclass(frozen=True)
class Config(jaxgan.Config):
  """Options of InfoGAN."""

  choices: int = 10
  """Values of the code."""
  information: float = 1.0
  """Weight of the cross-entropy of the code that the head finds."""


def build(config, spec):
  """Perceptrons, a head, and a term in both losses."""

  def information(nets, fakes, batch, key):
    features, _ = nets.features('critic', fakes.images)
    found, nets = nets('head', features)
    loss = optax.softmax_cross_entropy(found, fakes.codes['code']).mean()
    return config.information * loss, nets, {'information': loss}

  return jaxgan.two_player(
    config,
    spec,
    generator=networks.mlp.Generator(spec.shape),
    critic=networks.mlp.Critic(),
    objective=losses.nonsaturating(),
    extra=jaxgan.Extra(
      codes={'code': jaxgan.categorical(config.choices)},
      heads={'head': networks.mlp.Perceptron((128,), config.choices)},
      critic_terms=[information],
      generator_terms=[information],
    ),
  )


if __name__ == '__main__':
  jaxgan.register('my_infogan', sys.modules[__name__])
  sys.exit(main())
