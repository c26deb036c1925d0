"""A tiny variant whose generator has styles, in the place of a StyleGAN."""

import flax.linen as nn
import jax.numpy as jnp
import optax

from jaxgan.core import network
from jaxgan.core.game import Game, Nets, Player, Turn
from jaxgan.networks import mlp
from jaxgan.nn.dense import Dense
from jaxgan.recipes import config
from jaxgan.recipes.two_player import latents
from jaxgan.recipes.types import Recipe, Sampler, Stage, Styles

LAYERS, WIDTH = 6, 5
Config, PAPER = config.Config, {}


class Mapping(nn.Module):
  """z and the class to w."""

  @nn.compact
  def __call__(self, z, labels, *, train):
    z = jnp.concatenate([z, 3 * nn.one_hot(labels, 10)], -1)
    return jnp.tanh(Dense(WIDTH, start=nn.initializers.normal(0.4))(z))


class Synthesis(nn.Module):
  """w `[B, layers, d]` to images whose row i hangs on layer i alone."""

  size: int

  @nn.compact
  def __call__(self, w, *, train):
    start = nn.initializers.normal(0.3)
    rows = [Dense(2 * self.size, start=start, name=f'affine_{i}')(w[:, i]) for i in range(LAYERS)]
    rows = jnp.stack(rows, 1).reshape(len(w), 2 * LAYERS, self.size)
    return jnp.tanh(jnp.pad(rows, ((0, 0), (0, self.size - 2 * LAYERS), (0, 0)))[..., None])


def build(config, spec):
  latent = latents(config)

  def styled(nets: Nets, z, labels):
    w = nets('mapping', z, labels)[0]
    return jnp.broadcast_to(w[:, None], (len(w), LAYERS, WIDTH))

  synthesize = lambda nets, w, key: nets('synthesis', w)[0]
  generate = lambda nets, z, labels: synthesize(nets, styled(nets, z, labels), None)
  sample = lambda nets, key, labels: generate(nets, latent(key, len(labels)), labels)
  networks = {
    'mapping': network.linen(Mapping()),
    'synthesis': network.linen(Synthesis(spec.size)),
    'critic': network.linen(mlp.Critic((8,))),
  }
  idle = lambda nets, batch, key: (jnp.zeros(()), nets, {})  # is never played
  player = Player(tuple(networks), optax.sgd(0.1))
  memory = {'mean': jnp.full(WIDTH, 0.1)}
  game = Game(networks, {'all': player}, (Turn('all', idle),), memory=memory)
  labels = jnp.zeros(2, jnp.int32)
  example = {
    'mapping': (jnp.zeros((2, config.latent_size)), labels),
    'synthesis': (jnp.zeros((2, LAYERS, WIDTH)),),
    'critic': (jnp.zeros((2, *spec.shape)),),
  }
  styles = Styles(styled, synthesize, lambda nets: nets.memory['mean'])
  return Recipe((Stage(game, example),), Sampler(latent, generate, sample, False, styles))
